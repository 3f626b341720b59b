// Package levels gives tests the same tenants at every level of isolation: in shared tables with
// and without row-level security, in schemas of their own with and without roles, and in databases
// of their own, on Postgres and on SQLite. The application's side is always an isolation.Router.
package levels

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// Setup is what a test wants.
type Setup struct {
	// Tenants are the IDs of those that there are.
	Tenants []string
	// Migrate makes the tables in one place. It is called for each.
	Migrate func(db *gorm.DB) error
	// Models are those whose tables get policies where there is row-level security.
	Models []any
}

// Places are the tenants at one level.
type Places struct {
	// Level is how tests call it, as in "schema_roles".
	Level string
	// Own says that each tenant has tables of its own.
	Own bool
	// RawSQL says that the database itself keeps tenants apart, so that raw SQL can be let through.
	RawSQL bool
	// Router takes the application's statements to their places.
	Router *isolation.Router
	// Plain are the tenants' places as their owner sees them, by ID, without plugin and policies.
	Plain map[string]*gorm.DB

	dialect string
}

// Open opens the router with GORM.
func (p *Places) Open(t testing.TB, config *gorm.Config) *gorm.DB {
	t.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: p.Router}
	if p.dialect == onPostgres {
		dialector = postgres.New(postgres.Config{Conn: p.Router})
	}
	db, err := gorm.Open(dialector, config)
	require.NoError(t, err)
	return db
}

const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"
)

// Names are the levels, in the order in which they isolate.
var Names = []string{
	"rows_sqlite", "rows_postgres", "rows_rls", "schema", "schema_roles",
	"database_postgres", "database_sqlite",
}

// openers open them.
var openers = map[string]func(t *testing.T, s Setup) *Places{
	"rows_sqlite":       rowsSQLite,
	"rows_postgres":     rowsPostgres,
	"rows_rls":          rowsRLS,
	"schema":            func(t *testing.T, s Setup) *Places { return ownSchemas(t, s, false) },
	"schema_roles":      func(t *testing.T, s Setup) *Places { return ownSchemas(t, s, true) },
	"database_postgres": ownDatabases,
	"database_sqlite":   ownFiles,
}

// Each runs test at every level, on empty databases each.
func Each(t *testing.T, s Setup, test func(t *testing.T, p *Places)) {
	t.Helper()
	for _, name := range Names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, name, s))
		})
	}
}

// Open makes the tenants' places at the level of that name.
func Open(t *testing.T, name string, s Setup) *Places {
	t.Helper()
	p := openers[name](t, s)
	p.Level = name
	return p
}

// directory is where all tenants are at one level.
type directory map[string]*tenants.Tenant

// Lookup returns the tenant of that ID.
func (d directory) Lookup(_ context.Context, id string) (*tenants.Tenant, error) {
	if t, ok := d[id]; ok {
		return t, nil
	}
	return nil, tenants.ErrNotFound
}

// route makes the router of a level.
func (p *Places) route(
	t *testing.T, s Setup, level tenants.Level, rows *sql.DB, options ...isolation.Option,
) *Places {
	t.Helper()
	all := directory{}
	for _, id := range s.Tenants {
		all[id] = &tenants.Tenant{
			ID: id, Slug: id, Status: tenants.Active, Placement: tenants.Placement{Level: level},
		}
	}
	var err error
	p.Router, err = isolation.NewRouter(all, rows, options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Router.Close() })
	return p
}

// plain opens a pool as its owner.
func plain(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger: logger.Discard, DisableForeignKeyConstraintWhenMigrating: true,
	})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func openFile(t *testing.T, path string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(sqlite.DriverName, "file:"+filepath.ToSlash(path)+
		"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(0)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func openConfig(t *testing.T, config *pgx.ConnConfig) *sql.DB {
	t.Helper()
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}
