package databases_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// Of two transactions that read and then write, the second one waits where they begin as writers.
func TestParameter_of_the_driver(t *testing.T) {
	t.Parallel()
	for _, immediate := range []bool{false, true} {
		options := []databases.SQLiteOption{
			databases.CreateFiles(),
			databases.Pragma("busy_timeout", "0"),
		}
		if immediate {
			options = append(options, databases.Parameter("_txlock", "immediate"))
		}
		pools, err := databases.NewPools(databases.SQLite(t.TempDir(), options...))
		require.NoError(t, err)
		t.Cleanup(func() { _ = pools.Close() })
		ctx := gormtenant.WithTenant(t.Context(), "acme")
		_, err = pools.ExecContext(ctx, "CREATE TABLE notes (id INTEGER)")
		require.NoError(t, err)
		first, err := pools.BeginTx(ctx, nil)
		require.NoError(t, err)
		second, err := pools.BeginTx(ctx, nil)
		if immediate {
			require.ErrorContains(t, err, "locked", "it would have to wait")
		} else {
			require.NoError(t, err)
			require.NoError(t, second.Rollback())
		}
		require.NoError(t, first.Rollback())
	}
}
