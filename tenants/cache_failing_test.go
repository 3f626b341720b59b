package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

var errDown = errors.New("connection refused")

// failures are what a directory can do wrong.
var failures = map[string]lookup{
	"error": func(context.Context, string) (*tenants.Tenant, error) { return nil, errDown },
	"error_beside_a_tenant": func(context.Context, string) (*tenants.Tenant, error) {
		return acme(), errDown
	},
	"not_found_and_out_of_time": func(context.Context, string) (*tenants.Tenant, error) {
		return nil, errors.Join(tenants.ErrNotFound, context.DeadlineExceeded)
	},
	"not_found_and_cancelled": func(context.Context, string) (*tenants.Tenant, error) {
		return nil, fmt.Errorf("%w: %w", tenants.ErrNotFound, context.Canceled)
	},
	"not_found_when_its_time_was_up": func(ctx context.Context, _ string) (*tenants.Tenant, error) {
		<-ctx.Done()
		return nil, tenants.ErrNotFound
	},
	"neither_tenant_nor_error": func(context.Context, string) (*tenants.Tenant, error) {
		return nil, nil
	},
	"tenant_without_ID": func(context.Context, string) (*tenants.Tenant, error) {
		return &tenants.Tenant{Slug: "acme", Status: tenants.Active}, nil
	},
	"another_tenant": func(context.Context, string) (*tenants.Tenant, error) { return zeta(), nil },
	"tenant_of_another_spelling": func(context.Context, string) (*tenants.Tenant, error) {
		return &tenants.Tenant{ID: "ACME", Slug: "Acme", Domains: []string{"acme."}}, nil
	},
	"panic": func(context.Context, string) (*tenants.Tenant, error) { panic(tenants.ErrNotFound) },
	"hangs": func(context.Context, string) (*tenants.Tenant, error) {
		time.Sleep(time.Minute)
		return acme(), nil
	},
}

func TestCache_a_directory_that_fails_never_says_not_found(t *testing.T) {
	t.Parallel()
	for name, fails := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cache := tenants.Cached(fails)
				for want := range 3 { // nor is it remembered
					got, err := cache.Lookup(t.Context(), "acme")
					require.Error(t, err)
					require.NotErrorIs(t, err, tenants.ErrNotFound)
					require.Regexp(t, "^gormtenant: ", err.Error())
					require.NotContains(t, err.Error(), "zeta")
					require.Nil(t, got)
					require.EqualValues(t, want+1, cache.Stats().Failed)
				}
				require.Zero(t, cache.Stats().Entries+cache.Stats().NegativeEntries)
				time.Sleep(time.Hour) // what hangs comes to its end
			})
		})
	}
}

func TestCache_keeps_the_cause(t *testing.T) {
	t.Parallel()
	_, err := tenants.Cached(failures["error"]).Lookup(t.Context(), "acme")
	require.ErrorIs(t, err, errDown)
	require.EqualError(t, err, "gormtenant: look up a tenant: connection refused")
}

func TestCache_takes_not_found_however_it_is_wrapped(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer error
	}{
		{"bare", tenants.ErrNotFound},
		{"wrapped", fmt.Errorf("store: %w", tenants.ErrNotFound)},
		{"beside_its_cause", fmt.Errorf("%w: %w", tenants.ErrNotFound, errors.New("no rows"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cache := tenants.Cached(lookup(func(context.Context, string) (*tenants.Tenant, error) {
				return nil, test.answer
			}))
			for range 2 {
				_, err := cache.Lookup(t.Context(), "acme")
				require.Equal(t, tenants.ErrNotFound, err)
			}
			require.Equal(t, tenants.CacheStats{NegativeHits: 1, Misses: 1, NegativeEntries: 1},
				cache.Stats())
		})
	}
}

func TestCache_serves_the_stale_within_its_grace(t *testing.T) {
	t.Parallel()
	for name, how := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(acme())
				cache := tenants.Cached(d, tenants.TTL(time.Hour), tenants.Grace(time.Hour))
				start := time.Now()
				_, err := cache.Lookup(t.Context(), "acme")
				require.NoError(t, err)
				d.fail(how)

				for _, after := range []time.Duration{
					time.Hour, 90 * time.Minute, 2*time.Hour - 10*time.Second,
				} {
					time.Sleep(time.Until(start.Add(after)))
					got, err := cache.Lookup(t.Context(), "acme")
					require.NoError(t, err)
					require.Equal(t, acme(), got)
				}
				require.EqualValues(t, 3, cache.Stats().Stale)
				require.EqualValues(t, 3, cache.Stats().Failed)

				time.Sleep(time.Until(start.Add(2 * time.Hour)))
				_, err = cache.Lookup(t.Context(), "acme")
				require.Error(t, err, "the grace is over")
				require.NotErrorIs(t, err, tenants.ErrNotFound)
				time.Sleep(time.Hour) // what hangs comes to its end
			})
		})
	}
}

