package rls_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/internal/testing/citustest"
	"github.com/gormtenant/gormtenant/isolation/distribute"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// openedForCitus opens the deployment's database as an application on Citus does.
func openedForCitus(t *testing.T, s *server) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(rls.Open(dsn(s.app, ""), rls.Citus()),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
		tenantplugin.AllowRawSQL())))
	return db
}

// What Check asks where there is Citus: it is in the catalog of any server.
func TestCheck_with_Citus_finds_each_hole(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	app := func() *gorm.DB { return openedForCitus(t, s) }
	require.ErrorContains(t, rls.Check(app(), rls.Citus()),
		`"users" forces row-level security, with which Citus cannot move its shards`)
	require.NoError(t, rls.Enable(owner, rls.Citus()))
	require.NoError(t, rls.Check(app(), rls.Citus()))
	require.NoError(t, rls.CheckOwner(owner, rls.Citus()))
	require.NoError(t, rls.Enable(owner, rls.Citus()), "again")
	require.ErrorContains(t, rls.Check(app()), "does not force row-level security on its owner")

	require.ErrorContains(t, rls.Check(opened(t, dsn(s.app, "")), rls.Citus()),
		`citus.propagate_set_commands is ""`)
	exec := func(statement string) { require.NoError(t, owner.Exec(statement).Error, statement) }
	exec("ALTER ROLE " + s.app.User + " SET plan_cache_mode = force_generic_plan")
	require.ErrorContains(t, rls.Check(app(), rls.Citus()), "plan_cache_mode is force_generic_plan")
	exec("ALTER ROLE " + s.app.User + " RESET plan_cache_mode")

	role := "owner_" + s.app.Database
	exec("CREATE ROLE " + role)
	t.Cleanup(func() { _ = owner.Exec("DROP ROLE " + role).Error })
	t.Cleanup(func() { _ = owner.Exec("DROP OWNED BY " + role + " CASCADE").Error })
	exec("ALTER TABLE tasks OWNER TO " + role)
	require.NoError(t, rls.Check(app(), rls.Citus()))
	exec("GRANT " + role + " TO " + s.app.User)
	require.ErrorContains(t, rls.Check(app(), rls.Citus()),
		`the owner of "tasks", or can become it`)
}

// Policies that let nothing through hold, and make every page empty.
func TestCheck_reads_an_own_row_back(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	db := opened(t, dsn(s.app, ""))
	require.NoError(t, rls.Check(db.WithContext(gormtenant.WithTenant(t.Context(), "acme"))))
	err := rls.Check(db.WithContext(gormtenant.WithTenant(t.Context(), "no such tenant")))
	require.ErrorIs(t, err, rls.ErrHole)
	require.ErrorContains(t, err, "the tenant of the context sees no row of its own")

	plain, err := gorm.Open(postgres.Open(dsn(s.app, "")), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, plain)
	require.NoError(t, plain.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...))))
	require.ErrorContains(t,
		rls.Check(plain.WithContext(gormtenant.WithTenant(t.Context(), "acme"))),
		"the tenant of the context sees no row of its own", "rls.Open was forgotten")
}

// The whole of it on a cluster.
func TestCitus_on_a_cluster(t *testing.T) {
	t.Parallel()
	address := citustest.New(t)
	owner, err := gorm.Open(postgres.Open(address), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, owner)
	require.NoError(t, owner.Use(tenantplugin.New(tenantplugin.Models(sharded.Models()...),
		tenantplugin.AllowRawSQL())))
	require.NoError(t, owner.AutoMigrate(sharded.Models()...))
	require.NoError(t, distribute.Apply(t.Context(), owner, distribute.Citus()))
	require.NoError(t, rls.Enable(owner, rls.Citus()))

	u, err := url.Parse(address)
	require.NoError(t, err)
	schema := u.Query().Get("search_path")
	role := "app_" + schema
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'secret'",
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO " + role,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + role,
	} {
		require.NoError(t, owner.Exec(statement).Error, statement)
	}
	t.Cleanup(func() {
		_ = owner.Exec("DROP OWNED BY " + role).Error
		_ = owner.Exec("DROP ROLE " + role).Error
	})
	u.User = url.UserPassword(role, "secret")
	app, err := gorm.Open(rls.Open(u.String(), rls.Citus()), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, app)
	require.NoError(t, app.Use(tenantplugin.New(tenantplugin.Models(sharded.Models()...),
		tenantplugin.AllowRawSQL())))
	for _, tenant := range []string{"acme", "zeta"} {
		tx := app.WithContext(gormtenant.WithTenant(t.Context(), tenant))
		require.NoError(t, tx.Create(&sharded.Tag{Label: tenant}).Error)
		require.NoError(t, tx.Exec(fmt.Sprintf("INSERT INTO tags (tenant_id, label) "+
			"VALUES ('%s', 'raw')", tenant)).Error, "without arguments")
		require.NoError(t, tx.Transaction(func(tx *gorm.DB) error {
			return tx.Transaction(func(tx *gorm.DB) error { // a savepoint
				return tx.Create(&sharded.Tag{Label: "inside"}).Error
			})
		}))
	}
	for _, tenant := range []string{"acme", "zeta"} {
		ctx := gormtenant.WithTenant(t.Context(), tenant)
		var labels []string
		require.NoError(t, app.WithContext(ctx).Raw("SELECT label FROM tags ORDER BY label").
			Scan(&labels).Error)
		require.ElementsMatch(t, []string{tenant, "inside", "raw"}, labels)
		require.NoError(t, rls.Check(app.WithContext(ctx), rls.Citus()))
	}
	require.ErrorContains(t, rls.Check(app), "this is Citus")
}
