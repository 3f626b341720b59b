package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// renamed changes the slug and the domains of the tenant t-1.
func renamed(t *testing.T, s *store.Store, slug string, domains ...string) {
	t.Helper()
	tenant := *lookup(t, s, "t-1")
	tenant.Slug, tenant.Domains = slug, domains
	require.NoError(t, s.Update(t.Context(), &tenant))
}

// What a tenant has given up leads nowhere, and is nobody else's until it has rested.
func TestRest(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		name    string
		options []store.Option
		wait    time.Duration
		free    bool
	}{
		{"at_once", nil, 0, false},
		{"a_moment_before_30_days", nil, 30*day - time.Microsecond, false},
		{"after_30_days", nil, 30 * day, true},
		{"clock_goes_back", nil, -day, false},
		{"a_week_before_its_end", []store.Option{store.Rest(7 * day)}, 6 * day, false},
		{"a_week", []store.Option{store.Rest(7 * day)}, 7 * day, true},
		{"none", []store.Option{store.Rest(0)}, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
				now := clock()
				s := newStore(t, db, append(test.options,
					store.Clock(func() time.Time { return now }))...)
				create(t, s, acme())
				create(t, s, &tenants.Tenant{ID: "t-2", Slug: "evil"})
				renamed(t, s, "acme2", "acme.org")
				for _, old := range []string{"acme", "projects.acme.com"} {
					_, err := s.Lookup(t.Context(), old)
					require.ErrorIs(t, err, tenants.ErrNotFound, old)
				}

				now = now.Add(test.wait)
				for _, take := range []struct {
					field string
					do    func() error
				}{
					{"Slug", func() error {
						evil := *lookup(t, s, "t-2")
						evil.Slug = "acme"
						return s.Update(t.Context(), &evil)
					}},
					{"Domains", func() error {
						return s.Create(t.Context(), &tenants.Tenant{
							ID: "t-3", Slug: "new", Domains: []string{"projects.acme.com"},
						})
					}},
				} {
					before := content(t, db)
					err := take.do()
					if test.free {
						require.NoError(t, err, take.field)
						continue
					}
					requireField(t, err, store.ErrTaken, take.field, "until recently")
					require.Equal(t, before, content(t, db))
				}
				if test.free {
					require.Equal(t, "t-2", lookup(t, s, "acme").ID)
					require.Equal(t, "t-3", lookup(t, s, "projects.acme.com").ID)
				}
				require.Equal(t, "t-1", lookup(t, s, "acme2").ID)
			})
		})
	}
}

// A name that rests cannot be taken as an ID either, which finds a tenant where a slug is asked
// for.
func TestRest_keeps_names_from_ids(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		create(t, s, acme())
		renamed(t, s, "acme2")
		err := s.Create(t.Context(), &tenants.Tenant{ID: "acme", Slug: "new"})
		requireField(t, err, store.ErrTaken, "ID", "acme")
	})
}

// A tenant may have back what it gave up, with what others took meanwhile still out of its reach.
func TestRest_is_not_for_whose_name_it_was(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		create(t, s, acme())
		renamed(t, s, "acme2")
		renamed(t, s, "acme", "projects.acme.com")
		require.Equal(t, "t-1", lookup(t, s, "acme").ID)
		require.Equal(t, "t-1", lookup(t, s, "projects.acme.com").ID)
		_, err := s.Lookup(t.Context(), "acme2")
		require.ErrorIs(t, err, tenants.ErrNotFound)

		impatient := newStore(t, db, store.Rest(0))
		renamed(t, impatient, "acme3")
		create(t, impatient, &tenants.Tenant{ID: "t-2", Slug: "acme"})
		acme := *lookup(t, s, "t-1")
		acme.Slug = "acme"
		requireField(t, s.Update(t.Context(), &acme), store.ErrTaken, "Slug", "acme")
	})
}

// Of many who take a name at the moment when it has rested, one gets it.
func TestRest_race_for_a_name(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, db *gorm.DB, stores [2]*store.Store) {
		create(t, stores[0], acme())
		renamed(t, stores[0], "acme2")
		require.NoError(t, db.Exec("UPDATE gormtenant_names SET released_at = ? WHERE name = ?",
			clock().Add(-365*24*time.Hour).UTC(), "acme").Error)
		got := 0
		for _, err := range race(t, stores, func(s *store.Store, _ int) error {
			return s.Create(t.Context(), &tenants.Tenant{Slug: "acme"})
		}) {
			if err == nil {
				got++
				continue
			}
			require.ErrorIs(t, err, store.ErrTaken)
		}
		require.Equal(t, 1, got)
		require.NotEqual(t, "t-1", lookup(t, stores[1], "acme").ID)
	})
}

// Tables that an earlier version made get the column.
func TestMigrate_adds_when_names_were_released(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		require.NoError(t, db.Exec("ALTER TABLE gormtenant_names DROP COLUMN released_at").Error)
		require.NoError(t, s.Migrate(t.Context()))
		require.NoError(t, s.Migrate(t.Context()))
		create(t, s, acme())
		renamed(t, s, "acme2")
		requireField(t, s.Create(t.Context(), &tenants.Tenant{Slug: "acme"}), store.ErrTaken,
			"Slug",
			"acme")
	})
}

func TestRest_refuses_what_is_before_now(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		_, err := store.New(db, store.Rest(-1))
		require.ErrorContains(t, err, "gormtenant: store.Rest(-1ns)")
	})
}
