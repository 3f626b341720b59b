package databases_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestFile_that_is_missing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pools := newPools(t, databases.SQLite(dir), databases.Backoff(time.Millisecond, time.Hour))
	_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNoDatabase)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "none is made")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tenant_acme.db"), nil, 0o600))
	eventually(t, func() bool {
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		return err == nil
	})

	require.NoError(
		t, os.WriteFile(
			filepath.Join(dir, "tenant_zeta.db"), []byte("not a database, but of some length"),
			0o600))
	_, err = pools.ExecContext(as(t, "zeta"), "SELECT 1")
	require.ErrorContains(t, err, "not a database")
}

// TestFile_that_was_made_again is not written to by way of the connection to the deleted one.
func TestFile_that_was_made_again(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "tenant_acme.db")
	pools := newPools(t, databases.SQLite(dir, databases.CreateFiles()))
	_, err := pools.ExecContext(as(t, "acme"), "CREATE TABLE old (id integer)")
	require.NoError(t, err)
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		_ = os.Remove(name)
	}
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = pools.ExecContext(as(t, "acme"), "INSERT INTO old VALUES (1)")
	require.ErrorContains(t, err, "no such table")
}

// at returns an opener of the one database of config, whatever a tenant's is called.
func at(config *pgx.ConnConfig) databases.Opener {
	return databases.PostgresWith(
		func(context.Context, databases.Database) (*pgx.ConnConfig, error) {
			return config.Copy(), nil
		})
}

// databaseOf makes a database that is marked as the tenant's.
func databaseOf(t *testing.T, tenant string) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	own := openAs(t, config)
	require.NoError(t, provision.Adopt(t.Context(), own, tenant))
	return config
}

func openAs(t *testing.T, config *pgx.ConnConfig) *gorm.DB {
	t.Helper()
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(
		postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return db
}

func closedPort(t *testing.T) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	number, err := strconv.ParseUint(port, 10, 16)
	require.NoError(t, err)
	return uint16(number)
}

func TestServer_that_is_down(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(
		"host=127.0.0.1 user=app password=secret-word database=x sslmode=disable")
	require.NoError(t, err)
	config.Port = closedPort(t)
	good := databases.SQLite(t.TempDir(), databases.CreateFiles())
	pools := newPools(
		t, databases.Servers(
			map[string]databases.Opener{"": good, "down": databases.Postgres(config)}),
		databases.Backoff(time.Hour, time.Hour))
	down := placed(t, "acme", tenants.Placement{Level: tenants.Database, Server: "down"})
	for range 3 {
		_, err = pools.ExecContext(down, "SELECT 1")
		var unavailable *databases.UnavailableError
		require.ErrorAs(t, err, &unavailable)
		require.ErrorContains(t, err, "connection refused")
		require.NotContains(t, err.Error(), "secret-word")
	}
	require.EqualValues(t, 1, pools.Stats().Failed)
	touch(t, pools, "zeta")
	_, err = pools.BeginTx(down, nil)
	require.ErrorContains(t, err, "connection refused")
}

func TestDatabase_that_is_gone(t *testing.T) {
	t.Parallel()
	e := onPostgres(t)
	e.createFor(t, "acme", "zeta")
	pools := newPools(t, e.opener, databases.Backoff(time.Millisecond, time.Millisecond))
	_, err := pools.ExecContext(as(t, "nobody"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNoDatabase)
	touch(t, pools, "acme")
	e.drop(t, placeName(t, "acme")) // with its sessions
	eventually(t, func() bool {
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		return errors.Is(err, databases.ErrNoDatabase)
	})
	touch(t, pools, "zeta")
	e.createFor(t, "acme")
	eventually(t, func() bool {
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		return err == nil
	})
}

// The server has no connection left: the tenant who comes too late is told so, the others go on.
func TestServer_without_a_free_connection(t *testing.T) {
	t.Parallel()
	admin := databaseOf(t, "acme")
	other := databaseOf(t, "zeta")
	own := stdlib.OpenDB(*admin)
	t.Cleanup(func() { _ = own.Close() })
	role := "few_" + admin.Database[len(admin.Database)-8:]
	_, err := own.ExecContext(
		t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'few' CONNECTION LIMIT 1")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = own.ExecContext(context.WithoutCancel(t.Context()), "DROP ROLE "+role)
	})
	opener := databases.PostgresWith(
		func(_ context.Context, d databases.Database) (*pgx.ConnConfig, error) {
			config := admin.Copy()
			if d.Tenant == "zeta" {
				config = other.Copy()
			}
			config.User, config.Password = role, "few"
			return config, nil
		})
	pools := newPools(t, opener, databases.Backoff(time.Millisecond, time.Millisecond))
	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	_, err = pools.ExecContext(as(t, "zeta"), "SELECT 1")
	var unavailable *databases.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	refused := (*pgconn.PgError)(nil)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "53300", refused.Code)
	require.NotContains(t, err.Error(), "acme")
	_, err = pools.ExecContext(as(t, "acme"), "SELECT 1") // its own second connection
	require.ErrorAs(t, err, &unavailable)
	_, err = tx.ExecContext(as(t, "acme"), "SELECT 1")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
	eventually(t, func() bool {
		_, err := pools.ExecContext(as(t, "zeta"), "SELECT 1")
		return err == nil
	})
}

// A connection that breaks is replaced, and what was begun on it fails.
func TestServer_that_comes_back(t *testing.T) {
	t.Parallel()
	proxy, config := pgtest.NewProxy(t, databaseOf(t, "acme"), 0)
	pools := newPools(t, at(config), databases.Backoff(time.Millisecond, time.Millisecond))
	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	proxy.Cut(func([]byte) (int, bool) { return 0, true })
	_, err = tx.ExecContext(as(t, "acme"), "SELECT 1")
	require.Error(t, err)
	require.Error(t, tx.Commit())
	touch(t, pools, "acme")
}
