package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

func in(level tenants.Level, server, name string) tenants.Placement {
	return tenants.Placement{Level: level, Server: server, Name: name}
}

// No tenant gets what is another's, by whichever way, nor what another would have by its ID.
func TestPlaces_are_of_one_tenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		for _, id := range []string{"acme", "zeta", "Zeta.2"} {
			slug := strings.ToLower(strings.ReplaceAll(id, ".", "-"))
			create(t, s, &tenants.Tenant{ID: id, Slug: slug})
		}
		place := func(id string, edit func(t *tenants.Tenant)) error {
			_, err := s.Place(t.Context(), id, func(t *tenants.Tenant) error {
				edit(t)
				return nil
			})
			return err
		}
		to := func(p tenants.Placement) func(t *tenants.Tenant) {
			return func(t *tenants.Tenant) { t.Placement = p }
		}
		require.NoError(t, place("acme", to(in(tenants.Schema, "", "big"))))
		require.NoError(t, place("zeta", to(in(tenants.Database, "eu", "big"))))
		require.NoError(t, place("zeta", to(in(tenants.Database, "us", "big"))), "another server")
		before := content(t, db)
		for _, p := range []tenants.Placement{
			in(tenants.Schema, "", "big"),
			in(tenants.Schema, "", "Big"),
			in(tenants.Schema, "", "tenant_acme"),
			in(tenants.Schema, "", "tenant_zeta"),
			in(tenants.Database, "us", "big"),
			in(tenants.Database, "any", "tenant_acme"),
		} {
			evil := &tenants.Tenant{ID: "evil", Slug: "evil", Placement: p}
			err := s.Create(t.Context(), evil)
			requireField(t, err, store.ErrTaken, "Placement", "choose another name")
			for _, edit := range []func(t *tenants.Tenant){
				to(p),
				func(t *tenants.Tenant) { t.Moving = &p },
				func(t *tenants.Tenant) { t.Left = []tenants.Placement{p} },
			} {
				requireField(t, place("Zeta.2", edit), store.ErrTaken, "Placement", "another name")
			}
		}
		require.Equal(t, before, content(t, db))

		require.NoError(t, place("zeta", to(in(tenants.Database, "eu", "tenant_zeta"))), "its own")
		require.NoError(t, place("Zeta.2", to(in(tenants.Database, "us", "big"))), "it is free")
		require.NoError(t, place("Zeta.2", func(t *tenants.Tenant) {
			t.Left, t.Placement = []tenants.Placement{t.Placement}, tenants.Placement{}
		}))
		require.ErrorIs(t, place("zeta", to(in(tenants.Database, "us", "big"))), store.ErrTaken,
			"its rows are there still")
		require.NoError(t, place("zeta", to(in(tenants.Schema, "", "tenant_later"))))
		requireField(t, s.Create(t.Context(), &tenants.Tenant{ID: "later", Slug: "later"}),
			store.ErrTaken, "ID", "choose another ID")

		// An entry that is older than the rule.
		free := "DELETE FROM gormtenant_names WHERE name = '/tenant_acme'"
		require.NoError(t, db.Exec(free).Error)
		require.ErrorIs(t, place("zeta", to(in(tenants.Schema, "", "tenant_acme"))), store.ErrTaken)
		_, err := s.Lookup(t.Context(), "/tenant_zeta")
		require.ErrorIs(t, err, tenants.ErrNotFound)
	})
}
