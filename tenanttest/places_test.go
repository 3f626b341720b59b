package tenanttest_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest/levels"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// own opens databases of their own for acme and zeta, behind one router.
func own(t *testing.T, level string, migrate func(db *gorm.DB) error) *levels.Places {
	t.Helper()
	return levels.Open(t, level, levels.Setup{Tenants: []string{"acme", "zeta"}, Migrate: migrate})
}

func empty(*gorm.DB) error { return nil }

// The tables are made in each database, and nothing is left there.
func TestRun_passes_where_tenants_have_databases(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		models []any
	}{
		{"models_without_a_flaw", goodModels()},
		{
			"flaws_only_of_shared_tables",
			[]any{&parent{}, &child{}, &unindexed{}, &tagged{}, &natural{}},
		},
		{"composite_keys", []any{&customer{}, &invoice{}, tenanttest.Shared(&currency{})}},
		{"circle_and_one_row_for_each", []any{&room{}, &shelf{}, &board{}, &issue{}}},
		{"hooks_that_give_keys_or_refuse", []any{&record{}, &entry{}, &receipt{}, &contact{}}},
		{"columns_that_take_not_all", []any{&picture{}, &folder{}, &account{}, &inbox{}}},
		{
			"every_kind_of_relation", []any{
				&dbtest.User{}, &dbtest.Profile{}, &dbtest.Project{}, &dbtest.Task{}, &dbtest.Tag{},
				&dbtest.Note{},
				tenanttest.Shared(&dbtest.Country{}),
				tenanttest.Allow("Project/unique_slug", "what a careless model has"),
			},
		},
	} {
		for _, level := range []string{"database_sqlite", "database_postgres"} {
			for _, plugin := range []struct {
				how     string
				options []tenantplugin.Option
			}{
				{"strict", []tenantplugin.Option{tenantplugin.CheckReferences()}},
				{"raw_sql", []tenantplugin.Option{tenantplugin.AllowRawSQL()}},
			} {
				if level == "database_postgres" &&
					(testing.Short() || plugin.how == "strict" &&
						test.name != "every_kind_of_relation") {
					continue
				}
				t.Run(test.name+"/"+level+"/"+plugin.how, func(t *testing.T) {
					t.Parallel()
					p := own(t, level, empty)
					db := p.Open(t, &gorm.Config{})
					require.NoError(t, db.Use(tenantplugin.New(plugin.options...)))
					tenanttest.Run(t, func(*testing.T) *gorm.DB { return db },
						append(test.models, tenanttest.Tenants("acme", "zeta"))...)
					for id, plain := range p.Plain {
						tables, err := plain.Migrator().GetTables()
						require.NoError(t, err)
						tables = slices.DeleteFunc(tables, func(table string) bool {
							return table == placemark.Table // whose file it is
						})
						require.Empty(t, tables, id)
					}
				})
			}
		}
	}
}

func openPool(t *testing.T) *sql.DB {
	t.Helper()
	pool, err := sql.Open(sqlite.DriverName,
		"file:"+filepath.ToSlash(t.TempDir())+"/all.db?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// directory says in which schema each tenant is.
type directory map[string]string

func (d directory) Lookup(_ context.Context, id string) (*tenants.Tenant, error) {
	name, ok := d[id]
	if !ok {
		return nil, tenants.ErrNotFound
	}
	return &tenants.Tenant{
		ID: id, Placement: tenants.Placement{Level: tenants.Schema, Name: name},
	}, nil
}

// overSchemas opens a router to schemas. The tables of goodModels and country are in the last of
// them.
func overSchemas(t *testing.T, d directory, names ...string) gorm.Dialector {
	t.Helper()
	pool, err := inSchemas(t, names...).DB()
	require.NoError(t, err)
	shared, err := openEmpty(t, "postgres").DB()
	require.NoError(t, err)
	router, err := isolation.NewRouter(d, shared, isolation.Schemas(pool))
	require.NoError(t, err)
	t.Cleanup(func() { _ = router.Close() })
	return postgres.New(postgres.Config{Conn: router})
}

// inSchemas opens a database in which tenants have schemas, without a router.
func inSchemas(t *testing.T, names ...string) *gorm.DB {
	t.Helper()
	dsn := pgtest.New(t)
	for _, name := range names {
		plain, err := gorm.Open(postgres.Open(dsn+"&search_path="+name),
			&gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		require.NoError(t, plain.Exec("CREATE SCHEMA "+name).Error)
		require.NoError(t, plain.Exec("COMMENT ON SCHEMA "+name+" IS 'gormtenant:"+
			strings.TrimPrefix(name, "tenant_")+"'").Error)
		if name == "shared" {
			require.NoError(t, plain.AutoMigrate(append(goodModels(), &country{})...))
			require.NoError(t, plain.Exec("INSERT INTO countries (name) VALUES ('Portugal')").Error)
		}
		pool, err := plain.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	}
	db, err := gorm.Open(schemas.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// One transaction reaches the schemas of both, and their tables are not the same.
func TestRun_passes_over_schemas_without_a_router(t *testing.T) {
	t.Parallel()
	db := inSchemas(t, "tenant_acme", "tenant_zeta", "shared")
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	tenanttest.Run(t, func(*testing.T) *gorm.DB { return db },
		&resident{}, &unindexed{}, &tagged{}, tenanttest.Shared(&country{}),
		tenanttest.Tenants("acme", "zeta"))
}
