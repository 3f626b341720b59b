package tenants_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

// Clients that come with names that nobody has looked up, and go, leave no more behind than the
// lookups that may be under way.
func TestCache_of_clients_that_are_gone_keeps_no_goroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := newDirectory(acme())
		d.first(func(context.Context, string) error { <-release; return nil }) // whatever ctx
		cache := tenants.Cached(d, tenants.MaxLookups(8))
		before := runtime.NumGoroutine()
		var clients sync.WaitGroup
		for i := range 20_000 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			clients.Go(func() {
				defer cancel()
				_, err := cache.Lookup(ctx, fmt.Sprint("name-", i))
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		clients.Wait()
		synctest.Wait()
		require.LessOrEqual(t, runtime.NumGoroutine()-before, 8)
		require.EqualValues(t, 8, d.lookups.Load())

		begun := time.Now()
		_, err := cache.Lookup(t.Context(), "acme")
		require.ErrorContains(t, err, "tenants.MaxLookups")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, time.Since(begun), "Timeout")
		close(release)
		synctest.Wait()
		got, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, acme(), got)
	})
}

// Of callers that wait for one name one lookup is made, whoever of them leaves.
func TestCache_a_lookup_waits_for_its_turn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := newDirectory(acme(), zeta())
		d.first(func(_ context.Context, identifier string) error {
			if identifier == "zeta" {
				<-release
			}
			return nil
		})
		cache := tenants.Cached(d, tenants.MaxLookups(1))
		var all answers
		all.ask(t.Context(), cache, "zeta")
		synctest.Wait()
		first, leave := context.WithCancel(t.Context())
		var gone answers
		gone.ask(first, cache, "acme")
		synctest.Wait()
		for range 100 {
			all.ask(t.Context(), cache, "acme")
		}
		synctest.Wait()
		leave()
		gone.Wait()
		require.EqualValues(t, 1, gone.failed.Load())
		require.EqualValues(t, 1, d.lookups.Load())
		close(release)
		all.Wait()
		require.EqualValues(t, 101, all.found.Load())
		require.EqualValues(t, 2, d.lookups.Load())
	})
}

// A tenant in use is read again before its time is over, and nobody waits for that.
func TestCache_reads_ahead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(acme())
		cache := tenants.Cached(d, tenants.TTL(time.Minute))
		warm(t, cache, "acme")
		d.first(func(context.Context, string) error { time.Sleep(time.Second); return nil })
		changed := acme()
		changed.Status = tenants.Suspended
		d.set("t1", changed)
		for second := range 600 {
			begun := time.Now()
			got, err := cache.Lookup(t.Context(), "acme")
			require.NoError(t, err)
			require.Zero(t, time.Since(begun), "somebody waited")
			if second > 50 {
				require.Equal(t, tenants.Suspended, got.Status)
			}
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, d.lookups.Load(), int64(14), "once a term of the TTL")

		// One that fails is tried again, once a second, and what is cached serves until its time.
		d.first(failing)
		d.lookups.Store(0)
		for range 100 {
			time.Sleep(400 * time.Millisecond)
			_, _ = cache.Lookup(t.Context(), "acme")
		}
		time.Sleep(time.Minute)
		_, err := cache.Lookup(t.Context(), "acme")
		require.ErrorIs(t, err, errDown)
		require.LessOrEqual(t, d.lookups.Load(), int64(42))
	})
}

func failing(context.Context, string) error { return errDown }

// A cache whose listener hears nothing any more trusts nothing older than the limit.
func TestCache_trusts_a_silent_listener_for_a_while(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options []tenants.CacheOption
		limit   time.Duration
	}{
		{"by_default", nil, 10 * time.Second},
		{"as_told", []tenants.CacheOption{tenants.StaleLimit(30 * time.Second)}, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := newClock(noon)
			d := newDirectory(acme())
			options := append(slices.Clip(test.options),
				tenants.Clock(now.Now), tenants.TTL(time.Hour),
				tenants.NegativeTTL(time.Hour))
			cache := tenants.Cached(d, options...)
			require.Equal(t, test.limit, cache.StaleLimit())
			lookups := func(after time.Duration) int64 {
				now.set(noon.Add(after))
				d.lookups.Store(0)
				warm(t, cache, "acme")
				_, err := cache.Lookup(t.Context(), "nobody")
				require.Equal(t, tenants.ErrNotFound, err)
				return d.lookups.Load()
			}
			require.EqualValues(t, 2, lookups(0))
			require.Zero(t, lookups(30*time.Minute), "nobody listens: the TTL alone counts")
			cache.Heard(time.Second)
			heard := 30*time.Minute - time.Second
			require.Zero(t, lookups(heard+test.limit*4/5-1))
			require.EqualValues(t, 2, lookups(heard+test.limit))
			require.Zero(t, lookups(heard+test.limit*9/5-1), "what was read since is as long good")
			require.EqualValues(t, 2, lookups(heard+2*test.limit))
			cache.Heard(0)
			require.Zero(t, lookups(heard+test.limit*14/5-1))
			require.EqualValues(t, 2, lookups(heard-time.Hour), "the clock was set back")
		})
	}
}
