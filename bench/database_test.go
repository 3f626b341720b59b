package bench_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The rows of the tenant that all operations are about, the sixth of ten.
const (
	tenant                = "tenant-5"
	projectsOfTenant      = 1000
	lastProject           = 10 * projectsOfTenant // of all tenants
	firstProject     uint = 5*projectsOfTenant + 1
	firstOwner       uint = 51
	spareProject     uint = 100_000_000 // from here on are projects to be deleted
)

// key returns the n-th key of the tenant's projects, over and over.
func key(n int) uint { return firstProject + uint(n%projectsOfTenant) }

// lowest returns the first key of the n-th range of 100 of the tenant's projects.
func lowest(n int) uint { return firstProject + uint(n%(projectsOfTenant-99)) }

// database is one database through GORM without and with the plugin. Both share its connections.
type database struct {
	plain, scoped *gorm.DB
}

// open opens the database of a dialector twice.
func open(t testing.TB, dialector func() gorm.Dialector, config gorm.Config) database {
	t.Helper()
	config.Logger = logger.Discard
	config.DisableForeignKeyConstraintWhenMigrating = true
	open := func() *gorm.DB {
		own := config
		db, err := gorm.Open(dialector(), &own)
		require.NoError(t, err)
		return db
	}
	d := database{plain: open(), scoped: open()}
	require.NoError(t, d.scoped.Use(tenantplugin.New()))

	// A context that can be cancelled makes the drivers watch it, which is noise here.
	ctx := context.WithoutCancel(t.Context())
	d.plain = d.plain.WithContext(ctx)
	d.scoped = d.scoped.WithContext(ctx)
	return d
}

// seed makes the tables, and fills them with the rows of ten tenants.
func (d database) seed(t testing.TB) {
	t.Helper()
	require.NoError(t, d.scoped.AutoMigrate(&User{}, &Project{}, &Task{}))
	for _, statement := range []string{
		`INSERT INTO users (id, tenant_id, name) ` + numbers("100") +
			`SELECT i, 'tenant-' || ((i - 1) / 10), 'user ' || i FROM numbers`,
		`INSERT INTO projects (id, tenant_id, name, budget, owner_id) ` + numbers("10000") +
			`SELECT i, 'tenant-' || ((i - 1) / 1000), 'project ' || i, i, (i - 1) / 100 + 1 ` +
			`FROM numbers`,
		`INSERT INTO tasks (id, tenant_id, project_id, title) ` + numbers("30000") +
			`SELECT i, 'tenant-' || ((i - 1) / 3000), (i - 1) / 3 + 1, 'task ' || i FROM numbers`,
		`ANALYZE`,
	} {
		require.NoError(t, d.plain.Exec(statement).Error)
	}
	if d.plain.Name() == "postgres" {
		require.NoError(t,
			d.plain.Exec("SELECT setval(pg_get_serial_sequence('projects', 'id'), ?)",
				lastProject).Error)
	}
}

func numbers(last string) string {
	return `WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers ` +
		`WHERE i < ` + last + `) `
}

// addSpare adds n projects to be deleted.
func (d database) addSpare(t testing.TB, n int) {
	t.Helper()
	require.NoError(t, d.plain.Exec(`INSERT INTO projects (id, tenant_id, name, budget, owner_id) `+
		numbers("@n")+`SELECT i - 1 + @first, @tenant, 'spare', 0, @owner FROM numbers`,
		sql.Named("n", n), sql.Named("first", spareProject), sql.Named("tenant", tenant),
		sql.Named("owner", firstOwner)).Error)
}

// clean removes what operations created, and what is left of the spare projects.
func (d database) clean(t testing.TB) {
	t.Helper()
	require.NoError(t, d.plain.Exec("DELETE FROM projects WHERE id > ?", lastProject).Error)
	if d.plain.Name() == "postgres" {
		require.NoError(t, d.plain.Exec("VACUUM projects").Error)
	}
}
