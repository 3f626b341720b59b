package tenants_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

func TestCache_answers_from_memory(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme(), zeta())
	cache := tenants.Cached(d)
	for range 3 {
		for _, identifier := range []string{"t1", "acme", "acme.com", "projects.acme.com"} {
			got, err := cache.Lookup(t.Context(), identifier)
			require.NoError(t, err)
			require.Equal(t, acme(), got)
		}
		got, err := cache.Lookup(t.Context(), "nobody")
		require.Equal(t, tenants.ErrNotFound, err)
		require.Nil(t, got)
	}
	require.EqualValues(t, 5, d.lookups.Load())
	require.Equal(t,
		tenants.CacheStats{Hits: 8, NegativeHits: 2, Misses: 5, Entries: 4, NegativeEntries: 1},
		cache.Stats())
}

func TestCache_what_cannot_be_an_identifier_is_not_looked_up(t *testing.T) {
	t.Parallel()
	d := newDirectory()
	cache := tenants.Cached(d)
	for _, identifier := range []string{"", strings.Repeat("a", 256), "acme\x00", "\xff", "a\nb"} {
		_, err := cache.Lookup(t.Context(), identifier)
		require.Equal(t, tenants.ErrNotFound, err)
	}
	require.Zero(t, d.lookups.Load())
	require.Equal(t, tenants.CacheStats{}, cache.Stats())
}

func TestCache_forgets_in_time(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		options        []tenants.CacheOption
		ttl, negative  time.Duration
		known, unknown string
	}{
		{"by_default", nil, 5 * time.Minute, 30 * time.Second, "acme", "nobody"},
		{
			"as_told",
			[]tenants.CacheOption{tenants.TTL(time.Second), tenants.NegativeTTL(time.Hour)},
			time.Second, time.Hour, "acme.com", "x.acme.com",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(acme())
				cache := tenants.Cached(d, test.options...)
				expectLookups := func(identifier string, want int64) {
					d.lookups.Store(0)
					_, _ = cache.Lookup(t.Context(), identifier)
					require.Equal(t, want, d.lookups.Load())
				}
				for _, test := range []struct {
					identifier string
					ttl        time.Duration
				}{{test.known, test.ttl}, {test.unknown, test.negative}} {
					expectLookups(test.identifier, 1)
					time.Sleep(test.ttl*4/5 - time.Nanosecond) // not yet ahead of time
					expectLookups(test.identifier, 0)
					time.Sleep(test.ttl - test.ttl*4/5 + time.Nanosecond)
					expectLookups(test.identifier, 1)
				}
			})
		})
	}
}

// The age of an answer counts from when it was asked for, not from when it came.
func TestCache_counts_the_time_of_the_look_up(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(acme())
		d.first(func(context.Context, string) error { time.Sleep(3 * time.Second); return nil })
		cache := tenants.Cached(d, tenants.TTL(4*time.Second))
		_, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		require.EqualValues(t, 2, d.lookups.Load())
	})
}

func TestCache_is_bounded(t *testing.T) {
	t.Parallel()
	var all []*tenants.Tenant
	for i := range 500 {
		all = append(all, &tenants.Tenant{ID: fmt.Sprint("t", i)})
	}
	cache := tenants.Cached(newDirectory(all...), tenants.Size(100))
	for i := range 1000 { // the upper half is unknown
		_, _ = cache.Lookup(t.Context(), fmt.Sprint("t", i))
	}
	stats := cache.Stats()
	require.LessOrEqual(t, stats.Entries, 100)
	require.LessOrEqual(t, stats.NegativeEntries, 100)
}

func TestCache_unknown_identifiers_evict_no_tenant(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme(), zeta())
	cache := tenants.Cached(d, tenants.Size(2))
	for _, identifier := range []string{"acme", "zeta"} {
		_, err := cache.Lookup(t.Context(), identifier)
		require.NoError(t, err)
	}
	for i := range 1000 {
		_, err := cache.Lookup(t.Context(), fmt.Sprint("nobody", i))
		require.ErrorIs(t, err, tenants.ErrNotFound)
	}
	d.lookups.Store(0)
	for _, identifier := range []string{"acme", "zeta"} {
		_, err := cache.Lookup(t.Context(), identifier)
		require.NoError(t, err)
	}
	require.Zero(t, d.lookups.Load())
}

// An identifier is a piece of a request's header. The cache must not hold on to the whole.
func TestCache_keeps_no_piece_of_a_request(t *testing.T) {
	t.Parallel()
	header := "Host: acme\r\nCookie: " + strings.Repeat("x", 1<<20)
	identifier := header[len("Host: "):][:len("acme")]
	var got string
	_, err := tenants.Cached(lookup(
		func(_ context.Context, identifier string) (*tenants.Tenant, error) {
			got = identifier
			return acme(), nil
		})).Lookup(t.Context(), identifier)
	require.NoError(t, err)
	require.Equal(t, "acme", got)
	require.NotSame(t, unsafe.StringData(identifier), unsafe.StringData(got))
}

// A caller that spoils what it was given spoils it for all; a directory cannot.
func TestCache_does_not_share_with_the_directory(t *testing.T) {
	t.Parallel()
	own := acme()
	cache := tenants.Cached(lookup(func(context.Context, string) (*tenants.Tenant, error) {
		return own, nil
	}))
	got, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	own.Status, own.Domains[0], own.Limits["seats"], *own.ExpiresAt = tenants.Closed, "evil.com", 9,
		noon.Add(1)
	require.Equal(t, acme(), got)
	again, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	require.Same(t, got, again)
}

