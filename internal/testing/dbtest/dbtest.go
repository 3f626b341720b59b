// Package dbtest gives tests the same two tenants, A and B, on every database: SQLite and
// Postgres. Its models have one of each kind of relation.
package dbtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The tenants. The rows of A have the keys 1 to 9, those of B 11 to 19.
const (
	A = "acme"
	B = "zeta"
)

// Env is a database with the rows of both tenants.
type Env struct {
	// DB has the plugin, Plain has not. Both are on the same database; where tenants have tables of their
	// own, Plain is at the place of A.
	DB, Plain *gorm.DB
	// A and B are the contexts of the tenants.
	A, B context.Context
	// Name is that of the dialect.
	Name string
	// Own says that each tenant has tables of its own: then a key of B's rows is free for A.
	Own bool
	// Held says that tenants share tables with policies: then the plugin does not see B's rows either, and
	// the database refuses, or finds nothing, in words of its own.
	Held bool

	others map[string]*gorm.DB // the places of the tenants but A
}

// place returns the tenant's place, past the plugin.
func (e *Env) place(tenant string) *gorm.DB {
	if db, ok := e.others[tenant]; ok {
		return db
	}
	return e.Plain
}

// Over makes an Env of a *gorm.DB with the plugin, and of the places of the tenants as their owner sees
// them. The models are migrated there.
func Over(db *gorm.DB, plain map[string]*gorm.DB, own bool) *Env {
	return &Env{
		DB: db, Plain: plain[A], Name: db.Name(), Own: own, others: map[string]*gorm.DB{B: plain[B]},
		A: gormtenant.WithTenant(context.Background(), A),
		B: gormtenant.WithTenant(context.Background(), B),
	}
}

// As returns a DB of tenant A, the one who attacks.
func (e *Env) As() *gorm.DB { return e.DB.WithContext(e.A) }

// dialectors opens a new database of each kind.
var dialectors = map[string]func(testing.TB) gorm.Dialector{
	"sqlite": func(t testing.TB) gorm.Dialector {
		return sqlite.Open("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")) +
			"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(0)")
	},
	"postgres": func(t testing.TB) gorm.Dialector { return postgres.Open(pgtest.New(t)) },
}

// Each runs test once on every kind of database, on an empty one each.
func Each(t *testing.T, test func(t *testing.T, open func(*gorm.Config) *gorm.DB)) {
	t.Helper()
	for name, dialector := range dialectors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dialector(t)
			test(t, func(config *gorm.Config) *gorm.DB { return Open(t, d, config) })
		})
	}
}

// Open opens a database that is closed with the test. The logger is silent unless config has one.
func Open(t testing.TB, dialector gorm.Dialector, config *gorm.Config) *gorm.DB {
	t.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	db, err := gorm.Open(dialector, config)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// Run runs test on every kind of database with the models migrated and both tenants' rows.
func Run(t *testing.T, test func(t *testing.T, e *Env), options ...tenantplugin.Option) {
	t.Helper()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		test(t, NewEnv(t, open, &gorm.Config{}, options...))
	})
}

// NewEnv makes an Env on a database that open opens with config.
func NewEnv(
	t *testing.T, open func(*gorm.Config) *gorm.DB, config *gorm.Config, options ...tenantplugin.Option,
) *Env {
	t.Helper()
	e := &Env{
		Plain: open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}),
		DB:    open(config),
		A:     gormtenant.WithTenant(context.Background(), A),
		B:     gormtenant.WithTenant(context.Background(), B),
	}
	e.Name = e.DB.Name()
	require.NoError(t, e.DB.Use(tenantplugin.New(append(options, tenantplugin.Models(Models()...))...)))
	config.DisableForeignKeyConstraintWhenMigrating = true
	e.DB.Config.DisableForeignKeyConstraintWhenMigrating = true
	require.NoError(t, e.DB.AutoMigrate(Models()...))
	e.Seed(t)
	return e
}

