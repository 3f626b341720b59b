package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gormtenant/gormtenant/tenants"
)

// Where every change is made known by the ID of its tenant, the cache and its directory give the
// same answers, whatever names move between tenants and wherever the clock jumps. While the
// directory fails the cache may fail too, but says nothing that is not so.
func TestCache_answers_like_its_directory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := newClock(noon)
		d := newDirectory()
		cache := tenants.Cached(d, tenants.Clock(now.Now), tenants.Grace(time.Minute),
			tenants.Size(rapid.IntRange(1, 8).Draw(t, "size")))
		ids := rapid.SampledFrom([]string{"t1", "t2", "t3"})
		names := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		jumps := rapid.SampledFrom([]time.Duration{
			time.Millisecond, time.Second, time.Minute, 5 * time.Minute, time.Hour, -time.Second,
			-5 * time.Minute, -time.Hour,
		})
		down, version := false, 0
		free := func(name string) bool { _, err := d.find(name); return err != nil }

		t.Repeat(map[string]func(t *rapid.T){
			"write": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				d.set(id, nil)
				version++
				tenant := &tenants.Tenant{ID: id, Name: fmt.Sprint(version), Status: tenants.Active}
				if slug := names.Draw(t, "slug"); free(slug) {
					tenant.Slug = slug
				}
				if domain := names.Draw(t, "domain"); free(domain) && domain != tenant.Slug {
					tenant.Domains = []string{domain}
				}
				d.set(id, tenant)
				cache.Invalidate(id)
			},
			"delete": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				d.set(id, nil)
				cache.Invalidate(id)
			},
			"wait": func(t *rapid.T) { now.set(now.Now().Add(jumps.Draw(t, "jump"))) },
			"switch": func(*rapid.T) {
				if down = !down; down {
					d.first(func(context.Context, string) error { return errDown })
				} else {
					d.first(nil)
				}
			},
			"lookup": func(t *rapid.T) {
				identifier := rapid.OneOf(ids, names).Draw(t, "identifier")
				want, wantErr := d.find(identifier)
				got, err := cache.Lookup(context.Background(), identifier)
				if down && errors.Is(err, errDown) {
					require.Nil(t, got)
					return
				}
				require.Equal(t, wantErr, err)
				require.Equal(t, want, got)
			},
		})
	})
}
