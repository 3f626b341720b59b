package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

func TestUpdate_replaces_all_but_the_id_and_creation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		created := create(t, s, acme())
		zeta := create(t, s,
			&tenants.Tenant{ID: "t-2", Slug: "zeta", Domains: []string{"zeta.com"}})
		changed := &tenants.Tenant{
			ID: "t-1", Slug: "acme2", Name: "Acme 2", Domains: []string{"Acme.ORG", "acme.net"},
			Status: tenants.Suspended, Plan: "free", UpdatedAt: created.UpdatedAt,
			CreatedAt: time.Unix(1, 0),
		}
		require.NoError(t, s.Update(t.Context(), changed))
		require.Equal(t, []string{"acme.org", "acme.net"}, changed.Domains)
		require.Equal(t, created.CreatedAt, changed.CreatedAt)
		require.True(t, changed.UpdatedAt.After(created.UpdatedAt))
		for _, identifier := range []string{"t-1", "acme2", "acme.org", "acme.net"} {
			require.Equal(t, changed, lookup(t, s, identifier), identifier)
		}
		for _, old := range []string{"acme", "projects.acme.com"} {
			_, err := s.Lookup(t.Context(), old)
			require.ErrorIs(t, err, tenants.ErrNotFound, old)
		}
		require.Equal(t, zeta, lookup(t, s, "zeta.com"))
	})
}

func TestUpdate_refuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		edit  func(*tenants.Tenant)
		check func(t *testing.T, err error)
	}{
		{
			"stale", func(t *tenants.Tenant) { t.UpdatedAt = t.UpdatedAt.Add(-time.Microsecond) },
			isError(store.ErrConflict),
		},
		{
			"never_read", func(t *tenants.Tenant) { t.UpdatedAt = time.Time{} },
			isError(store.ErrConflict),
		},
		{"another_id", func(t *tenants.Tenant) { t.ID = "t-3" }, isError(tenants.ErrNotFound)},
		{"slug_as_id", func(t *tenants.Tenant) { t.ID = "acme" }, isError(tenants.ErrNotFound)},
		{"id_with_nul", func(t *tenants.Tenant) { t.ID = "t\x00" }, isError(tenants.ErrNotFound)},
		{"no_id", func(t *tenants.Tenant) { t.ID = "" }, isError(tenants.ErrNotFound)},
		{"their_id", func(t *tenants.Tenant) { t.ID = "t-2" }, isError(store.ErrConflict)},
		{
			"their_slug", func(t *tenants.Tenant) { t.Slug = "zeta" },
			isField(store.ErrTaken, "Slug"),
		},
		{
			"their_id_slug", func(t *tenants.Tenant) { t.Slug = "t-2" },
			isField(store.ErrTaken, "Slug"),
		},
		{
			"their_domain",
			func(t *tenants.Tenant) { t.Slug, t.Domains = "new", []string{"new.com", "zeta.com"} },
			isField(store.ErrTaken, "Domains"),
		},
		{
			"reserved", func(t *tenants.Tenant) { t.Slug = "admin" },
			isField(store.ErrInvalid, "Slug"),
		},
		{
			"no_status", func(t *tenants.Tenant) { t.Status = "" },
			isField(store.ErrInvalid, "Status"),
		},
		{"no_plan", func(t *tenants.Tenant) { t.Plan = "" }, isField(store.ErrInvalid, "Plan")},
		{
			"bad_domain", func(t *tenants.Tenant) { t.Domains = []string{"10.0.0.1"} },
			isField(store.ErrInvalid, "Domains"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
				create(t, s, acme())
				create(t, s,
					&tenants.Tenant{ID: "t-2", Slug: "zeta", Domains: []string{"zeta.com"}})
				before := content(t, db)
				given := lookup(t, s, "acme")
				test.edit(given)
				passed := *given
				test.check(t, s.Update(t.Context(), &passed))
				require.Equal(t, *given, passed)
				require.Equal(t, before, content(t, db))
			})
		})
	}
}

