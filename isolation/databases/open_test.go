package databases_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestOpen_is_once_for_all_who_wait(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := held(f)
		pools := newPools(t, f)
		var all errgroup.Group
		for range 1000 {
			all.Go(func() error {
				_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
				return err
			})
		}
		synctest.Wait()
		require.Equal(t, 1000, pools.Stats().Callers)
		close(proceed)
		require.NoError(t, all.Wait())
		opens, _ := f.counted()
		require.Equal(t, 1, opens)
		require.EqualValues(t, 1, pools.Stats().Opened)
	})
}

func TestOpen_is_once_on_a_real_database(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme")
		pools := newPools(t, e.opener)
		var all errgroup.Group
		for range 100 {
			all.Go(func() error {
				_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
				return err
			})
		}
		require.NoError(t, all.Wait())
		require.EqualValues(t, 1, pools.Stats().Opened)
	})
}

func TestOpen_goes_on_when_one_of_those_who_wait_leaves(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := held(f)
		pools := newPools(t, f)
		ctx, leave := context.WithCancel(as(t, "acme"))
		left := background(ctx, pools)
		synctest.Wait()
		stayed := background(as(t, "acme"), pools)
		synctest.Wait()
		require.Equal(t, 2, pools.Stats().Callers)
		leave()
		err := <-left
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "still being connected to")
		close(proceed)
		require.NoError(t, <-stayed)
		opens, _ := f.counted()
		require.Equal(t, 1, opens)
		require.Zero(t, pools.Stats().Failing)
	})
}

func TestOpen_ends_when_all_who_wait_leave(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := held(f)
		pools := newPools(t, f)
		ctx, leave := context.WithCancel(as(t, "acme"))
		left := background(ctx, pools)
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		synctest.Wait()
		require.Zero(t, pools.Stats().Connections)
		require.Zero(t, pools.Stats().Opening)
		require.Zero(t, pools.Stats().Failing, "it is no failure of the database")
		close(proceed)
		touch(t, pools, "acme")
		opens, _ := f.counted()
		require.Equal(t, 2, opens)
	})
}

func TestOpen_of_one_does_not_hold_up_another(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := held(f)
		hold := f.before
		f.before = func(ctx context.Context, d databases.Database) error {
			if d.Tenant == "slow" {
				return hold(ctx, d)
			}
			return nil
		}
		pools := newPools(t, f)
		slow := background(as(t, "slow"), pools)
		synctest.Wait()
		touch(t, pools, "acme")
		close(proceed)
		require.NoError(t, <-slow)
	})
}

func TestSize_is_by_plan(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		pools := newPools(t, f, databases.MaxConnections(10),
			databases.Size(func(ctx context.Context, d databases.Database) int {
				tenant, ok := tenants.FromContext(ctx)
				require.True(t, ok)
				require.Equal(t, tenant.ID, d.Tenant)
				return map[string]int{"free": 1, "team": 3, "none": -5, "all": 1000}[tenant.Plan]
			}))
		for _, step := range []struct {
			plan               string
			pools, connections int
		}{
			{"free", 1, 1},
			{"team", 2, 4},
			{"none", 3, 5},
			{"all", 1, 10}, // the others had to go
		} {
			ctx := tenants.NewContext(t.Context(), &tenants.Tenant{ID: step.plan, Plan: step.plan})
			_, err := pools.ExecContext(ctx, "SELECT 1")
			require.NoError(t, err)
			require.Equal(t, step.pools, pools.Stats().Pools)
			require.Equal(t, step.connections, pools.Stats().Connections)
		}
	})
}

// A panic of the application's functions is the error of a statement, and nothing is lost by it.
func TestPanic_while_opening(t *testing.T) {
	t.Parallel()
	for _, panics := range []struct {
		name   string
		option databases.Option
		before func(context.Context, databases.Database) error
	}{
		{
			"size", databases.Size(func(context.Context, databases.Database) int { panic("boom") }),
			nil,
		},
		{
			"failed", databases.OnFailed(func(databases.Database, error) { panic("boom") }),
			func(context.Context, databases.Database) error { return errTest },
		},
	} {
		t.Run(panics.name, func(t *testing.T) {
			t.Parallel()
			inFakeTime(t, func(t *testing.T, f *fake) {
				f.before = panics.before
				pools := newPools(
					t, f, panics.option, databases.Backoff(time.Millisecond, time.Millisecond))
				for range 3 {
					_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
					require.ErrorContains(t, err, "boom")
					time.Sleep(time.Second)
				}
				require.Zero(t, pools.Stats().Connections)
			})
		})
	}
}

func TestConnections_are_at_most_the_size(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		f.before = func(context.Context, databases.Database) error {
			time.Sleep(time.Millisecond)
			return nil
		}
		pools := newPools(t, f, databases.Size(func(context.Context, databases.Database) int {
			return 2
		}))
		var all errgroup.Group
		for range 20 {
			all.Go(func() error {
				rows, err := pools.QueryContext(as(t, "acme"), "SELECT 1")
				if err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				return rows.Close()
			})
		}
		require.NoError(t, all.Wait())
		_, connects := f.counted()
		require.Equal(t, 2, connects)
	})
}

// deaf makes connections wait until proceed is closed, whatever becomes of their context.
func deaf(f *fake) (proceed chan struct{}) {
	proceed = make(chan struct{})
	f.before = func(context.Context, databases.Database) error { <-proceed; return nil }
	return proceed
}

func TestOpen_that_nobody_waits_for_is_closed_again(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := deaf(f)
		pools := newPools(t, f)
		ctx, leave := context.WithCancel(as(t, "acme"))
		left := background(ctx, pools)
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		close(proceed)
		synctest.Wait()
		require.Zero(t, pools.Stats().Pools)
		require.Zero(t, pools.Stats().Connections)
		require.Equal(t, []string{"acme"}, f.order())
	})
}

func TestOpen_that_ends_after_Close_is_closed_again(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		proceed := deaf(f)
		pools := newPools(t, f)
		opening := background(as(t, "acme"), pools)
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- pools.Close() }()
		synctest.Wait()
		close(proceed)
		require.ErrorIs(t, <-opening, databases.ErrClosed)
		require.NoError(t, <-closed)
		require.Equal(t, []string{"acme"}, f.order())
	})
}
