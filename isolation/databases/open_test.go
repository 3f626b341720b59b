package databases_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestOpen_is_once_for_all_who_wait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme")
		var opened names = make(chan string, 1000)
		first := newPools(t, e.opener) // it finds the driver
		require.NoError(t, first.Close())
		counted := &opener{Opener: e.opener}
		pools := newPools(t, counted, databases.OnOpened(opened.add))
		var all errgroup.Group
		start := make(chan struct{})
		for range 1000 {
			all.Go(func() error {
				<-start
				_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
				return err
			})
		}
		close(start)
		require.NoError(t, all.Wait())
		require.EqualValues(t, 1, counted.opens.Load())
		require.Equal(t, []string{"acme"}, opened.take(t, 1))
		require.Empty(t, opened)
		require.EqualValues(t, 1, pools.Stats().Opened)
	})
}

// held is an opener whose connections wait for the test.
func held(t *testing.T) (o *opener, connecting, proceed chan struct{}) {
	t.Helper()
	o = files(t)
	connecting, proceed = make(chan struct{}, 100), make(chan struct{})
	o.before = func(ctx context.Context, _ databases.Database) error {
		connecting <- struct{}{}
		select {
		case <-proceed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return o, connecting, proceed
}

func TestOpen_goes_on_when_one_of_those_who_wait_leaves(t *testing.T) {
	t.Parallel()
	o, connecting, proceed := held(t)
	pools := newPools(t, o, databases.ConnectTimeout(time.Minute))
	impatient, leave := context.WithCancel(as(t, "acme"))
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := pools.ExecContext(impatient, "SELECT 1"); left <- err }()
	<-connecting
	go func() { _, err := pools.ExecContext(as(t, "acme"), "SELECT 1"); stayed <- err }()
	eventually(t, func() bool { return pools.Stats().Callers == 2 })
	leave()
	err := <-left
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "still being connected to")
	close(proceed)
	require.NoError(t, <-stayed)
	require.EqualValues(t, 1, o.opens.Load())
	require.Zero(t, pools.Stats().Failing)
}

func TestOpen_ends_when_all_who_wait_leave(t *testing.T) {
	t.Parallel()
	o, connecting, proceed := held(t)
	pools := newPools(t, o, databases.ConnectTimeout(time.Minute))
	ctx, leave := context.WithCancel(as(t, "acme"))
	left := make(chan error, 1)
	go func() { _, err := pools.ExecContext(ctx, "SELECT 1"); left <- err }()
	<-connecting
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	eventually(t, func() bool { s := pools.Stats(); return s.Connections == 0 && s.Opening == 0 })
	require.Zero(t, pools.Stats().Failing, "it is no failure of the database")
	close(proceed)
	touch(t, pools, "acme")
	require.EqualValues(t, 2, o.opens.Load())
}

func TestOpen_of_one_does_not_hold_up_another(t *testing.T) {
	t.Parallel()
	o, connecting, proceed := held(t)
	wait := o.before
	o.before = func(ctx context.Context, d databases.Database) error {
		if d.Tenant == "slow" {
			return wait(ctx, d)
		}
		return nil
	}
	pools := newPools(t, o, databases.ConnectTimeout(time.Minute))
	done := make(chan error, 1)
	go func() { _, err := pools.ExecContext(as(t, "slow"), "SELECT 1"); done <- err }()
	<-connecting
	touch(t, pools, "acme")
	close(proceed)
	require.NoError(t, <-done)
}

func TestSize_is_by_plan(t *testing.T) {
	t.Parallel()
	pools := newPools(t, files(t), databases.MaxConnections(10),
		databases.Size(func(ctx context.Context, d databases.Database) int {
			tenant, ok := tenants.FromContext(ctx)
			require.True(t, ok)
			require.Equal(t, tenant.ID, d.Tenant)
			return map[string]int{"free": 1, "team": 3, "none": -5, "all": 1000}[tenant.Plan]
		}))
	for i, plan := range []string{"free", "team", "none"} {
		ctx := tenants.NewContext(t.Context(), &tenants.Tenant{ID: plan, Plan: plan})
		_, err := pools.ExecContext(ctx, "SELECT 1")
		require.NoError(t, err)
		require.Equal(t, []int{1, 4, 5}[i], pools.Stats().Connections)
	}
	_, err := pools.ExecContext(tenants.NewContext(t.Context(), &tenants.Tenant{ID: "all", Plan: "all"}), "SELECT 1")
	require.NoError(t, err)
	require.Equal(t, 10, pools.Stats().Connections, "the others had to go")
	require.Equal(t, 1, pools.Stats().Pools)
}

// What the application's functions do wrong is the error of a statement, and nothing is lost by it.
func TestPanic_while_opening(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]databases.Option{
		"size":   databases.Size(func(context.Context, databases.Database) int { panic("boom") }),
		"opened": databases.OnOpened(func(databases.Database) { panic("boom") }),
	} {
		pools := newPools(t, databases.SQLite(t.TempDir(), databases.CreateFiles()), options)
		for range 3 {
			_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
			require.ErrorContains(t, err, "boom", name)
		}
		require.Zero(t, pools.Stats().Connections)
		require.NoError(t, pools.Close())
	}
}

func TestConnections_are_those_of_the_size(t *testing.T) {
	t.Parallel()
	o := files(t)
	pools := newPools(t, o, databases.Size(func(context.Context, databases.Database) int { return 2 }))
	var all errgroup.Group
	for range 20 {
		all.Go(func() error {
			_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.LessOrEqual(t, o.connects.Load(), int64(2))
}