func TestCache_has_no_grace_by_default(t *testing.T) {
	t.Parallel()
	now := newClock(noon)
	d := newDirectory(acme())
	cache := tenants.Cached(d, tenants.Clock(now.Now))
	_, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	d.fail(failures["error"])
	for _, jump := range []time.Duration{5 * time.Minute, -time.Second} {
		now.set(noon.Add(jump))
		_, err = cache.Lookup(t.Context(), "acme")
		require.ErrorIs(t, err, errDown)
	}
	require.Zero(t, cache.Stats().Stale)
}

func TestCache_in_grace_a_directory_that_answers_is_believed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(acme(), zeta())
		cache := tenants.Cached(d, tenants.Grace(time.Hour))
		for _, identifier := range []string{"acme", "zeta"} {
			_, err := cache.Lookup(t.Context(), identifier)
			require.NoError(t, err)
		}
		suspended := acme()
		suspended.Status = tenants.Suspended
		d.set("t1", suspended)
		d.set("t2", nil)
		time.Sleep(6 * time.Minute)
		got, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, tenants.Suspended, got.Status)
		_, err = cache.Lookup(t.Context(), "zeta")
		require.ErrorIs(t, err, tenants.ErrNotFound)

		d.first(func(context.Context, string) error { return errDown })
		time.Sleep(time.Minute)
		_, err = cache.Lookup(t.Context(), "zeta")
		require.ErrorIs(t, err, errDown,
			"who was found to be gone does not come back when the directory fails")
	})
}

func TestCache_an_invalidation_ends_the_grace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		invalidate func(c *tenants.Cache)
	}{
		{"of_the_tenant", func(c *tenants.Cache) { c.Invalidate("t1") }},
		{"of_all", func(c *tenants.Cache) { c.InvalidateAll() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(acme())
				cache := tenants.Cached(d, tenants.Grace(time.Hour))
				_, err := cache.Lookup(t.Context(), "acme")
				require.NoError(t, err)
				d.fail(failures["error"])
				time.Sleep(6 * time.Minute)
				_, err = cache.Lookup(t.Context(), "acme")
				require.NoError(t, err)
				test.invalidate(cache)
				_, err = cache.Lookup(t.Context(), "acme")
				require.ErrorIs(t, err, errDown)
			})
		})
	}
}

// It may come while the lookup is under way that will fail.
func TestCache_an_invalidation_during_a_failing_look_up_ends_the_grace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(acme())
		cache := tenants.Cached(d, tenants.Grace(time.Hour))
		_, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		d.first(func(context.Context, string) error { cache.Invalidate("t1"); return errDown })
		time.Sleep(6 * time.Minute)
		_, err = cache.Lookup(t.Context(), "acme")
		require.ErrorIs(t, err, errDown)
	})
}

func TestCache_does_not_wait_for_a_directory_known_to_fail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(acme())
		cache := tenants.Cached(d, tenants.Grace(time.Hour), tenants.Timeout(4*time.Second))
		lookup := func() time.Duration {
			start := time.Now()
			got, err := cache.Lookup(t.Context(), "acme")
			require.NoError(t, err)
			require.Equal(t, "Acme", got.Name)
			return time.Since(start)
		}
		lookup()
		d.fail(func(ctx context.Context, _ string) (*tenants.Tenant, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		time.Sleep(6 * time.Minute)
		require.Equal(t, 4*time.Second, lookup(), "nobody knows yet")
		d.lookups.Store(0)
		for range 10 {
			require.Zero(t, lookup())
		}
		synctest.Wait()
		require.Zero(t, d.lookups.Load(), "it has only just failed")
		time.Sleep(time.Second)
		for range 10 {
			require.Zero(t, lookup())
		}
		synctest.Wait()
		require.EqualValues(t, 1, d.lookups.Load(), "one of them asks again")
		time.Sleep(20 * time.Second)
		require.Equal(t, 4*time.Second, lookup(), "that it failed is too long ago to be relied on")

		renamed := acme()
		renamed.Plan = "pro"
		d.set("t1", renamed)
		d.fail(nil)
		time.Sleep(2 * time.Second)
		lookup()
		synctest.Wait()
		got, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		require.Equal(t, "pro", got.Plan, "it is seen to work again")
		time.Sleep(10 * time.Second)
	})
}

func TestCache_grace_and_a_clock_set_back(t *testing.T) {
	t.Parallel()
	now := newClock(noon)
	d := newDirectory(acme())
	cache := tenants.Cached(d, tenants.Clock(now.Now), tenants.Grace(time.Hour))
	_, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	d.fail(failures["error"])
	now.set(noon.Add(-time.Minute))
	_, err = cache.Lookup(t.Context(), "acme")
	require.NoError(t, err, "a minute is within the grace either way")
	d.lookups.Store(0)
	now.set(noon.Add(-2 * time.Minute))
	_, err = cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	require.EqualValues(t, 1, d.lookups.Load(), "nobody knows when it failed")
	now.set(noon.Add(-25 * time.Hour))
	_, err = cache.Lookup(t.Context(), "acme")
	require.ErrorIs(t, err, errDown, "nobody knows how old it is")
}
