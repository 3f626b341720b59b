package provision_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// A pool that is open when the file is removed, and another made in its place, writes nothing that
// is lost: it fails until it has noticed, and goes on with the new file.
func TestPools_of_a_file_that_was_replaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tenants")
	files, err := provision.NewFiles(dir, func(path string) gorm.Dialector {
		return sqlite.Open(
			"file:" + filepath.ToSlash(path) +
				"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	}, provision.Migrations(migrations.Models("1", &note{})))
	require.NoError(t, err)
	pools := newPools(t, databases.SQLite(dir))
	acme := &tenants.Tenant{ID: "acme", Placement: tenants.Placement{Level: tenants.Database}}
	ctx := tenants.NewContext(t.Context(), acme)
	const insert = "INSERT INTO notes (text) VALUES ('kept')"

	for range 3 {
		require.NoError(t, files.Provision(t.Context(), acme))
		require.Eventually(t, func() bool {
			_, err := pools.ExecContext(ctx, insert)
			return err == nil
		}, 2*time.Minute, time.Millisecond)
		require.Equal(t, 1, scan[int](t, pools.QueryRowContext(ctx, "SELECT count(*) FROM notes")))
		db, err := files.Open(t.Context(), acme)
		require.NoError(t, err)
		pool, err := db.DB()
		require.NoError(t, err)
		require.Equal(
			t, 1, scan[int](t, pool.QueryRow("SELECT count(*) FROM notes")),
			"in the file that everybody sees")
		require.NoError(t, pool.Close())

		require.NoError(t, files.Deprovision(t.Context(), acme, "DELETE_DATABASE_tenant_acme"))
		_, err = pools.ExecContext(ctx, insert)
		require.Error(t, err) // there is no table, or no file
		require.Eventually(t, func() bool {
			_, err := pools.ExecContext(ctx, insert)
			require.Error(t, err)
			return errors.Is(err, databases.ErrNoDatabase)
		}, 2*time.Minute, time.Millisecond)
	}
}
