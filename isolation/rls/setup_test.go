package rls_test

import (
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The SQL of docs/production.md, pasted into an empty database, is all the set-up that there is.
func TestSetUp_of_the_page_for_production(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	page, err := os.ReadFile("../../docs/production.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sql\n(CREATE ROLE owner.*?)```").FindSubmatch(page)
	require.NotNil(t, block)
	suffix := "_page_" + s.app.Database
	roles := regexp.MustCompile(`\b(owner|app|admin)\b`)
	named := roles.ReplaceAllString(string(block[1]), "${1}"+suffix)
	_, err = s.owner.Exec(strings.NewReplacer("'...'", "'secret'",
		"DATABASE saas", "DATABASE "+s.app.Database).Replace(named))
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, role := range []string{"app", "admin", "owner"} {
			_, _ = s.owner.Exec("DROP OWNED BY " + role + suffix + " CASCADE; DROP ROLE " + role +
				suffix)
		}
	})
	open := func(role string, options ...rls.Option) *gorm.DB {
		config := s.app.Copy()
		config.User, config.Password = role+suffix, "secret"
		pool := stdlib.OpenDB(*config)
		if role == "app" {
			pool = sql.OpenDB(rls.NewConnector(config, options...))
		}
		db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}),
			&gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		closeAfter(t, db)
		require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
			tenantplugin.AllowRawSQL())))
		return db
	}
	owner := open("owner")
	require.NoError(t, owner.AutoMigrate(saas.Models()...))
	require.NoError(t, rls.Enable(owner))

	admin := s.app.Copy()
	admin.User, admin.Password = "admin"+suffix, "secret"
	app := open("app", rls.Admin(admin))
	require.NoError(t, rls.Check(app))
	for _, tenant := range []string{"acme", "zeta"} {
		tx := app.WithContext(gormtenant.WithTenant(t.Context(), tenant))
		require.NoError(t, tx.Create(&saas.Tag{Label: tenant}).Error)
		require.Equal(t, []string{tenant}, labels(t, tx))
	}
	require.Equal(t, []string{"acme", "zeta"},
		labels(t, app.WithContext(gormtenant.Unscoped(t.Context(), "report"))))
}
