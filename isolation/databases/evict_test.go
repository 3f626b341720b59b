package databases_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

func TestEvict_takes_the_least_recently_used(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxPools(3))
		// d evicts b, b evicts c
		for _, tenant := range []string{"a", "b", "c", "a", "d", "a", "b"} {
			touch(t, pools, tenant)
			time.Sleep(time.Millisecond)
		}
		require.Equal(t, []string{"b", "c"}, f.order())
		require.Equal(t, 3, pools.Stats().Pools)
		require.EqualValues(t, 2, pools.Stats().Evicted)
	})
}

// use is a way to use a pool for longer than a call. begin returns what ends it.
type use struct {
	name  string
	begin func(t *testing.T, ctx context.Context, pools *databases.Pools) (end func() error)
}

var uses = []use{
	{"rows", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		rows, err := pools.QueryContext(ctx, "SELECT 1 UNION SELECT 2")
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.NoError(t, rows.Err())
		return rows.Close
	}},
	{"row", func(_ *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		row := pools.QueryRowContext(ctx, "SELECT 1")
		return func() error { return row.Scan(new(int)) }
	}},
	{"transaction", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		tx, err := pools.BeginTx(ctx, nil)
		require.NoError(t, err)
		return tx.Rollback
	}},
	{"statement", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		stmt, err := pools.PrepareContext(ctx, "SELECT 1 UNION SELECT 2")
		require.NoError(t, err)
		rows, err := stmt.QueryContext(ctx)
		require.NoError(t, err)
		require.NoError(t, rows.Err())
		return rows.Close
	}},
	{"connection", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		conn, err := pools.Conn(ctx)
		require.NoError(t, err)
		require.NoError(t, conn.PingContext(ctx))
		return conn.Close
	}},
	{"db", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		db, err := pools.GetDBConn()
		require.NoError(t, err)
		rows, err := db.QueryContext(ctx, "SELECT 1")
		require.NoError(t, err)
		require.NoError(t, rows.Err())
		return rows.Close
	}},
	{"pick", func(t *testing.T, ctx context.Context, pools *databases.Pools) func() error {
		picked, err := route.PickerOf(pools).Pick(ctx)
		require.NoError(t, err)
		return func() error { picked.Hold.Release(); return nil }
	}},
}

// limits are those that one tenant with the default size reaches.
var limits = []struct {
	name    string
	options []databases.Option
	spent   string
}{
	{
		"pools",
		[]databases.Option{databases.MaxPools(1), databases.MaxConnections(100)},
		"1 of 1 pools, 4 of 100 connections",
	},
	{
		"connections",
		[]databases.Option{databases.MaxPools(100), databases.MaxConnections(4)},
		"1 of 100 pools, 4 of 4 connections",
	},
}

// A pool in use is not closed for another tenant, who waits, and gets room when the use has ended.
func TestEvict_never_takes_one_in_use(t *testing.T) {
	t.Parallel()
	for _, limit := range limits {
		for _, use := range uses {
			t.Run(limit.name+"/"+use.name, func(t *testing.T) {
				t.Parallel()
				inFakeTime(t, func(t *testing.T, f *fake) {
					pools := newPools(
						t, f, append(limit.options, databases.WaitLimit(time.Minute))...)
					end := use.begin(t, as(t, "acme"), pools)
					require.Equal(t, 1, pools.Stats().InUse)

					impatient, cancel := context.WithTimeout(as(t, "zeta"), 30*time.Second)
					defer cancel()
					_, err := pools.ExecContext(impatient, "SELECT 1")
					require.ErrorIs(t, err, databases.ErrBusy)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.ErrorContains(t, err, limit.spent)

					done := background(as(t, "zeta"), pools)
					synctest.Wait()
					require.Equal(t, 1, pools.Stats().Waiting)
					time.Sleep(30 * time.Second)
					require.Empty(t, f.order())
					require.NoError(t, end(), "it is still open")
					require.NoError(t, <-done)
					require.Equal(t, []string{"acme"}, f.order())
					touch(t, pools, "acme") // it takes the slot back
				})
			})
		}
	}
}

// What database/sql and the drivers count as in use is seen on real databases.
func TestEvict_never_takes_one_in_use_of_a_real_database(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme", "zeta")
		pools := newPools(t, e.opener, databases.MaxPools(1), databases.WaitLimit(time.Minute))
		for _, use := range uses {
			end := use.begin(t, as(t, "acme"), pools)
			before := pools.Stats().Closed
			done := background(as(t, "zeta"), pools)
			eventually(t, func() bool { return pools.Stats().Waiting == 1 })
			require.Equal(t, before, pools.Stats().Closed, use.name)
			require.NoError(t, end(), "%s: it is still open", use.name)
			require.NoError(t, <-done, use.name)
			touch(t, pools, "acme") // it takes the slot back
		}
	})
}

func TestWaitLimit(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxPools(1), databases.WaitLimit(20*time.Second))
		tx, err := pools.BeginTx(as(t, "acme"), nil)
		require.NoError(t, err)
		began := time.Now()
		_, err = pools.ExecContext(as(t, "zeta"), "SELECT 1")
		require.ErrorIs(t, err, databases.ErrBusy)
		require.ErrorContains(t, err, "waited for 20s")
		require.NotContains(t, err.Error(), "acme")
		require.Equal(t, 20*time.Second, time.Since(began))
		require.EqualValues(t, 1, pools.Stats().Busy)
		touch(t, pools, "acme") // it is not affected
		require.NoError(t, tx.Commit())
		touch(t, pools, "zeta")
	})
}

// A tenant that needs much is not overtaken by those who need little.
func TestWaiting_is_first_come_first_served(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxConnections(4), databases.WaitLimit(time.Minute),
			databases.Size(func(_ context.Context, d databases.Database) int {
				if d.Tenant == "large" {
					return 4
				}
				return 1
			}))
		tx, err := pools.BeginTx(as(t, "small 1"), nil)
		require.NoError(t, err)
		large := background(as(t, "large"), pools)
		synctest.Wait()
		small := background(as(t, "small 2"), pools)
		synctest.Wait()
		require.Equal(t, 2, pools.Stats().Waiting)
		require.NoError(t, tx.Commit())
		require.NoError(t, <-large)
		require.NoError(t, <-small)
		order := f.order()
		require.Len(t, order, 2)
		require.Contains(t, order[0], "small_1")
		require.Equal(t, "large", order[1])
	})
}

// Pools are not closed in vain: those that are idle are too few here.
func TestEvict_takes_none_if_all_would_not_do(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxConnections(4), databases.WaitLimit(30*time.Second),
			databases.Size(func(_ context.Context, d databases.Database) int {
				if d.Tenant == "large" {
					return 3
				}
				return 2
			}))
		tx, err := pools.BeginTx(as(t, "used"), nil)
		require.NoError(t, err)
		touch(t, pools, "idle")
		_, err = pools.ExecContext(as(t, "large"), "SELECT 1")
		require.ErrorIs(t, err, databases.ErrBusy)
		require.Zero(t, pools.Stats().Closed)
		require.NoError(t, tx.Commit())
		touch(t, pools, "large")
	})
}

// Who waits is told at once, rather than by looking again.
func TestWaiting_ends_with_the_use(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxPools(1))
		picked, err := route.PickerOf(pools).Pick(as(t, "acme"))
		require.NoError(t, err)
		done := background(as(t, "zeta"), pools)
		time.Sleep(time.Second + time.Millisecond)
		released := time.Now()
		picked.Hold.Release()
		require.NoError(t, <-done)
		require.Zero(t, time.Since(released))
	})
}
