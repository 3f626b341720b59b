package databases_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// Note is a model that says nothing of tenants.
type Note struct {
	ID   uint
	Text string
}

// engine is a kind of database on which tenants have theirs.
type engine struct {
	name   string
	opener databases.Opener
	// create makes an empty database.
	create func(t *testing.T, name string)
	// drop takes it away.
	drop func(t *testing.T, name string)
	wrap func(pool gorm.ConnPool) gorm.Dialector
}

// each runs test on every engine.
func each(t *testing.T, test func(t *testing.T, e *engine)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgres(t))
	})
}

// onSQLite makes databases when they are first needed.
func onSQLite(t *testing.T) *engine {
	t.Helper()
	return &engine{
		name: "sqlite",
		opener: databases.SQLite(
			t.TempDir(), databases.CreateFiles(), databases.Pragma("synchronous", "OFF"),
			databases.Pragma("journal_mode", "MEMORY")),
		create: func(*testing.T, string) {},
		wrap:   func(pool gorm.ConnPool) gorm.Dialector { return sqlite.Dialector{Conn: pool} },
	}
}

// onPostgres has databases of its own on the server of the tests: their names have a prefix.
func onPostgres(t *testing.T) *engine {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	own := stdlib.OpenDB(*config)
	prefix := config.Database[len(config.Database)-8:] + "_"
	var made []string
	execute := func(t *testing.T, statement string) {
		_, err := own.ExecContext(context.WithoutCancel(t.Context()), statement)
		require.NoError(t, err)
	}
	drop := func(t *testing.T, name string) {
		execute(t, fmt.Sprintf("DROP DATABASE IF EXISTS %q WITH (FORCE)", prefix+name))
	}
	t.Cleanup(func() {
		for _, name := range made {
			drop(t, name)
		}
		_ = own.Close()
	})
	return &engine{
		name: "postgres",
		opener: databases.PostgresWith(
			func(_ context.Context, d databases.Database) (*pgx.ConnConfig, error) {
				of := config.Copy()
				of.Database = prefix + d.Name
				return of, nil
			}),
		create: func(t *testing.T, name string) {
			made = append(made, name)
			execute(t, fmt.Sprintf("CREATE DATABASE %q TEMPLATE template0", prefix+name))
			execute(t, fmt.Sprintf(`COMMENT ON DATABASE %q IS 'gormtenant: {"tenant":%q}'`,
				prefix+name, strings.TrimPrefix(name, "tenant_")))
		},
		drop: drop,
		wrap: func(
			pool gorm.ConnPool,
		) gorm.Dialector {
			return postgres.New(postgres.Config{Conn: pool})
		},
	}
}

// createFor makes the databases of tenants.
func (e *engine) createFor(t *testing.T, tenants ...string) {
	t.Helper()
	for _, tenant := range tenants {
		e.create(t, placeName(t, tenant))
	}
}

func placeName(t *testing.T, tenant string) string {
	t.Helper()
	name, err := tenantname.Name(tenant)
	require.NoError(t, err)
	return name
}

// newPools makes pools that are closed with the test, and checks that all that was reserved is
// given back.
func newPools(t *testing.T, opener databases.Opener, options ...databases.Option) *databases.Pools {
	t.Helper()
	// A busy machine may take its time.
	options = append([]databases.Option{databases.ConnectTimeout(time.Minute)}, options...)
	pools, err := databases.NewPools(opener, options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, pools.Close())
		s := pools.Stats()
		require.Zero(t, s.Pools+s.Opening+s.Closing+s.Waiting+s.Connections, "%+v", s)
		require.Equal(t, s.Opened, s.Closed)
	})
	return pools
}

func openGORM(t *testing.T, e *engine, pool gorm.ConnPool, config gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(e.wrap(pool), &config)
	require.NoError(t, err)
	return db
}

func as(t *testing.T, tenant string) context.Context {
	t.Helper()
	return gormtenant.WithTenant(t.Context(), tenant)
}

// touch makes a tenant's pool open, and used last.
func touch(t *testing.T, pools *databases.Pools, tenant string) {
	t.Helper()
	_, err := pools.ExecContext(as(t, tenant), "SELECT 1")
	require.NoError(t, err)
}

// eventually waits for what database/sql and the pools do in the background.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 2*time.Minute, time.Millisecond)
}

func scan[T any](t *testing.T, row *sql.Row) (value T) {
	t.Helper()
	require.NoError(t, row.Scan(&value))
	return value
}