// Seed puts the rows of both tenants back to what they were.
func (e *Env) Seed(t testing.TB) {
	t.Helper()
	for i, tenant := range []string{A, B} {
		var statements []string // in one round trip
		if i == 0 || e.Own {
			for _, table := range Tables {
				statements = append(statements, "DELETE FROM "+table)
			}
			statements = append(statements, "INSERT INTO countries (code, name) VALUES ('PT', 'Portugal')")
		}
		for _, row := range []string{
			"INSERT INTO users (id, tenant_id, name, age, manager_id) VALUES (%[1]d1, '%[2]s', 'ann', 30, NULL)",
			"INSERT INTO users (id, tenant_id, name, age, manager_id) VALUES (%[1]d2, '%[2]s', 'bob', 40, %[1]d1)",
			"INSERT INTO profiles (id, tenant_id, user_id, bio) VALUES (%[1]d1, '%[2]s', %[1]d1, 'bio')",
			"INSERT INTO projects (id, tenant_id, name, budget, slug, owner_id, country_code) " +
				"VALUES (%[1]d1, '%[2]s', 'site', 100, '%[2]s-site', %[1]d1, 'PT')",
			"INSERT INTO projects (id, tenant_id, name, budget, slug, owner_id, country_code) " +
				"VALUES (%[1]d2, '%[2]s', 'app', 200, '%[2]s-app', %[1]d2, NULL)",
			"INSERT INTO tasks (id, tenant_id, title, project_id) VALUES (%[1]d1, '%[2]s', 'plan', %[1]d1)",
			"INSERT INTO tasks (id, tenant_id, title, project_id) VALUES (%[1]d2, '%[2]s', 'build', %[1]d1)",
			"INSERT INTO tags (id, tenant_id, label) VALUES (%[1]d1, '%[2]s', 'red')",
			"INSERT INTO tags (id, tenant_id, label) VALUES (%[1]d2, '%[2]s', 'blue')",
			"INSERT INTO notes (id, tenant_id, text, subject_id, subject_type) " +
				"VALUES (%[1]d1, '%[2]s', 'memo', %[1]d1, 'projects')",
			"INSERT INTO project_tags (project_id, tag_id) VALUES (%[1]d1, %[1]d1)",
			"INSERT INTO user_friends (user_id, friend_id) VALUES (%[1]d1, %[1]d2)",
		} {
			statements = append(statements, fmt.Sprintf(row, i, tenant))
		}
		if e.Name == "postgres" { // past the keys above
			for _, table := range []string{"users", "profiles", "projects", "tasks", "tags", "notes"} {
				statements = append(statements, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), 100)")
			}
		}
		require.NoError(t, e.place(tenant).Exec(strings.Join(statements, ";\n")).Error)
	}
}

// Rows returns every row of a tenant as text, in order, and the rows that join its rows. Where tenants have
// tables of their own, it returns all that is there.
func (e *Env) Rows(t testing.TB, tenant string) string {
	t.Helper()
	var text strings.Builder
	for _, table := range Tables {
		where := "tenant_id = '" + tenant + "'"
		switch {
		case table == "countries" || e.Own:
			where = "1 = 1"
		case table == "project_tags":
			where = "project_id IN (SELECT id FROM projects WHERE " + where + ")" +
				" OR tag_id IN (SELECT id FROM tags WHERE " + where + ")"
		case table == "user_friends":
			where = "user_id IN (SELECT id FROM users WHERE " + where + ")" +
				" OR friend_id IN (SELECT id FROM users WHERE " + where + ")"
		}
		var rows []map[string]any
		require.NoError(t, e.place(tenant).Raw("SELECT * FROM "+table+" WHERE "+where+" ORDER BY 1, 2").Scan(&rows).Error)
		for _, row := range rows {
			fmt.Fprintf(&text, "%s %v\n", table, row)
		}
	}
	return text.String()
}

// Text returns the one value that a query gives, past the plugin, at the place of A.
func (e *Env) Text(t testing.TB, query string) string {
	t.Helper()
	var value any
	require.NoError(t, e.Plain.Raw(query).Row().Scan(&value))
	return fmt.Sprint(value)
}
