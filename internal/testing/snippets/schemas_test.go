package snippets_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type note struct {
	ID uint
	models.TenantModel
	Text string
}

// The SQL of the page for production is all the set-up that schemas need: with it tenants are made,
// served, and kept apart by the server's rights.
func TestSetUp_of_schemas(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	suffix := "_" + config.Database
	roles := regexp.MustCompile(`\b(owner|app)\b`)
	names := strings.NewReplacer("'...'", "'secret'", "DATABASE saas", "DATABASE "+config.Database)
	setUp := roles.ReplaceAllString(blockOf(t, "CREATE SCHEMA shared"), "${1}"+suffix)

	super, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	_, err = super.Exec(t.Context(), names.Replace(setUp))
	require.NoError(t, err)
	tenants := []string{"acme" + suffix, "zeta" + suffix} // roles are the whole server's
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, role := range []string{"tenant_acme", "tenant_zeta", "app", "owner"} {
			role += suffix
			_, _ = super.Exec(ctx, "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role)
		}
		require.NoError(t, super.Close(ctx))
	})

	as := func(role string) *pgx.ConnConfig {
		config := config.Copy()
		config.User, config.Password = role+suffix, "secret"
		return config
	}
	owner := openWith(t, postgres.New(postgres.Config{Conn: stdlib.OpenDB(*as("owner"))}))
	provisioner, err := schemas.NewProvisioner(owner, schemas.Roles(), schemas.Login("app"+suffix),
		schemas.Migrations(migrations.Models("1", &note{})))
	require.NoError(t, err)
	app := openWith(t, schemas.Open(dsnOf(as("app")), schemas.Roles()))
	require.NoError(t, app.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	for _, id := range tenants {
		require.NoError(t, provisioner.Provision(t.Context(), id))
		db := app.WithContext(gormtenant.WithTenant(t.Context(), id))
		require.NoError(t, db.Create(&note{Text: "of " + id}).Error)
		var notes []note
		require.NoError(t, db.Find(&notes).Error)
		require.Len(t, notes, 1)
	}
	acme := app.WithContext(gormtenant.WithTenant(t.Context(), tenants[0]))
	err = acme.Exec("SELECT * FROM tenant_" + tenants[1] + ".notes").Error
	require.ErrorContains(t, err, "permission denied")
}

// blockOf returns the block of SQL that holds a text.
func blockOf(t *testing.T, text string) string {
	t.Helper()
	for _, block := range blocksIn(t, "sql") {
		if strings.Contains(block.Text, text) {
			return block.Text
		}
	}
	require.FailNow(t, "no block holds "+text)
	return ""
}

func openWith(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return db
}

// dsnOf returns the DSN of a configuration.
func dsnOf(config *pgx.ConnConfig) string {
	return fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=disable",
		config.Host, config.Port, config.User, config.Password, config.Database)
}
