package tenants_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

// answers are what many callers were told.
type answers struct {
	sync.WaitGroup
	found, absent, failed atomic.Int64
}

func (a *answers) ask(ctx context.Context, cache *tenants.Cache, identifier string) {
	a.Go(func() {
		switch _, err := cache.Lookup(ctx, identifier); {
		case err == nil:
			a.found.Add(1)
		case errors.Is(err, tenants.ErrNotFound):
			a.absent.Add(1)
		default:
			a.failed.Add(1)
		}
	})
}

func TestCache_a_thousand_misses_at_once_are_one_look_up(t *testing.T) {
	t.Parallel()
	const callers = 1000
	for _, test := range []struct {
		name       string
		identifier string
		fails      error
		counted    func(a *answers) *atomic.Int64
	}{
		{"of_a_tenant", "acme", nil, func(a *answers) *atomic.Int64 { return &a.found }},
		{"of_nobody", "nobody", nil, func(a *answers) *atomic.Int64 { return &a.absent }},
		{
			"while_the_directory_fails", "acme", errors.New("down"),
			func(a *answers) *atomic.Int64 { return &a.failed },
		},
		{
			"of_what_no_one_could_be_in", "nobody", errors.New("down"),
			func(a *answers) *atomic.Int64 { return &a.failed },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				d := newDirectory(acme())
				d.first(func(context.Context, string) error { <-release; return test.fails })
				cache := tenants.Cached(d)
				var a answers
				for range callers {
					a.ask(t.Context(), cache, test.identifier)
				}
				synctest.Wait() // all of them wait
				close(release)
				a.Wait()
				require.EqualValues(t, 1, d.lookups.Load())
				require.EqualValues(t, callers, test.counted(&a).Load())
				require.EqualValues(t, callers, cache.Stats().Misses)
			})
		})
	}
}

// slowContext is a context that its caller looks at only when released.
type slowContext struct {
	context.Context
	asked, release chan struct{}
}

func (c slowContext) Err() error {
	close(c.asked)
	<-c.release
	return c.Context.Err()
}

// Who has seen the cache empty, and comes to the lookup when it has just been answered, must not
// ask again.
func TestCache_a_miss_that_comes_late_is_not_looked_up_again(t *testing.T) {
	t.Parallel()
	for _, identifier := range []string{"acme", "nobody"} {
		t.Run(identifier, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(acme())
			cache := tenants.Cached(d)
			late := slowContext{t.Context(), make(chan struct{}), make(chan struct{})}
			var a answers
			a.ask(late, cache, identifier)
			<-late.asked
			a.ask(t.Context(), cache, identifier)
			require.Eventually(t, func() bool { return a.found.Load()+a.absent.Load() == 1 },
				time.Minute, time.Millisecond)
			close(late.release)
			a.Wait()
			require.EqualValues(t, 1, d.lookups.Load())
			require.EqualValues(t, 2, a.found.Load()+a.absent.Load())
		})
	}
}

func TestCache_each_caller_obeys_its_own_context(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var seen context.Context
		d := newDirectory(acme())
		d.first(func(ctx context.Context, _ string) error {
			seen = ctx
			<-release
			return ctx.Err()
		})
		cache := tenants.Cached(d)

		type key struct{}
		first, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "trace"))
		soon, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		errs := make(chan error, 2)
		go func() { _, err := cache.Lookup(first, "acme"); errs <- err }()
		synctest.Wait()
		go func() { _, err := cache.Lookup(soon, "acme"); errs <- err }()
		var patient answers
		patient.ask(t.Context(), cache, "acme")
		synctest.Wait()

		why := errors.New("the client went away")
		cancel(why)
		err := <-errs
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		require.ErrorIs(t, <-errs, context.DeadlineExceeded)
		require.NoError(t, seen.Err(), "the look-up goes on for the others")
		require.Equal(t, "trace", seen.Value(key{}))
		_, limited := seen.Deadline()
		require.True(t, limited)

		close(release)
		patient.Wait()
		require.EqualValues(t, 1, patient.found.Load())
		require.EqualValues(t, 1, d.lookups.Load())

		got, err := cache.Lookup(first, "acme")
		require.NoError(t, err, "a hit waits for nothing")
		require.Equal(t, acme(), got)
	})
}

func TestCache_does_not_look_up_for_a_caller_that_is_gone(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tenants.Cached(d).Lookup(gone, "acme")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, tenants.ErrNotFound)
	require.EqualError(t, err, "gormtenant: look up a tenant: context canceled")
	require.Zero(t, d.lookups.Load())
}

func TestCache_a_directory_that_breaks_wedges_nobody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		breaks func(ctx context.Context)
		says   string
	}{
		{"panics", func(context.Context) { panic("no such luck") }, "panic: no such luck"},
		{
			"panics_with_not_found", func(context.Context) { panic(tenants.ErrNotFound) },
			"panic: gormtenant: no such tenant",
		},
		{"panics_with_nil", func(context.Context) { panic(nil) }, "panic called with nil"},
		{"exits", func(context.Context) { runtime.Goexit() }, "runtime.Goexit was called"},
		{"hangs", func(ctx context.Context) { <-ctx.Done() }, "did not answer within 2s"},
		{
			"hangs_whatever_the_time", func(context.Context) { time.Sleep(time.Hour) },
			"did not answer within 2s",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				d := newDirectory(acme())
				d.first(func(ctx context.Context, _ string) error {
					<-release
					test.breaks(ctx)
					return ctx.Err()
				})
				cache := tenants.Cached(d, tenants.Timeout(2*time.Second))
				var others answers
				for range 10 {
					others.ask(t.Context(), cache, "acme")
				}
				synctest.Wait()
				close(release)
				others.Wait()
				require.EqualValues(t, 10, others.failed.Load())

				_, err := cache.Lookup(t.Context(), "acme")
				require.ErrorContains(t, err, test.says)
				require.NotErrorIs(t, err, tenants.ErrNotFound)
				require.EqualValues(t, 2, cache.Stats().Failed)

				time.Sleep(2 * time.Hour) // what hangs comes to its end
				d.first(nil)
				got, err := cache.Lookup(t.Context(), "acme")
				require.NoError(t, err)
				require.Equal(t, acme(), got)
			})
		})
	}
}

func TestPanicError_has_the_stack(t *testing.T) {
	t.Parallel()
	cache := tenants.Cached(lookup(func(context.Context, string) (*tenants.Tenant, error) {
		panic("here")
	}))
	_, err := cache.Lookup(t.Context(), "acme")
	var panicked *tenants.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Equal(t, "here", panicked.Value)
	require.Contains(t, string(panicked.Stack), "TestPanicError_has_the_stack")
	require.ErrorContains(t, err, "TestPanicError_has_the_stack")
}
