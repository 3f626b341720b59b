package rls_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type (
	yearly struct {
		ID uint
		models.TenantModel
	}
	keyed struct {
		TenantID string     `gorm:"primaryKey"`
		ID       uint       `gorm:"primaryKey;autoIncrement:false"`
		Labels   []keyLabel `gorm:"many2many:keyed_labels"`
	}
	keyLabel struct {
		TenantID string `gorm:"primaryKey"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
	}
)

// TestEnable_of_all_tables_of_a_model has a table under a further name, and a join table with two
// tenant columns.
func TestEnable_of_all_tables_of_a_model(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	config := func() *gorm.Config { return &gorm.Config{Logger: logger.Discard} }
	owner, err := gorm.Open(postgres.New(postgres.Config{Conn: s.owner}), config())
	require.NoError(t, err)
	require.NoError(t, owner.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	list := []any{&yearly{}, &keyed{}}
	require.NoError(t, owner.AutoMigrate(list...))
	require.NoError(t, owner.Table("yearlies_2024").AutoMigrate(&yearly{}))
	require.NoError(t, rls.Enable(owner, list...))
	require.NoError(t, owner.Exec(fmt.Sprintf("GRANT ALL ON ALL TABLES IN SCHEMA public TO %s; "+
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %[1]s", s.app.User)).Error)

	statements, err := rls.Statements(owner, list...)
	require.NoError(t, err)
	const tenant = ` = nullif(current_setting('app.tenant_id', true), '')::text`
	require.Contains(t, statements, `CREATE POLICY gormtenant ON "keyed_labels" USING (`+
		`"keyed_tenant_id"`+tenant+` AND "key_label_tenant_id"`+tenant+`) WITH CHECK (`+
		`"keyed_tenant_id"`+tenant+` AND "key_label_tenant_id"`+tenant+`)`)
	require.Contains(t, statements, "ALTER TABLE \"yearlies_2024\" ENABLE ROW LEVEL SECURITY, "+
		"FORCE ROW LEVEL SECURITY")

	db, err := gorm.Open(rls.Open(dsn(s.app, "")), config())
	require.NoError(t, err)
	closeAfter(t, db)
	require.NoError(t, rls.Check(db, list...))
	for _, tenant := range []string{"acme", "zeta"} {
		tx := db.WithContext(gormtenant.WithTenant(t.Context(), tenant))
		link := "INSERT INTO keyed_labels VALUES (?, 1, ?, 1)"
		require.NoError(t, tx.Exec("INSERT INTO keyeds VALUES (?, 1)", tenant).Error)
		require.NoError(t, tx.Exec("INSERT INTO key_labels VALUES (?, 1)", tenant).Error)
		require.NoError(t, tx.Exec(link, tenant, tenant).Error)
		require.ErrorContains(t, tx.Exec(link, tenant, "other").Error, "row-level security")
		require.NoError(t, tx.Exec("INSERT INTO yearlies_2024 (tenant_id) VALUES (?)",
			tenant).Error)
	}
}
