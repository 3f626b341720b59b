package pgtest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// connect opens a connection that is closed when t is over.
func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// query returns the one value that a query selects.
func query[T any](t testing.TB, conn *pgx.Conn, sql string) (value T) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

// requireDropped checks that the database of dsn is no more.
func requireDropped(t testing.TB, dsn string) {
	t.Helper()
	const invalidCatalogName = "3D000"
	_, err := pgx.Connect(t.Context(), dsn)
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, invalidCatalogName, refused.Code)
}

func TestNew(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))

	require.Equal(t, "UTF8", query[string](t, conn, "SHOW server_encoding"))
	require.Zero(t, query[int](t, conn,
		"SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'"))
}

func TestNew_databases_are_separate(t *testing.T) {
	t.Parallel()
	one, two := connect(t, pgtest.New(t)), connect(t, pgtest.New(t))

	_, err := one.Exec(t.Context(), "CREATE TABLE orders (id int)")
	require.NoError(t, err)

	const exists = "SELECT to_regclass('orders') IS NOT NULL"
	require.True(t, query[bool](t, one, exists))
	require.False(t, query[bool](t, two, exists))
}

func TestNew_drops_after_subtests(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // skips here under -short, and not within the sub-test alone

	var dsn string
	t.Run("test", func(t *testing.T) {
		dsn = pgtest.New(t)
		// Left open: FORCE has to end it.
		_, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		t.Run("subtest", func(t *testing.T) { connect(t, dsn) })
		connect(t, dsn)
	})
	requireDropped(t, dsn)
}

func TestNew_parallel(t *testing.T) {
	t.Parallel()
	for i := range 16 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			conn := connect(t, pgtest.New(t))
			_, err := conn.Exec(t.Context(), "CREATE TABLE orders (id int)")
			require.NoError(t, err)
		})
	}
}

func TestNew_without_server(t *testing.T) {
	if testing.Short() {
		t.Skip("-short skips before it looks for a server")
	}
	t.Setenv(pgtest.EnvDSN, "")
	t.Setenv("PATH", "")

	failed := recordFatal(t, pgtest.NewIn(t.TempDir()))
	require.Equal(t, "pgtest: no PostgreSQL server found; install PostgreSQL: "+
		"apt-get install postgresql, brew install postgresql, "+
		"or set GORMTENANT_TEST_POSTGRES to a DSN", failed)
}

func TestNew_unreachable_dsn(t *testing.T) {
	t.Setenv(pgtest.EnvDSN, "postgres://app:hunter2@127.0.0.1:1/app?sslmode=disable")

	failed := recordFatal(t, pgtest.New)
	require.Contains(t, failed, "pgtest: create a database: ")
	require.NotContains(t, failed, "hunter2")
}

func BenchmarkNew(b *testing.B) {
	pgtest.New(b) // starts the server
	for b.Loop() {
		test := cleanups{TB: b}
		pgtest.New(&test)
		test.run()
	}
}

// recordFatal returns the message with which newDatabase ends a test.
func recordFatal(t testing.TB, newDatabase func(testing.TB) string) string {
	t.Helper()
	r := recorder{TB: t}
	var done sync.WaitGroup
	done.Go(func() { newDatabase(&r) })
	done.Wait()
	return r.message
}

// recorder is a test that may fail without failing the one around it.
type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// cleanups is a test that can be over before the benchmark around it is.
type cleanups struct {
	testing.TB
	funcs []func()
}

func (c *cleanups) Cleanup(f func()) { c.funcs = append(c.funcs, f) }

func (c *cleanups) run() {
	for _, f := range c.funcs {
		f()
	}
}
