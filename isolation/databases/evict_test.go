package databases_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

func TestEvict_takes_the_least_recently_used(t *testing.T) {
	t.Parallel()
	var closed names = make(chan string, 100)
	pools := newPools(t, files(t), databases.MaxPools(3), databases.OnClosed(
		func(d databases.Database, reason databases.Reason) {
			if reason == databases.Evicted {
				closed.add(d)
			}
		}))
	for _, tenant := range []string{"a", "b", "c", "a", "d", "a", "b"} { // d takes b's place, b that of c
		touch(t, pools, tenant)
	}
	require.Equal(t, []string{"b", "c"}, closed.take(t, 2))
	require.Empty(t, closed)
	require.Equal(t, 3, pools.Stats().Pools)
}

// uses are the ways to use a pool for longer than a call. Each returns what ends the use.
func uses(t *testing.T, pools *databases.Pools) map[string]func(ctx context.Context) (end func() error) {
	t.Helper()
	db, err := pools.GetDBConn()
	require.NoError(t, err)
	return map[string]func(ctx context.Context) (end func() error){
		"rows": func(ctx context.Context) func() error {
			rows, err := pools.QueryContext(ctx, "SELECT 1 UNION SELECT 2")
			require.NoError(t, err)
			require.True(t, rows.Next())
			require.NoError(t, rows.Err())
			return rows.Close
		},
		"row": func(ctx context.Context) func() error {
			row := pools.QueryRowContext(ctx, "SELECT 1")
			return func() error { return row.Scan(new(int)) }
		},
		"transaction": func(ctx context.Context) func() error {
			tx, err := pools.BeginTx(ctx, nil)
			require.NoError(t, err)
			return tx.Rollback
		},
		"statement": func(ctx context.Context) func() error {
			stmt, err := pools.PrepareContext(ctx, "SELECT 1 UNION SELECT 2")
			require.NoError(t, err)
			rows, err := stmt.QueryContext(ctx)
			require.NoError(t, err)
			require.NoError(t, rows.Err())
			return rows.Close
		},
		"connection": func(ctx context.Context) func() error {
			conn, err := pools.Conn(ctx)
			require.NoError(t, err)
			require.NoError(t, conn.PingContext(ctx))
			return conn.Close
		},
		"db": func(ctx context.Context) func() error {
			rows, err := db.QueryContext(ctx, "SELECT 1")
			require.NoError(t, err)
			require.NoError(t, rows.Err())
			return rows.Close
		},
		"pick": func(ctx context.Context) func() error {
			picked, err := pools.Pick(ctx)
			require.NoError(t, err)
			return func() error { picked.Hold.Release(); return nil }
		},
	}
}

// A pool that is in use is not closed for another tenant, who waits, and gets it when the use has ended.
func TestEvict_never_takes_one_in_use(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme", "zeta")
		for name, limits := range map[string][]databases.Option{
			"pools":       {databases.MaxPools(1), databases.MaxConnections(100)},
			"connections": {databases.MaxPools(100), databases.MaxConnections(4)},
		} {
			pools := newPools(t, e.opener, append(limits, databases.WaitLimit(time.Minute))...)
			for use, begin := range uses(t, pools) {
				t.Run(name+"/"+use, func(t *testing.T) {
					end := begin(as(t, "acme"))
					require.Equal(t, 1, pools.Stats().InUse)

					impatient, cancel := context.WithTimeout(as(t, "zeta"), 50*time.Millisecond)
					defer cancel()
					_, err := pools.ExecContext(impatient, "SELECT 1")
					require.ErrorIs(t, err, databases.ErrBusy)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.ErrorContains(t, err, fmt.Sprintf("1 of %d pools, 4 of %d connections",
						pools.Stats().MaxPools, pools.Stats().MaxConnections))

					before := pools.Stats().Closed
					done := make(chan error, 1)
					go func() { _, err := pools.ExecContext(as(t, "zeta"), "SELECT 1"); done <- err }()
					eventually(t, func() bool { return pools.Stats().Waiting == 1 })
					require.Equal(t, before, pools.Stats().Closed)
					require.NoError(t, end(), "it is still open")
					require.NoError(t, <-done)
					require.Equal(t, before+1, pools.Stats().Closed)
					touch(t, pools, "acme") // it takes the place back
				})
			}
		}
	})
}

