package mysqltest_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/mysqltest"
)

// connect opens a pool that is closed when t is over.
func connect(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// query returns the one value that a query selects.
func query(t testing.TB, pool *sql.DB, text string) (value string) {
	t.Helper()
	require.NoError(t, pool.QueryRowContext(t.Context(), text).Scan(&value))
	return value
}

func TestNew(t *testing.T) {
	t.Parallel()
	pool := connect(t, mysqltest.New(t))
	require.Equal(t, "utf8mb4", query(t, pool, "SELECT @@character_set_database"))
	require.Equal(t, "0", query(t, pool,
		"SELECT count(*) FROM information_schema.tables WHERE table_schema = database()"))
}

func TestNew_databases_are_separate(t *testing.T) {
	t.Parallel()
	one, two := connect(t, mysqltest.New(t)), connect(t, mysqltest.New(t))
	_, err := one.ExecContext(t.Context(), "CREATE TABLE orders (id int)")
	require.NoError(t, err)
	_, err = two.ExecContext(t.Context(), "SELECT * FROM orders")
	require.ErrorContains(t, err, "doesn't exist")
}

func TestNew_drops_after_subtests(t *testing.T) {
	t.Parallel()
	mysqltest.New(t) // skips here under -short, and not within the sub-test alone

	var dsn string
	t.Run("test", func(t *testing.T) {
		dsn = mysqltest.New(t)
		t.Run("subtest", func(t *testing.T) {
			require.Equal(t, "1", query(t, connect(t, dsn), "SELECT 1"))
		})
		require.Equal(t, "1", query(t, connect(t, dsn), "SELECT 1"))
	})
	require.ErrorContains(t, connect(t, dsn).PingContext(t.Context()), "Unknown database")
}

func TestNew_parallel(t *testing.T) {
	t.Parallel()
	for i := range 16 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, mysqltest.New(t)).ExecContext(t.Context(),
				"CREATE TABLE orders (id int)")
			require.NoError(t, err)
		})
	}
}

func TestNew_without_server(t *testing.T) {
	if testing.Short() {
		t.Skip("-short skips before it looks for a server")
	}
	t.Setenv(mysqltest.EnvDSN, "")
	t.Setenv("PATH", "")

	failed := recordFatal(t, mysqltest.NewIn(t.TempDir()))
	require.Equal(t, "mysqltest: no MariaDB server found; install MariaDB: "+
		"apt-get install mariadb-server, brew install mariadb, "+
		"or set GORMTENANT_TEST_MYSQL to a DSN", failed)
}

func TestNew_bad_dsn(t *testing.T) {
	for _, test := range []struct{ name, dsn, want string }{
		{
			"unreachable", "app:hunter2@tcp(127.0.0.1:1)/app",
			"mysqltest: create a database: dial tcp 127.0.0.1:1: connect: connection refused",
		},
		{
			"no_dsn", "mysql://app:hunter2@127.0.0.1:1",
			"mysqltest: the DSN in GORMTENANT_TEST_MYSQL is not valid",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(mysqltest.EnvDSN, test.dsn)
			require.Equal(t, test.want, recordFatal(t, mysqltest.New))
		})
	}
}

func TestNew_on_given_server(t *testing.T) {
	admin := start(t)
	t.Setenv(mysqltest.EnvDSN, admin)
	given, err := mysql.ParseDSN(admin)
	require.NoError(t, err)
	made, err := mysql.ParseDSN(mysqltest.New(t))
	require.NoError(t, err)
	require.Equal(t, given.Addr, made.Addr)
}

func TestFindBinary(t *testing.T) {
	t.Setenv("PATH", "")
	root := t.TempDir()
	for _, version := range []string{"mariadb@10.11", "mariadb@11.4"} {
		dir := filepath.Join(root, version, "bin")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "mariadbd"), nil, 0o755))
	}
	place := filepath.Join(root, "mariadb*", "bin")

	found, err := mysqltest.FindBinary("mariadbd", []string{place})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "mariadb@11.4", "bin", "mariadbd"), found)

	_, err = mysqltest.FindBinary("mariadb-install-db", []string{place})
	require.ErrorIs(t, err, mysqltest.ErrNoServer)

	t.Setenv("PATH", filepath.Join(root, "mariadb@10.11", "bin"))
	found, err = mysqltest.FindBinary("mariadbd", []string{place})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "mariadb@10.11", "bin", "mariadbd"), found)
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

func (r *recorder) Fatal(args ...any) {
	r.message = fmt.Sprint(args...)
	runtime.Goexit()
}
