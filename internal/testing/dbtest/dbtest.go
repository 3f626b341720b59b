// Package dbtest gives tests the same two tenants, A and B, on every database: SQLite,
// Postgres and MariaDB. Its models have one of each kind of relation.
package dbtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/mysqltest"
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
	// DB has the plugin, Plain has not. Both are on the same database; where tenants have tables
	// of their own, Plain is on those of A.
	DB, Plain *gorm.DB
	// A and B are the contexts of the tenants.
	A, B context.Context
	// Name is that of the dialect.
	Name string
	// Own says that each tenant has tables of its own: then a key of B's rows is free for A.
	Own bool
	// Held says that tenants share tables with policies: then the plugin does not see B's rows
	// either, and the database refuses, or finds nothing, in words of its own.
	Held bool
	// Alone is a database of A's own, where a test compares with one.
	Alone *Env

	others map[string]*gorm.DB // the databases of the tenants but A
	seeded state
	clean  bool   // the rows are as Seed makes them
	query  string // of all rows
	alone  bool   // the rows are A's only
	read   []string
	into   []any
	hears  bool // what GORM's queries read is recorded
}

// plainOf returns the database of a tenant, without the plugin.
func (e *Env) plainOf(tenant string) *gorm.DB {
	if db, ok := e.others[tenant]; ok {
		return db
	}
	return e.Plain
}

// Over makes an Env of a *gorm.DB with the plugin, and of the tenants' databases as their owner
// sees them. The models are migrated there.
func Over(db *gorm.DB, plain map[string]*gorm.DB, own bool) *Env {
	return &Env{
		DB: db, Plain: plain[A], Name: db.Name(), Own: own,
		others: map[string]*gorm.DB{B: plain[B]},
		A:      gormtenant.WithTenant(context.Background(), A),
		B:      gormtenant.WithTenant(context.Background(), B),
	}
}

// As returns a DB of tenant A, the one who attacks.
func (e *Env) As() *gorm.DB { return e.DB.WithContext(e.A) }

// dialectors opens a new database of each kind.
var dialectors = []struct {
	name string
	open func(testing.TB) gorm.Dialector
}{
	{"sqlite", func(t testing.TB) gorm.Dialector {
		return sqlite.Open("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")) +
			"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(0)")
	}},
	{"postgres", func(t testing.TB) gorm.Dialector { return postgres.Open(pgtest.New(t)) }},
	// Several statements in one text are what an attack would like.
	{"mysql", func(t testing.TB) gorm.Dialector {
		return mysql.Open(mysqltest.New(t) + "&multiStatements=true")
	}},
	// As of MySQL's server, and with a count of rows that tells nothing.
	{"mysql_without_returning", func(t testing.TB) gorm.Dialector {
		return mysql.New(mysql.Config{
			DSN: mysqltest.New(t) + "&multiStatements=true&clientFoundRows=true",

			DisableWithReturning: true,
		})
	}},
}

// On returns what opens a new database of a kind: "sqlite", "postgres", "mysql" or
// "mysql_without_returning".
func On(t testing.TB, name string) func(*gorm.Config) *gorm.DB {
	t.Helper()
	for _, dialector := range dialectors {
		if dialector.name == name {
			d := dialector.open(t)
			return func(config *gorm.Config) *gorm.DB { return Open(t, d, config) }
		}
	}
	t.Fatalf("no database is called %q", name)
	return nil
}

// Each runs test once on SQLite and on Postgres, on an empty database each. Tests of MySQL ask for
// it by name, with On.
func Each(t *testing.T, test func(t *testing.T, open func(*gorm.Config) *gorm.DB)) {
	t.Helper()
	for _, dialector := range dialectors {
		if strings.HasPrefix(dialector.name, "mysql") {
			continue
		}
		t.Run(dialector.name, func(t *testing.T) {
			t.Parallel()
			test(t, On(t, dialector.name))
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
	t *testing.T, open func(*gorm.Config) *gorm.DB, config *gorm.Config,
	options ...tenantplugin.Option,
) *Env {
	t.Helper()
	e := &Env{
		Plain: open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}),
		DB:    open(config),
		A:     gormtenant.WithTenant(context.Background(), A),
		B:     gormtenant.WithTenant(context.Background(), B),
	}
	e.Name = e.DB.Name()
	options = append(options, tenantplugin.Models(Models()...))
	require.NoError(t, e.DB.Use(tenantplugin.New(options...)))
	config.DisableForeignKeyConstraintWhenMigrating = true
	e.DB.Config.DisableForeignKeyConstraintWhenMigrating = true
	require.NoError(t, e.DB.AutoMigrate(Models()...))
	e.Seed(t)
	return e
}

// Quoted returns a name as the database quotes it.
func (e *Env) Quoted(name string) string { return e.Plain.Statement.Quote(name) }

// Concat returns an expression for the text of two, one after the other.
func (e *Env) Concat(a, b string) string {
	if e.Name == "mysql" { // where || is OR
		return "concat(" + a + ", " + b + ")"
	}
	return a + " || " + b
}

// Text returns the one value that a query gives, without the plugin, from the database of A.
func (e *Env) Text(t testing.TB, query string) string {
	t.Helper()
	var value any
	require.NoError(t, e.Plain.Raw(query).Row().Scan(&value))
	if text, ok := value.([]byte); ok { // as MySQL sends everything
		return string(text)
	}
	return fmt.Sprint(value)
}
