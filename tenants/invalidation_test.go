package tenants_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

func warm(t *testing.T, cache *tenants.Cache, identifiers ...string) {
	t.Helper()
	for _, identifier := range identifiers {
		_, _ = cache.Lookup(t.Context(), identifier)
	}
}

func TestCache_Invalidate_reaches_a_tenant_by_every_name(t *testing.T) {
	t.Parallel()
	names := []string{"t1", "acme", "acme.com", "projects.acme.com"}
	for _, by := range names {
		for _, cached := range [][]string{
			names, {"t1"}, {"acme"}, {"projects.acme.com"}, {"acme", "acme.com"},
		} {
			t.Run(fmt.Sprint(by, " of ", cached), func(t *testing.T) {
				t.Parallel()
				d := newDirectory(acme(), zeta())
				cache := tenants.Cached(d)
				warm(t, cache, cached...)
				warm(t, cache, "t2", "zeta", "zeta.com")
				suspended := acme()
				suspended.Status = tenants.Suspended
				d.set("t1", suspended)
				d.lookups.Store(0)

				cache.Invalidate(by)
				if slices.Contains(cached, by) {
					require.Equal(t, 3, cache.Stats().Entries,
						"what it knows the names of is dropped at once")
				}
				warm(t, cache, "t2", "zeta", "zeta.com")
				require.Zero(t, d.lookups.Load(), "nobody else is forgotten")
				for _, name := range names {
					got, err := cache.Lookup(t.Context(), name)
					require.NoError(t, err)
					require.Equal(t, tenants.Suspended, got.Status, "by %s", name)
				}
			})
		}
	}
}

func TestCache_Invalidate_of_a_tenant_that_was_renamed(t *testing.T) {
	t.Parallel()
	renamed := acme()
	renamed.Slug, renamed.Domains = "acme-corp", []string{"acme.org"}
	for _, test := range []struct {
		name string
		by   []string
	}{
		{"by_ID", []string{"t1"}},
		{"by_old_slug", []string{"acme"}},
		{"by_old_domain", []string{"acme.com"}},
		{"by_all_of_them", []string{"t1", "acme", "acme-corp", "acme.com", "acme.org"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(acme())
			cache := tenants.Cached(d)
			warm(t, cache, "acme", "acme.com", "acme-corp", "acme.org") // two are, two are not yet
			d.set("t1", renamed)
			cache.Invalidate(test.by...)
			for _, gone := range []string{"acme", "acme.com"} {
				_, err := cache.Lookup(t.Context(), gone)
				require.ErrorIs(t, err, tenants.ErrNotFound)
			}
			for _, now := range []string{"acme-corp", "acme.org"} {
				_, err := cache.Lookup(t.Context(), now)
				require.NoError(t, err)
			}
		})
	}
}

// Before the invalidation comes the cache may have met the tenant under its new name too, and not
// know that it is the same as the one of the old name.
func TestCache_Invalidate_by_a_new_name_reaches_the_old(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme())
	cache := tenants.Cached(d)
	warm(t, cache, "acme", "acme.com")
	renamed := acme()
	renamed.Slug, renamed.Domains = "acme-corp", nil
	d.set("t1", renamed)
	warm(t, cache, "acme-corp")
	cache.Invalidate("acme-corp")
	for _, gone := range []string{"acme", "acme.com"} {
		_, err := cache.Lookup(t.Context(), gone)
		require.ErrorIs(t, err, tenants.ErrNotFound)
	}
}

func TestCache_Invalidate_of_a_tenant_that_was_deleted_or_swapped(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme(), zeta())
	cache := tenants.Cached(d)
	warm(t, cache, "acme", "zeta")
	d.set("t1", nil)
	heir := zeta()
	heir.Slug = "acme"
	d.set("t2", heir)
	cache.Invalidate("t1", "t2")
	got, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, "t2", got.ID)
	_, err = cache.Lookup(t.Context(), "zeta")
	require.ErrorIs(t, err, tenants.ErrNotFound)
}

// A tenant that is created after it was asked for is there as soon as it is made known, whatever it
// is made known by: that the cache knows no names of it must not matter.
func TestCache_Invalidate_forgets_absences(t *testing.T) {
	t.Parallel()
	d := newDirectory()
	cache := tenants.Cached(d)
	warm(t, cache, "acme", "acme.com")
	d.set("t1", acme())
	cache.Invalidate("t1")
	for _, name := range []string{"acme", "acme.com"} {
		_, err := cache.Lookup(t.Context(), name)
		require.NoError(t, err)
	}
}

func TestCache_InvalidateAll(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme(), zeta())
	cache := tenants.Cached(d)
	warm(t, cache, "acme", "zeta", "nobody")
	cache.InvalidateAll()
	require.Zero(t, cache.Stats().Entries+cache.Stats().NegativeEntries)
	d.lookups.Store(0)
	warm(t, cache, "acme", "zeta", "nobody")
	require.EqualValues(t, 3, d.lookups.Load())
	warm(t, cache, "acme", "zeta", "nobody")
	require.EqualValues(t, 3, d.lookups.Load())
}

func TestCache_Invalidate_of_nothing_does_nothing(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme())
	cache := tenants.Cached(d)
	warm(t, cache, "acme", "nobody")
	cache.Invalidate()
	cache.Invalidate("")
	warm(t, cache, "acme", "nobody")
	require.EqualValues(t, 2, d.lookups.Load())
}

