package tenants_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

func TestEach_stops_when_its_context_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		var seen visits
		err := tenants.Each(ctx, list{n: 100},
			func(ctx context.Context, tenant *tenants.Tenant) error {
				seen.add(tenant)
				switch tenant.ID {
				case number(5):
					synctest.Wait() // the fourth has started
					cancel(why)
					return nil
				case number(4):
					<-ctx.Done() // sees it
					return ctx.Err()
				}
				return nil
			}, quiet, tenants.Concurrency(2))
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.ErrorIs(t, each.Err, context.Canceled)
		require.ErrorIs(t, each.Err, why)
		require.Equal(t, numbers(1, 5), seen.sorted(), "no new job starts")
		require.Equal(t, 4, each.Done)
		require.Equal(t, number(3), each.Resume)
		require.Equal(t, []tenants.TenantError{{ID: number(4), Err: context.Canceled}}, each.Failed)
	})
}

func TestEach_with_a_context_that_has_ended(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lister := []struct {
		name   string
		lister tenants.Lister
	}{
		{"lister_that_says_so", list{n: 5}},
		{
			"lister_that_goes_on", listed(func(yield func(*tenants.Tenant, error) bool) {
				_ = yield(acme(), nil) && yield(zeta(), nil)
			}),
		},
		{"lister_that_just_ends", listed(func(func(*tenants.Tenant, error) bool) {})},
	}
	for _, test := range lister {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := tenants.Each(ctx, test.lister, func(context.Context, *tenants.Tenant) error {
				return errors.New("called")
			}, quiet, tenants.Everyone(), tenants.After("0"))
			var each *tenants.EachError
			require.ErrorAs(t, err, &each)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, "0", each.Resume)
			require.Zero(t, each.Done)
			require.Empty(t, each.Failed)
		})
	}
}

// endsLate is a context that ends when the list has been read and the job of its one tenant is
// about to start.
type endsLate struct {
	context.Context
	calls *atomic.Int64
	ended chan struct{}
}

func (c endsLate) Err() error {
	switch c.calls.Add(1) {
	case 1: // of the list, at the tenant
		return nil
	case 2: // of the job
		<-c.ended
	case 3: // of the list, at its end
		close(c.ended)
		return nil
	}
	return context.Canceled
}

func TestEach_a_job_that_does_not_start_is_not_done(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := endsLate{t.Context(), new(atomic.Int64), make(chan struct{})}
		err := tenants.Each(ctx, listed(func(yield func(*tenants.Tenant, error) bool) {
			yield(acme(), nil)
			synctest.Wait() // the job asks whether it may start
		}), func(context.Context, *tenants.Tenant) error { return errors.New("called") }, quiet,
			tenants.Everyone())
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.ErrorIs(t, each.Err, context.Canceled)
		require.Zero(t, each.Done)
		require.Empty(t, each.Failed)
		require.Empty(t, each.Resume)
	})
}

// A context that ends when all is done takes nothing away.
func TestEach_done_before_its_context_ended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t,
			tenants.Each(ctx, list{n: 3}, func(_ context.Context, tenant *tenants.Tenant) error {
				if tenant.ID == number(3) {
					synctest.Wait() // the list has been read
					cancel()
				}
				return nil
			}, quiet))
	})
}

func TestEach_a_lister_that_fails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		lister tenants.Lister
		says   string
		done   int
		resume string
	}{
		{
			"at_once",
			list{n: 9, fails: 1, err: errDown},
			"list the tenants: connection refused",
			0, "",
		},
		{
			"half_way",
			list{n: 9, fails: 5, err: errDown},
			"list the tenants: connection refused",
			4, number(4),
		},
		{"by_panic", listed(func(yield func(*tenants.Tenant, error) bool) {
			yield(acme(), nil)
			panic("page two")
		}), "panic: page two", 1, "t1"},
		{"with_nil", listed(func(yield func(*tenants.Tenant, error) bool) {
			_ = yield(acme(), nil) && yield(nil, nil)
		}), "a tenant without an ID", 1, "t1"},
		{"with_no_ID", listed(func(yield func(*tenants.Tenant, error) bool) {
			_ = yield(acme(), nil) && yield(&tenants.Tenant{Slug: "x"}, nil)
		}), "a tenant without an ID", 1, "t1"},
		{"in_a_circle", listed(func(yield func(*tenants.Tenant, error) bool) {
			for yield(acme(), nil) {
			}
		}), "the same tenant again", 1, "t1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := tenants.Each(t.Context(), test.lister,
				func(context.Context, *tenants.Tenant) error { return nil }, quiet,
				tenants.Everyone())
			var each *tenants.EachError
			require.ErrorAs(t, err, &each)
			require.ErrorContains(t, each.Err, test.says)
			require.Equal(t, test.done, each.Done)
			require.Equal(t, test.resume, each.Resume)
			require.Empty(t, each.Failed)
		})
	}
}

func TestEach_waits_for_its_jobs_whatever_the_lister_does(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ends func()
	}{
		{"ends", func() {}}, {"panics", func() { panic("page two") }}, {"exits", runtime.Goexit},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Bool
				returned := make(chan bool, 1)
				go func() {
					defer func() { returned <- done.Load() }()
					_ = tenants.Each(t.Context(),
						listed(func(yield func(*tenants.Tenant, error) bool) {
							yield(acme(), nil)
							test.ends()
						}), func(context.Context, *tenants.Tenant) error {
							time.Sleep(time.Hour)
							done.Store(true)
							return nil
						}, quiet)
				}()
				require.True(t, <-returned)
			})
		})
	}
}
