package databases_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

func TestIdle_pools_are_closed(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.IdleTime(10*time.Minute))
		rows, err := pools.QueryContext(as(t, "acme"), "SELECT 1 UNION SELECT 2")
		require.NoError(t, err)
		touch(t, pools, "zeta")
		time.Sleep(5 * time.Minute)
		touch(t, pools, "zeta") // its ten minutes begin again
		time.Sleep(10*time.Minute - 1)
		require.Equal(t, 2, pools.Stats().Pools)
		time.Sleep(2 * time.Minute)
		require.Equal(t, []string{"zeta"}, f.order())
		require.Equal(t, 1, pools.Stats().Pools, "one has rows open")
		require.True(t, rows.Next())
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		time.Sleep(21 * time.Minute)
		require.Equal(t, []string{"zeta", "acme"}, f.order())
		require.Zero(t, pools.Stats().Pools)
		require.Zero(t, pools.Stats().Evicted)
		touch(t, pools, "acme")
	})
}

func TestCloseTenant_waits_for_open_work(t *testing.T) {
	t.Parallel()
	for _, use := range uses {
		t.Run(use.name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, func(t *testing.T, f *fake) {
				pools := newPools(t, f)
				touch(t, pools, "zeta")
				end := use.begin(t, as(t, "acme"), pools)
				done := make(chan error, 1)
				go func() { done <- pools.CloseTenant(t.Context(), "acme") }()
				synctest.Wait()
				require.Equal(t, 1, pools.Stats().Closing)
				touch(t, pools, "acme") // in a new pool
				time.Sleep(time.Minute)
				require.Empty(t, f.order())
				require.NoError(t, end())
				require.NoError(t, <-done)
				require.Equal(t, []string{"acme"}, f.order())
				require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
				require.NoError(t, pools.CloseTenant(t.Context(), "nobody"))
				require.Equal(t, 1, pools.Stats().Pools)
			})
		})
	}
}

func TestCloseTenant_stops_waiting_with_its_context(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f)
		tx, err := pools.BeginTx(as(t, "acme"), nil)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, pools.CloseTenant(short, "acme"), context.DeadlineExceeded)
		require.Equal(t, 10*time.Second, time.Since(began))
		_, err = tx.ExecContext(as(t, "acme"), "SELECT 1")
		require.NoError(t, err)
		require.NoError(t, tx.Commit(), "it goes on")
		touch(t, pools, "acme")
	})
}

// On a real database, too, what was open when CloseTenant gave up is finished and kept.
func TestCloseTenant_loses_nothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme")
		pools := newPools(t, e.opener)
		tx, err := pools.BeginTx(as(t, "acme"), nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(as(t, "acme"), "CREATE TABLE x (x int)")
		require.NoError(t, err)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, pools.CloseTenant(ended, "acme"), context.Canceled)
		require.NoError(t, tx.Commit(), "it goes on")
		_, err = pools.ExecContext(as(t, "acme"), "INSERT INTO x VALUES (1)")
		require.NoError(t, err)
	})
}

func TestClose_ends_those_who_wait(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxPools(2))
		tx, err := pools.BeginTx(as(t, "acme"), nil)
		require.NoError(t, err)
		held(f)
		connecting := background(as(t, "zeta"), pools)
		synctest.Wait()
		waiting := background(as(t, "third"), pools)
		synctest.Wait()
		require.Equal(t, 1, pools.Stats().Waiting)
		require.NoError(t, pools.Close())
		require.ErrorIs(t, <-connecting, databases.ErrClosed)
		require.ErrorIs(t, <-waiting, databases.ErrClosed)
		_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
		require.ErrorIs(t, err, databases.ErrClosed)
		require.NoError(t, tx.Commit())
		require.NoError(t, pools.Close())
	})
}