func isError(want error) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		require.ErrorIs(t, err, want)
	}
}

func isField(kind error, field string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		requireField(t, err, kind, field, "")
	}
}

func TestUpdate_keeps_names_that_were_reserved_later(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		tenant := create(t, s, acme())
		s = newStore(t, db, store.Reserved("acme", "acme.org"))
		tenant.Name = "Acme"
		require.NoError(t, s.Update(t.Context(), tenant))
		tenant.Domains = []string{"new.acme.org"}
		requireField(t, s.Update(t.Context(), tenant), store.ErrInvalid, "Domains", "reserved")
	})
}

func TestStatus_after_each_call_of_the_life_cycle(t *testing.T) {
	t.Parallel()
	type call = func(s *store.Store, ctx context.Context, id string) error
	suspend, resume, closing := (*store.Store).Suspend, (*store.Store).Resume, (*store.Store).Close
	for _, test := range []struct {
		name  string
		calls []call
		want  tenants.Status
		err   error // of the last
	}{
		{"suspend", []call{suspend}, tenants.Suspended, nil},
		{"suspend_twice", []call{suspend, suspend}, tenants.Suspended, nil},
		{"resume", []call{suspend, resume}, tenants.Active, nil},
		{"resume_active", []call{resume}, tenants.Active, nil},
		{"close", []call{closing}, tenants.Closed, nil},
		{"close_suspended", []call{suspend, closing}, tenants.Closed, nil},
		{"close_twice", []call{closing, closing}, tenants.Closed, nil},
		{"resume_closed", []call{closing, resume}, tenants.Closed, tenants.ErrClosed},
		{"suspend_closed", []call{closing, suspend}, tenants.Closed, tenants.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
				s := newStore(t, db, store.Clock(clock))
				want := create(t, s, acme())
				zeta := create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
				for i, call := range test.calls {
					err := call(s, t.Context(), "t-1")
					if i == len(test.calls)-1 && test.err != nil {
						require.ErrorIs(t, err, test.err)
						continue
					}
					require.NoError(t, err)
				}
				got := lookup(t, s, "acme")
				want.Status, want.UpdatedAt = test.want, got.UpdatedAt
				require.Equal(t, want, got)
				require.Equal(t, zeta, lookup(t, s, "zeta"))
				for _, nobody := range []string{"acme", "acme.org", "t-9", "", "\x00", "\xff"} {
					require.ErrorIs(t, test.calls[0](s, t.Context(), nobody), tenants.ErrNotFound,
						nobody)
				}
			})
		})
	}
}

// A clock that stands still or jumps back must not let a stale copy undo a suspension.
func TestUpdate_notices_every_change_whatever_the_clock_says(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		now := clock()
		s := newStore(t, db, store.Clock(func() time.Time { return now }))
		create(t, s, acme())
		for _, jump := range []time.Duration{0, -time.Hour, time.Nanosecond, time.Hour} {
			stale := lookup(t, s, "acme")
			now = now.Add(jump)
			require.NoError(t, s.Suspend(t.Context(), "t-1"))
			require.ErrorIs(t, s.Update(t.Context(), stale), store.ErrConflict)
			require.True(t, lookup(t, s, "acme").UpdatedAt.After(stale.UpdatedAt))
			require.NoError(t, s.Resume(t.Context(), "t-1"))
		}
	})
}

// The rows of tenants are edited by hand at times. What comes of it must stay with the tenant.
func TestUpdate_releases_names_of_its_own_tenant_only(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		create(t, s, acme())
		zeta := create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
		require.NoError(t,
			db.Exec("UPDATE gormtenant_tenants SET slug = 'zeta' WHERE id = 't-1'").Error)
		mended := lookup(t, s, "t-1")
		mended.Slug = "acme"
		require.NoError(t, s.Update(t.Context(), mended))
		require.Equal(t, mended, lookup(t, s, "acme"))
		require.Equal(t, zeta, lookup(t, s, "zeta"))
	})
}