func TestWaitLimit(t *testing.T) {
	t.Parallel()
	pools := newPools(t, files(t), databases.MaxPools(1), databases.WaitLimit(20*time.Millisecond))
	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	_, err = pools.ExecContext(as(t, "zeta"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrBusy)
	require.ErrorContains(t, err, "waited for 20ms")
	require.NotContains(t, err.Error(), "acme")
	require.EqualValues(t, 1, pools.Stats().Busy)
	touch(t, pools, "acme") // it is not hurt
	require.NoError(t, tx.Commit())
	touch(t, pools, "zeta")
}

// A tenant that needs much is not passed by others who need little, again and again.
func TestWaiting_is_first_come_first_served(t *testing.T) {
	t.Parallel()
	pools := newPools(t, files(t), databases.MaxConnections(4), databases.WaitLimit(time.Minute),
		databases.Size(func(_ context.Context, d databases.Database) int {
			if d.Tenant == "large" {
				return 4
			}
			return 1
		}))
	tx, err := pools.BeginTx(as(t, "small 1"), nil)
	require.NoError(t, err)
	large, small := make(chan error, 1), make(chan error, 1)
	go func() { _, err := pools.ExecContext(as(t, "large"), "SELECT 1"); large <- err }()
	eventually(t, func() bool { return pools.Stats().Waiting == 1 })
	go func() { _, err := pools.ExecContext(as(t, "small 2"), "SELECT 1"); small <- err }()
	eventually(t, func() bool { return pools.Stats().Waiting == 2 })
	require.NoError(t, tx.Commit())
	require.NoError(t, <-large)
	require.NoError(t, <-small)
}

// Pools are not closed in vain: those that are idle are too few here.
func TestEvict_takes_none_where_all_would_not_do(t *testing.T) {
	t.Parallel()
	pools := newPools(t, files(t), databases.MaxConnections(4), databases.WaitLimit(30*time.Millisecond),
		databases.Size(func(_ context.Context, d databases.Database) int {
			return map[string]int{"used": 2, "idle": 2, "large": 3}[d.Tenant]
		}))
	tx, err := pools.BeginTx(as(t, "used"), nil)
	require.NoError(t, err)
	touch(t, pools, "idle")
	_, err = pools.ExecContext(as(t, "large"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrBusy)
	require.Zero(t, pools.Stats().Closed)
	require.NoError(t, tx.Commit())
	touch(t, pools, "large")
}

func TestIdle_pools_are_closed(t *testing.T) {
	t.Parallel()
	reasons := make(chan databases.Reason, 10)
	pools := newPools(t, files(t), databases.IdleTime(30*time.Millisecond),
		databases.OnClosed(func(_ databases.Database, reason databases.Reason) { reasons <- reason }))
	rows, err := pools.QueryContext(as(t, "acme"), "SELECT 1 UNION SELECT 2")
	require.NoError(t, err)
	touch(t, pools, "zeta")
	require.Equal(t, databases.Idle, <-reasons)
	require.Equal(t, 1, pools.Stats().Pools, "one has rows open")
	require.True(t, rows.Next())
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	require.Equal(t, databases.Idle, <-reasons)
	require.Zero(t, pools.Stats().Pools)
	touch(t, pools, "acme")
}

func TestCloseTenant_waits_for_what_is_open(t *testing.T) {
	t.Parallel()
	pools := newPools(t, files(t))
	touch(t, pools, "zeta")
	for use, begin := range uses(t, pools) {
		end := begin(as(t, "acme"))
		done := make(chan error, 1)
		before := pools.Stats().Closed
		go func() { done <- pools.CloseTenant(t.Context(), "acme") }()
		eventually(t, func() bool { return pools.Stats().Closing == 1 })
		touch(t, pools, "acme") // in a new one
		require.Equal(t, before, pools.Stats().Closed)
		require.NoError(t, end(), use)
		require.NoError(t, <-done)
		require.Equal(t, before+1, pools.Stats().Closed)
		require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
	}
	require.NoError(t, pools.CloseTenant(t.Context(), "nobody"))
	require.Equal(t, 1, pools.Stats().Pools)

	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(as(t, "acme"), "CREATE TABLE x (x int)")
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, pools.CloseTenant(short, "acme"), context.DeadlineExceeded)
	require.NoError(t, tx.Commit(), "it goes on")
	_, err = pools.ExecContext(as(t, "acme"), "INSERT INTO x VALUES (1)")
	require.NoError(t, err)
}

func TestClose(t *testing.T) {
	t.Parallel()
	o, connecting, proceed := held(t)
	hold := o.before
	o.before = nil
	pools := newPools(t, o, databases.ConnectTimeout(time.Minute), databases.MaxPools(2))
	tx, err := pools.BeginTx(as(t, "acme"), nil)
	require.NoError(t, err)
	o.before = hold
	connectingDone, busyDone := make(chan error, 1), make(chan error, 1)
	go func() { _, err := pools.ExecContext(as(t, "zeta"), "SELECT 1"); connectingDone <- err }()
	<-connecting
	go func() { _, err := pools.ExecContext(as(t, "third"), "SELECT 1"); busyDone <- err }()
	eventually(t, func() bool { return pools.Stats().Waiting == 1 })
	require.NoError(t, pools.Close())
	require.ErrorIs(t, <-connectingDone, databases.ErrClosed)
	require.ErrorIs(t, <-busyDone, databases.ErrClosed)
	close(proceed)
	_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrClosed)
	require.NoError(t, tx.Commit())
	require.NoError(t, pools.Close())
}
