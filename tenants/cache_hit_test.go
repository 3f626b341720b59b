package tenants_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

func TestCache_hit_allocates_nothing(t *testing.T) {
	cache := tenants.Cached(newDirectory(acme()))
	ctx := t.Context()
	for _, test := range []struct {
		name       string
		identifier string
		invalidate string
	}{
		{"hit", "acme", "zeta"},
		{"hit_after_another's_invalidation", "acme.com", "t2"},
		{"negative_hit", "nobody", ""},
		{"no_identifier", "\x00", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cache.Invalidate(test.invalidate)
			_, _ = cache.Lookup(ctx, test.identifier)
			require.Zero(t,
				testing.AllocsPerRun(1000, func() { _, _ = cache.Lookup(ctx, test.identifier) }))
		})
	}
}

// While the directory is asked again, behind their backs, callers leave nothing behind that would
// pile up.
func TestCache_stale_answer_allocates_nothing(t *testing.T) {
	now := newClock(noon)
	d := newDirectory(acme())
	cache := tenants.Cached(d, tenants.Clock(now.Now), tenants.Grace(time.Hour))
	warm(t, cache, "acme")
	d.fail(failures["error"])
	now.set(noon.Add(6 * time.Minute))
	warm(t, cache, "acme")
	release := make(chan struct{})
	d.first(func(context.Context, string) error { <-release; return errDown })
	now.set(noon.Add(6*time.Minute + 2*time.Second))
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = cache.Lookup(ctx, "acme") }))
	close(release)
	require.EqualValues(t, 1002, cache.Stats().Stale)
}

func BenchmarkCache_hit(b *testing.B) {
	ctx := b.Context()
	for _, test := range []struct{ name, identifier string }{
		{"slug", "acme"},
		{"uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{"domain", "projects.acme.com"},
	} {
		tenant := acme()
		tenant.ID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
		cache := tenants.Cached(newDirectory(tenant))
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cache.Lookup(ctx, test.identifier); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(test.name+"_parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := cache.Lookup(ctx, test.identifier); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkCache_miss(b *testing.B) {
	cache := tenants.Cached(newDirectory(acme()))
	b.ReportAllocs()
	for b.Loop() {
		cache.Invalidate("acme")
		if _, err := cache.Lookup(b.Context(), "acme"); err != nil {
			b.Fatal(err)
		}
	}
}