func TestCache_does_not_look_at_status(t *testing.T) {
	t.Parallel()
	closed := &tenants.Tenant{ID: "t1", Status: tenants.Closed}
	cache := tenants.Cached(newDirectory(closed))
	for range 2 {
		got, err := cache.Lookup(t.Context(), "t1")
		require.NoError(t, err)
		require.ErrorIs(t, got.Usable(noon), tenants.ErrClosed)
	}
}

func TestCache_survives_a_clock_that_jumps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		jumps []time.Duration
	}{
		{"forwards", []time.Duration{24 * time.Hour}},
		{"backwards", []time.Duration{-24 * time.Hour}},
		{"backwards_a_little", []time.Duration{-time.Millisecond}},
		{"forwards_and_back", []time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour}},
		{
			"to_the_end_of_time",
			[]time.Duration{math.MaxInt64, math.MaxInt64, math.MinInt64, math.MinInt64},
		},
		{
			"to_the_start_of_all",
			[]time.Duration{math.MinInt64, math.MinInt64, math.MaxInt64, math.MaxInt64},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := newClock(noon)
			d := newDirectory(acme())
			cache := tenants.Cached(d, tenants.Clock(now.Now))
			for _, jump := range append([]time.Duration{0}, test.jumps...) {
				now.set(now.Now().Add(jump))
				for _, identifier := range []string{"acme", "nobody"} {
					_, _ = cache.Lookup(t.Context(), identifier)
				}
				// What changed unnoticed is seen after the TTL, wherever the clock stands now.
				version := acme()
				version.Name = fmt.Sprint(now.Now())
				d.set("t1", version)
				d.set("t2", &tenants.Tenant{ID: "t2", Slug: "nobody"})
				now.set(now.Now().Add(5 * time.Minute))
				got, err := cache.Lookup(t.Context(), "acme")
				require.NoError(t, err)
				require.Equal(t, version.Name, got.Name)
				_, err = cache.Lookup(t.Context(), "nobody")
				require.NoError(t, err)
				d.set("t2", nil)
				cache.Invalidate("t2")
			}
		})
	}
}

// The absence of a tenant must not come back with the hour.
func TestCache_absence_does_not_return_with_a_clock_set_back(t *testing.T) {
	t.Parallel()
	now := newClock(noon)
	d := newDirectory()
	cache := tenants.Cached(d, tenants.Clock(now.Now))
	_, err := cache.Lookup(t.Context(), "acme")
	require.ErrorIs(t, err, tenants.ErrNotFound)
	d.set("t1", acme())
	now.set(noon.Add(time.Minute))
	_, err = cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	now.set(noon.Add(time.Second))
	_, err = cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
}

func TestCache_absence_from_the_future_is_not_believed(t *testing.T) {
	t.Parallel()
	now := newClock(noon)
	d := newDirectory()
	cache := tenants.Cached(d, tenants.Clock(now.Now))
	_, err := cache.Lookup(t.Context(), "acme")
	require.ErrorIs(t, err, tenants.ErrNotFound)
	now.set(noon.Add(-time.Hour))
	d.set("t1", acme())
	_, err = cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
}

func TestCached_refuses_bad_options(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		option tenants.CacheOption
		want   string
	}{
		{"ttl_zero", tenants.TTL(0), "gormtenant: tenants.TTL(0s): it must be positive"},
		{
			"ttl_negative", tenants.TTL(-time.Second),
			"gormtenant: tenants.TTL(-1s): it must be positive",
		},
		{
			"negative_ttl_zero", tenants.NegativeTTL(0),
			"gormtenant: tenants.NegativeTTL(0s): it must be positive",
		},
		{
			"timeout_zero", tenants.Timeout(0),
			"gormtenant: tenants.Timeout(0s): it must be positive",
		},
		{"size_zero", tenants.Size(0), "gormtenant: tenants.Size(0): it must be at least 1"},
		{"size_negative", tenants.Size(-1), "gormtenant: tenants.Size(-1): it must be at least 1"},
		{
			"stale_limit_too_short", tenants.StaleLimit(time.Millisecond),
			"gormtenant: tenants.StaleLimit(1ms): it must be at least a second: a listener asks " +
				"the server four times within it",
		},
		{
			"max_lookups_zero", tenants.MaxLookups(0),
			"gormtenant: tenants.MaxLookups(0): it must be at least 1",
		},
		{
			"grace_negative", tenants.Grace(-1),
			"gormtenant: tenants.Grace(-1ns): it must not be negative; 0 is no grace",
		},
		{
			"clock_nil", tenants.Clock(nil),
			"gormtenant: tenants.Clock(nil): give a function, such as time.Now",
		},
		{"nil", nil, "gormtenant: tenants.Cached: option 1 is nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.PanicsWithValue(t, test.want,
				func() { tenants.Cached(newDirectory(), test.option) })
		})
	}
	require.PanicsWithValue(t, "gormtenant: tenants.Cached: the directory is nil",
		func() { tenants.Cached(nil) })
}

func TestCached_takes_the_widest_options(t *testing.T) {
	t.Parallel()
	cache := tenants.Cached(newDirectory(acme()), tenants.TTL(math.MaxInt64),
		tenants.NegativeTTL(math.MaxInt64),
		tenants.Grace(math.MaxInt64), tenants.Timeout(math.MaxInt64), tenants.Size(math.MaxInt))
	for range 2 {
		_, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, cache.Stats().Hits)
}
