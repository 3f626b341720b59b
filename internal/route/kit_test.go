package route_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

const (
	A = "acme"
	B = "zeta"
)

// Note is a model that says nothing of tenants.
type Note struct {
	ID   uint
	Text string
}

// tenants is a picker of two databases.
type tenants struct {
	pools  map[any]*sql.DB
	nobody *sql.DB // where the dialect of SQLite asks for its version
	held   atomic.Int64
	picked atomic.Int64
}

type key struct{ tenant any }

// Pick picks the database of the context's tenant.
func (p *tenants) Pick(ctx context.Context) (route.Route, error) {
	id, err := gormtenant.Require(ctx)
	if err != nil {
		if p.nobody != nil {
			return route.Route{DB: p.nobody}, nil
		}
		return route.Route{}, err
	}
	p.held.Add(1)
	p.picked.Add(1)
	return route.Route{DB: p.pools[id], Key: key{id}, Hold: p}, nil
}

func (p *tenants) Release() { p.held.Add(-1) }

// keyed is a picker that can tell who may stay.
type keyed struct{ *tenants }

func (p keyed) Stay(ctx context.Context, bound any) (context.Context, bool, error) {
	id, err := gormtenant.Require(ctx)
	return nil, any(key{id}) == bound, err
}

// env is a pool over the databases of A and B.
type env struct {
	*tenants
	pool       *route.Pool
	a, b, none context.Context
	dialector  func() gorm.Dialector
	name       string
}

// run runs test over SQLite and Postgres, with a picker that tells keys and one that does not.
func run(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	for _, name := range []string{"sqlite", "postgres"} {
		for _, picker := range []string{"keys", "no_keys"} {
			t.Run(name+"/"+picker, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t, name, picker == "keys")
				test(t, e)
				require.Zero(t, e.held.Load(), "all that was picked is released")
				for _, pool := range e.pools {
					require.Zero(t, pool.Stats().InUse)
				}
			})
		}
	}
}

func newEnv(t *testing.T, name string, keys bool) *env {
	t.Helper()
	e := &env{
		tenants: &tenants{pools: map[any]*sql.DB{}}, name: name, none: t.Context(),
		a: gormtenant.WithTenant(t.Context(), A), b: gormtenant.WithTenant(t.Context(), B),
	}
	for _, tenant := range []string{A, B} {
		pool := open(t, name)
		e.pools[tenant] = pool
		_, err := pool.ExecContext(t.Context(), "CREATE TABLE notes (id "+map[string]string{
			"sqlite": "integer PRIMARY KEY AUTOINCREMENT", "postgres": "bigserial PRIMARY KEY",
		}[name]+", text text)")
		require.NoError(t, err)
	}
	e.reset(t)
	var picker route.Picker = e.tenants
	if keys {
		picker = keyed{e.tenants}
	}
	e.pool = route.New(picker)
	t.Cleanup(func() { _ = e.pool.Close() })
	e.dialector = func() gorm.Dialector {
		if name == "sqlite" {
			return sqlite.Dialector{Conn: e.pool}
		}
		return postgres.New(postgres.Config{Conn: e.pool})
	}
	return e
}

// reset gives both tenants the notes that they had in the beginning.
func (e *env) reset(t *testing.T) {
	t.Helper()
	for tenant, pool := range e.pools {
		_, err := pool.ExecContext(t.Context(), fmt.Sprintf("DELETE FROM notes; "+
			"INSERT INTO notes (text) VALUES ('%[1]v 1'), ('%[1]v 2')", tenant))
		require.NoError(t, err)
	}
}

func open(t *testing.T, name string) *sql.DB {
	t.Helper()
	var pool *sql.DB
	if name == "sqlite" {
		var err error
		pool, err = sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(t.TempDir(),
			"test.db"))+
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(0)")
		require.NoError(t, err)
	} else {
		config, err := pgx.ParseConfig(pgtest.New(t))
		require.NoError(t, err)
		pool = stdlib.OpenDB(*config)
	}
	pool.SetMaxOpenConns(4)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// gorm opens GORM on the pool.
func (e *env) gorm(t *testing.T, config gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	e.nobody = e.pools[A]
	db, err := gorm.Open(e.dialector(), &config)
	require.NoError(t, err)
	e.nobody = nil
	return db
}

// texts returns the notes of the context's tenant.
func texts(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var found []string
	require.NoError(t, db.Model(&Note{}).Order("id").Pluck("text", &found).Error)
	return found
}
