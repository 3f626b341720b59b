package store_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

var ownSchema = tenants.Placement{Level: tenants.Schema, Name: "tenant_acme"}

func TestPlace_stores_where_a_tenant_is(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		created := create(t, s, acme())
		placed, err := s.Place(t.Context(), "t-1", func(t *tenants.Tenant) error {
			t.Placement, t.Moving = ownSchema,
				&tenants.Placement{Level: tenants.Database, Server: "eu"}
			t.Left = []tenants.Placement{{Level: tenants.Rows}}
			t.Name = "not what it is for"
			return nil
		})
		require.NoError(t, err)
		require.True(t, placed.UpdatedAt.After(created.UpdatedAt))
		want := *created
		want.Placement, want.Moving = ownSchema,
			&tenants.Placement{Level: tenants.Database, Server: "eu"}
		want.Left, want.UpdatedAt = []tenants.Placement{{Level: tenants.Rows}}, placed.UpdatedAt
		require.Equal(t, &want, placed)
		require.Equal(t, &want, lookup(t, s, "acme"))

		back, err := s.Place(t.Context(), "t-1", func(t *tenants.Tenant) error {
			t.Placement, t.Moving, t.Left = tenants.Placement{}, nil, nil
			return nil
		})
		require.NoError(t, err)
		want = *created
		want.UpdatedAt = back.UpdatedAt
		require.Equal(t, &want, lookup(t, s, "acme"))
	})
}

func TestPlace_refuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		create(t, s, acme())
		before := content(t, db)
		for _, test := range []struct {
			name string
			p    tenants.Placement
		}{
			{"unknown_level", tenants.Placement{Level: "galaxy"}},
			{"rows_with_name", tenants.Placement{Name: "x"}},
			{"rows_on_server", tenants.Placement{Level: tenants.Rows, Server: "x"}},
			{"schema_on_server", tenants.Placement{Level: tenants.Schema, Server: "x"}},
			{"public", tenants.Placement{Level: tenants.Schema, Name: "public"}},
			{"path", tenants.Placement{Level: tenants.Database, Name: "../other"}},
			{"nul", tenants.Placement{Level: tenants.Database, Name: "a\x00"}},
		} {
			_, err := s.Place(t.Context(), "t-1",
				func(t *tenants.Tenant) error { t.Placement = test.p; return nil })
			requireField(t, err, store.ErrInvalid, "Placement", "")
			_, err = s.Place(t.Context(), "t-1",
				func(t *tenants.Tenant) error { t.Moving = &test.p; return nil })
			requireField(t, err, store.ErrInvalid, "Placement", "")
			requireField(t, s.Create(t.Context(), &tenants.Tenant{Slug: "x", Placement: test.p}),
				store.ErrInvalid, "Placement", "")
			require.Equal(t, before, content(t, db), test.name)
		}
		stop := errors.New("stop")
		_, err := s.Place(t.Context(), "t-1", func(*tenants.Tenant) error { return stop })
		require.ErrorIs(t, err, stop)
		_, err = s.Place(t.Context(), "nobody", func(*tenants.Tenant) error { return nil })
		require.ErrorIs(t, err, tenants.ErrNotFound)
		_, err = s.Place(t.Context(), "t-1", nil)
		require.Error(t, err)
		require.Equal(t, before, content(t, db))
	})
}

// An update that changed it would leave the tenant's rows behind.
func TestUpdate_leaves_a_tenant_where_it_is(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		created := create(t, s, acme())
		before := content(t, db)
		for _, edit := range []func(t *tenants.Tenant){
			func(t *tenants.Tenant) { t.Placement = ownSchema },
			func(t *tenants.Tenant) { t.Moving = &ownSchema },
			func(t *tenants.Tenant) { t.Left = []tenants.Placement{ownSchema} },
		} {
			changed := *created
			edit(&changed)
			requireField(t, s.Update(t.Context(), &changed), store.ErrInvalid, "Placement",
				"package isolation")
			require.Equal(t, before, content(t, db))
		}
	})
}

// Tables that were made before tenants had a placement get it.
func TestMigrate_adds_the_placement(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		created := create(t, s, acme())
		require.NoError(t, db.Exec("ALTER TABLE gormtenant_tenants DROP COLUMN placement").Error)
		for range 2 {
			require.NoError(t, s.Migrate(t.Context()))
		}
		require.Equal(t, created, lookup(t, s, "acme"))
	})
}