// What was invalidated is not remembered for ever.
func TestCache_Invalidate_of_more_than_it_holds(t *testing.T) {
	t.Parallel()
	d := newDirectory(acme(), zeta())
	cache := tenants.Cached(d, tenants.Size(10))
	suspended := acme()
	suspended.Status = tenants.Suspended
	warm(t, cache, "acme", "zeta")
	d.set("t1", suspended)
	cache.Invalidate("t1")
	for i := range 9 {
		cache.Invalidate(fmt.Sprint("other", i))
	}
	d.lookups.Store(0)
	warm(t, cache, "zeta")
	require.Zero(t, d.lookups.Load(), "so many it can tell apart")
	cache.Invalidate("one more")
	warm(t, cache, "zeta")
	require.EqualValues(t, 1, d.lookups.Load(), "now it has to forget everything")
	got, err := cache.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, tenants.Suspended, got.Status)
}

// A lookup that read before the change must not put back what the invalidation took away.
func TestCache_a_look_up_from_before_an_invalidation(t *testing.T) {
	t.Parallel()
	byID := func(c *tenants.Cache) { c.Invalidate("t1") }
	for _, test := range []struct {
		name       string
		identifier string
		invalidate func(c *tenants.Cache)
	}{
		{"of_the_identifier", "acme", func(c *tenants.Cache) { c.Invalidate("acme") }},
		{"by_ID", "acme", byID},
		{"by_ID_for_a_domain", "acme.com", byID},
		{"by_another_name", "acme", func(c *tenants.Cache) { c.Invalidate("acme.com") }},
		{"of_all", "acme", func(c *tenants.Cache) { c.InvalidateAll() }},
		{"of_one_not_yet_created", "later", func(c *tenants.Cache) { c.Invalidate("t3") }},
		{
			"of_more_than_it_holds", "acme",
			func(c *tenants.Cache) { c.Invalidate("t1"); c.Invalidate("a", "b", "c") },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(acme())
				release := make(chan struct{})
				var blocked atomic.Bool
				blocked.Store(true)
				cache := tenants.Cached(
					lookup(func(_ context.Context, identifier string) (*tenants.Tenant, error) {
						got, err := d.find(identifier) // read first, and then be slow
						if blocked.Load() {
							<-release
						}
						return got, err
					}), tenants.Size(2))

				type answer struct {
					tenant *tenants.Tenant
					err    error
				}
				early := make(chan answer, 1)
				go func() {
					got, err := cache.Lookup(t.Context(), test.identifier)
					early <- answer{got, err}
				}()
				synctest.Wait()
				changed := acme()
				changed.Status = tenants.Suspended
				d.set("t1", changed)
				d.set("t3", &tenants.Tenant{ID: "t3", Slug: "later", Status: tenants.Suspended})
				test.invalidate(cache)
				blocked.Store(false)

				expectNew := func() {
					got, err := cache.Lookup(t.Context(), test.identifier)
					require.NoError(t, err)
					require.Equal(t, tenants.Suspended, got.Status)
				}
				expectNew() // does not wait with those who came before
				close(release)
				<-early
				misses := cache.Stats().Misses
				expectNew()
				require.Equal(t, misses, cache.Stats().Misses,
					"the new is not displaced by the old")
			})
		})
	}
}

// The same where nobody asks in between, so that there is nothing newer that could be kept.
func TestCache_a_look_up_from_before_an_invalidation_is_not_kept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		identifier string
		kept       bool
	}{{"acme", false}, {"nobody", false}, {"zeta", true}} {
		t.Run(test.identifier, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(acme(), zeta())
			cache := tenants.Cached(d)
			d.first(func(context.Context, string) error { cache.Invalidate("t1"); return nil })
			warm(t, cache, test.identifier)
			d.first(nil)
			warm(t, cache, test.identifier)
			want := int64(2)
			if test.kept {
				want = 1 // one that is none of the tenant's is
			}
			require.Equal(t, want, d.lookups.Load())
		})
	}
}

// Many change tenants and many look them up. Who asks after a change was made known must see it.
func TestCache_under_load_nobody_sees_what_was_invalidated_before_they_asked(t *testing.T) {
	t.Parallel()
	const owners = 4
	d := newDirectory()
	cache := tenants.Cached(d, tenants.Size(6)) // too small, so that it evicts
	var known [owners]atomic.Int64              // the version that was last made known
	write := func(i int, version int64) {
		id := fmt.Sprint("t", i)
		d.set(id, &tenants.Tenant{
			ID: id, Slug: fmt.Sprint("slug", i), Name: strconv.FormatInt(version, 10),
			Domains: []string{fmt.Sprint("domain", i)},
		})
	}
	for i := range owners {
		write(i, 0)
	}
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for i := range owners {
		writers.Go(func() {
			for version := int64(1); version <= 500; version++ {
				write(i, version)
				cache.Invalidate(fmt.Sprint([]string{"t", "slug", "domain"}[version%3], i))
				known[i].Store(version)
			}
		})
		readers.Go(func() {
			for !done.Load() {
				i := rand.IntN(owners)
				before := known[i].Load()
				got, err := cache.Lookup(t.Context(),
					fmt.Sprint([]string{"t", "slug", "domain"}[rand.IntN(3)], i))
				if err != nil {
					t.Error(err)
					return
				}
				if seen, _ := strconv.ParseInt(got.Name, 10, 64); seen < before {
					t.Errorf("version %d, when %d was known", seen, before)
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
}
