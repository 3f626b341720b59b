package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

func TestOnly_lists_by_status_and_plan(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		statuses := []tenants.Status{tenants.Active, tenants.Suspended, tenants.Closed}
		plans := []string{"free", "pro"}
		for i := range 12 {
			create(t, s, &tenants.Tenant{
				ID: fmt.Sprintf("t%02d", i), Slug: fmt.Sprintf("s%02d", i),
				Status: statuses[i%3], Plan: plans[i/3%2],
			})
		}
		for _, test := range []struct {
			name    string
			filters []store.Filter
			after   string
			want    []string
		}{
			{
				"suspended",
				[]store.Filter{store.WithStatus(tenants.Suspended)},
				"",
				[]string{"t01", "t04", "t07", "t10"},
			},
			{
				"suspended_pro",
				[]store.Filter{store.WithStatus(tenants.Suspended), store.WithPlan("pro")},
				"",
				[]string{"t04", "t10"},
			},
			{
				"two_statuses_after",
				[]store.Filter{store.WithStatus(tenants.Suspended, tenants.Closed)},
				"t07",
				[]string{"t08", "t10", "t11"},
			},
			{"no_such_plan", []store.Filter{store.WithPlan("x' OR 1 = 1 --")}, "", nil},
			{"none", []store.Filter{store.WithPlan()}, "", nil},
			{"all", nil, "t09", []string{"t10", "t11"}},
		} {
			t.Run(test.name, func(t *testing.T) {
				var got []string
				for found, err := range s.Only(test.filters...).List(t.Context(), test.after) {
					require.NoError(t, err)
					got = append(got, found.ID)
				}
				require.Equal(t, test.want, got)
				if test.after == "" {
					count, err := s.Only(test.filters...).Count(t.Context())
					require.NoError(t, err)
					require.EqualValues(t, len(test.want), count)
				}
			})
		}
	})
}

func TestHooks_run_after_the_commit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, plain *store.Store) {
		var seen []string
		note := func(format string, args ...any) {
			seen = append(seen, fmt.Sprintf(format, args...))
		}
		took := func() []string {
			all := seen
			seen = nil
			return all
		}
		var s *store.Store
		s = newStore(t, db,
			store.OnCreated(func(ctx context.Context, created *tenants.Tenant) {
				found, err := plain.Lookup(ctx, created.ID) // on another connection
				require.NoError(t, err)
				note("created %s", found.Slug)
			}),
			store.OnChanged(func(_ context.Context, before, after *tenants.Tenant) {
				note("%s %s to %s %s", before.Slug, before.Status, after.Slug, after.Status)
			}),
			store.OnClosed(func(ctx context.Context, closed *tenants.Tenant) {
				require.NoError(t, s.Suspend(ctx, "t-2"), "a hook may use the store")
				note("closed %s", closed.Slug)
			}))
		ctx := t.Context()
		tenant := create(t, s, acme())
		create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
		require.Equal(t, []string{"created acme", "created zeta"}, took())
		require.Error(t, s.Create(ctx, acme()))
		require.NoError(t, s.Resume(ctx, "t-1"))
		stale := *tenant
		tenant.Slug = "acme2"
		require.NoError(t, s.Update(ctx, tenant))
		require.ErrorIs(t, s.Update(ctx, &stale), store.ErrConflict)
		require.Equal(t, []string{"acme active to acme2 active"}, took())
		require.NoError(t, s.Close(ctx, "t-1"))
		require.NoError(t, s.Close(ctx, "t-1"))
		require.Equal(t, []string{
			"acme2 active to acme2 closed", "zeta active to zeta suspended", "closed acme2",
		}, took())

		undo := errors.New("undo")
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			_, err := store.New(tx, store.OnCreated(func(context.Context, *tenants.Tenant) {}))
			require.ErrorContains(t, err, "hooks run after the commit")
			return undo
		}), undo)
		for _, option := range []store.Option{
			store.OnCreated(nil), store.OnChanged(nil), store.OnClosed(nil),
		} {
			_, err := store.New(db, option)
			require.ErrorContains(t, err, "needs a function")
		}
	})
}

// Nobody can call himself what is the ID of another, or will be.
func TestSlugs_that_look_like_IDs(t *testing.T) {
	t.Parallel()
	const (
		hyphens = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
		plain   = "6ba7b8109dad11d180b400c04fd430c8"
	)
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		for _, test := range []struct {
			name    string
			options []store.Option
			id      string // "" is made
			slug    string
			field   string // "" where it is taken
		}{
			{"digits", nil, "", "42", "Slug"},
			{"uuid", nil, "", hyphens, "Slug"},
			{"uuid_without_hyphens", nil, "", plain, "Slug"},
			{"its_own_ID", nil, "43", "43", ""},
			{"a_letter", nil, "", "4x", ""},
			{"digits_and_hyphens", nil, "", "4-2", ""},
			{"ids_are_uuids", []store.Option{store.IDs(store.UUIDs)}, "", "44", ""},
			{"ids_are_uuids_uuid", []store.Option{store.IDs(store.UUIDs)}, "", hyphens, "Slug"},
			{"ids_are_uuids_number", []store.Option{store.IDs(store.UUIDs)}, "45", "a45", "ID"},
			{"ids_are_numbers", []store.Option{store.IDs(store.Numbers)}, "46", plain, ""},
			{
				"ids_are_numbers_number",
				[]store.Option{store.IDs(store.Numbers)},
				"47", "48", "Slug",
			},
			{"ids_are_words", []store.Option{store.IDs(store.Words)}, "word", "49", ""},
		} {
			t.Run(test.name, func(t *testing.T) {
				s := newStore(t, db, test.options...)
				err := s.Create(t.Context(), &tenants.Tenant{ID: test.id, Slug: test.slug})
				if test.field == "" {
					require.NoError(t, err)
					return
				}
				requireField(t, err, store.ErrInvalid, test.field, "")
			})
		}
		// Who has such a slug keeps it, and changes to no other.
		free := newStore(t, db, store.IDs(store.Words))
		tenant := create(t, free, &tenants.Tenant{ID: "old", Slug: "1337"})
		s := newStore(t, db)
		tenant.Name = "Leet"
		require.NoError(t, s.Update(t.Context(), tenant))
		tenant.Slug = "1338"
		requireField(t, s.Update(t.Context(), tenant), store.ErrInvalid, "Slug", "ID of another")
		for _, option := range []store.Option{store.IDs(), store.IDs(0), store.IDs(9)} {
			_, err := store.New(db, option)
			require.ErrorContains(t, err, "store.IDs needs the forms")
		}
	})
}
