package databases_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/tenants"
)

// A directory that names the database of another tenant opens nothing, in a process that has not
// that one open either.
func TestPlacement_that_is_another_tenants(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme", "zeta")
		acme := openGORM(t, e, newPools(t, e.opener), gorm.Config{}).WithContext(as(t, "acme"))
		require.NoError(t, acme.AutoMigrate(&Note{}))
		require.NoError(t, acme.Create(&Note{Text: "secret"}).Error)

		pools := newPools(t, e.opener, databases.Backoff(time.Millisecond, time.Millisecond))
		db := openGORM(t, e, pools, gorm.Config{})
		at := tenants.Placement{Level: tenants.Database, Name: placeName(t, "acme")}
		for _, tenant := range []string{"evil", "zeta"} {
			stolen := placed(t, tenant, at)
			require.ErrorIs(t, db.WithContext(stolen).Find(&[]Note{}).Error, databases.ErrNotOurs)
			_, err := pools.ExecContext(stolen, "DELETE FROM notes")
			require.ErrorIs(t, err, databases.ErrNotOurs)
			_, err = pools.BeginTx(stolen, nil)
			require.ErrorIs(t, err, databases.ErrNotOurs)
			require.NotContains(t, err.Error(), "acme")
		}
		touch(t, pools, "zeta")
		// a rename in the directory, of a tenant whose pool is open
		_, err := pools.ExecContext(placed(t, "zeta", at), "DELETE FROM notes")
		require.ErrorIs(t, err, databases.ErrNotOurs)
		touch(t, pools, "zeta")
		require.Equal(t, []string{"secret"}, texts(t, acme))
	})
}

func openFile(t *testing.T, path string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open("file:"+path), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func TestFile_without_a_mark(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := openFile(t, filepath.Join(dir, "tenant_acme.db"))
	require.NoError(t, plain.AutoMigrate(&Note{}))
	pools := newPools(t, databases.SQLite(dir, databases.CreateFiles()),
		databases.Backoff(time.Millisecond, time.Millisecond))
	_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNotOurs)
	require.ErrorContains(t, err, "mark it with provision.Adopt")
	require.ErrorIs(t, provision.Adopt(t.Context(), plain, ""), gormtenant.ErrNoTenant)
	for range 2 {
		require.NoError(t, provision.Adopt(t.Context(), plain, "acme"))
	}
	require.ErrorIs(t, provision.Adopt(t.Context(), plain, "zeta"), databases.ErrNotOurs)
	eventually(t, func() bool {
		_, err := pools.ExecContext(as(t, "acme"), "INSERT INTO notes (text) VALUES ('x')")
		return err == nil
	})
	// Two owners are none.
	require.NoError(t, plain.Exec("INSERT INTO gormtenant_owner VALUES ('zeta', '')").Error)
	require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
	_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNotOurs)
}

// An empty file becomes that of the first who comes, however many come at once.
func TestEmpty_file_is_one_tenants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "place.db"), nil, 0o600))
	at := tenants.Placement{Level: tenants.Database, Name: "place"}
	const n = 8
	errs := make(chan error, n)
	for i := range n {
		ctx := placed(t, string(rune('a'+i)), at)
		pools := newPools(t, databases.SQLite(dir))
		go func() {
			_, err := pools.ExecContext(ctx, "SELECT 1")
			errs <- err
		}()
	}
	served := 0
	for range n {
		if err := <-errs; err == nil {
			served++
		} else {
			require.ErrorIs(t, err, databases.ErrNotOurs)
		}
	}
	require.Equal(t, 1, served)
}

func TestDatabase_without_a_mark(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	own := openAs(t, config)
	comment := func(text string) {
		t.Helper()
		require.NoError(t, own.Exec("COMMENT ON DATABASE "+config.Database+" IS "+text).Error)
	}
	pools := newPools(t, at(config), databases.Backoff(time.Millisecond, time.Millisecond))
	for _, text := range []string{
		"NULL", "'of acme'", "'gormtenant:acme'", "'gormtenant: {}'",
		`'gormtenant: {"tenant":"zeta"}'`,
	} {
		comment(text)
		require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		require.ErrorIs(t, err, databases.ErrNotOurs, text)
		if text != "NULL" {
			require.ErrorIs(t, provision.Adopt(t.Context(), own, "acme"), databases.ErrNotOurs)
		}
	}
	comment("NULL")
	for range 2 {
		require.NoError(t, provision.Adopt(t.Context(), own, "acme"))
	}
	require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
	touch(t, pools, "acme")

	// a new connection of an open pool looks again: the database may be another's by now
	comment(`'gormtenant: {"tenant":"zeta"}'`)
	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNotOurs)
	require.NoError(t, tx.Rollback())
}

// Nothing is asked for a statement on a connection that is open.
func TestMark_is_read_once_for_a_connection(t *testing.T) {
	t.Parallel()
	proxy, config := pgtest.NewProxy(t, databaseOf(t, "acme"), 0)
	pools := newPools(t, at(config))
	touch(t, pools, "acme")
	fewest := math.MaxInt // pgx pings a connection that was idle for a second
	for range 5 {
		proxy.Flights()
		touch(t, pools, "acme")
		fewest = min(fewest, proxy.Flights())
	}
	require.Equal(t, 1, fewest)
}
