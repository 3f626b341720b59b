package isolation_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
)

// names returns the names of the folders that a query finds.
func names(t *testing.T, db *gorm.DB) (found []string) {
	t.Helper()
	require.NoError(t, db.Model(&Folder{}).Order("id").Pluck("name", &found).Error)
	return found
}

// Tenants on all levels at once, through one *gorm.DB.
func TestRouter_takes_each_tenant_to_its_place(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		var all []*tenants.Tenant
		for _, level := range h.levels {
			made := h.tenant("at-" + string(level))
			if level != tenants.Rows {
				h.move(made.ID, level)
			}
			require.NoError(t, h.as(made).Create(&Folder{ID: "same", Name: string(level)}).Error)
			all = append(all, made)
		}
		for _, setting := range []gorm.Session{
			{},
			{PrepareStmt: true},
			{SkipDefaultTransaction: true},
		} {
			for range 2 {
				for i, at := range all {
					db := h.as(at).Session(&setting)
					want := []string{string(h.levels[i])}
					require.Equal(t, want, names(t, db))
					require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
						require.Equal(t, want, names(t, tx))
						require.NoError(t, tx.Create(&Folder{ID: "more", Name: "more"}).Error)
						return tx.Delete(&Folder{ID: "more"}).Error
					}))
				}
			}
		}
		for i, at := range all {
			h.strangers(t, at, all[(i+1)%len(all)])
		}
		require.ErrorIs(t, h.db.Find(&[]Folder{}).Error, gormtenant.ErrNoTenant)
		require.ErrorIs(t, h.db.WithContext(gormtenant.WithTenant(t.Context(),
			"nobody")).Find(&[]Folder{}).Error, tenants.ErrNotFound)
		// Unscoped reaches the shared tables, and not what tenants have of their own.
		across := h.db.WithContext(gormtenant.Unscoped(t.Context(), "test"))
		if h.shared.Name() == "sqlite" {
			require.Equal(t, []string{"rows"}, names(t, across))
		} else {
			require.ErrorIs(t, across.Find(&[]Folder{}).Error, gormtenant.ErrUnscopedDenied)
		}
	})
}

// strangers looks that a transaction stays at the place of its tenant.
func (h *fixture) strangers(t *testing.T, at, other *tenants.Tenant) {
	t.Helper()
	require.NoError(t, h.as(at).Transaction(func(tx *gorm.DB) error {
		err := tx.WithContext(tenants.NewContext(t.Context(), other)).Find(&[]Folder{}).Error
		require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
		return nil
	}))
}

// A tenant that moves while its transaction is open ends it where it was: what it has written is
// refused, lost is nothing.
func TestRouter_stays_with_a_transaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 1)
		before := len(names(t, h.as(acme)))
		for _, to := range tour(h.levels) {
			require.NoError(t, h.as(acme).Transaction(func(tx *gorm.DB) error {
				// Whose readers would see the file as it was, and hold nothing.
				if h.shared.Name() != "sqlite" {
					require.Len(t, names(t, tx), before)
				}
				_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: to})
				require.NoError(t, err)
				require.Len(t, names(t, tx), before)
				return nil
			}, &sql.TxOptions{ReadOnly: h.shared.Name() == "sqlite"}))
			require.Len(t, names(t, h.as(acme)), before)
			h.remove(acme.ID)
		}
	})
}

func TestRouter_refuses_bad_input(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	pool, err := h.shared.DB()
	require.NoError(t, err)
	for _, option := range []isolation.Option{
		nil, isolation.Schemas(nil),
		isolation.Databases(nil),
	} {
		_, err := isolation.NewRouter(h.cache, pool, option)
		require.ErrorContains(t, err, "gormtenant: ")
	}
	_, err = isolation.NewRouter(nil, pool)
	require.Error(t, err)
	_, err = isolation.NewRouter(h.cache, nil)
	require.Error(t, err)
	router, err := isolation.NewRouter(fixed{Level: tenants.Schema}, pool)
	require.NoError(t, err)
	for _, id := range []string{"a", `a"b`, "../a", "ünï"} {
		_, err = router.ExecContext(gormtenant.WithTenant(t.Context(), id), "SELECT 1")
		require.ErrorIs(t, err, isolation.ErrNoLevel, id)
	}
	_, err = router.ExecContext(gormtenant.WithTenant(t.Context(), "a\x00"), "SELECT 1")
	require.ErrorIs(t, err, gormtenant.ErrInvalidID)
	require.NoError(t, router.Close())

	// What a tenant is called is not its ID.
	router, err = isolation.NewRouter(renamed{}, pool)
	require.NoError(t, err)
	_, err = router.ExecContext(gormtenant.WithTenant(t.Context(), "acme.example.com"), "SELECT 1")
	require.ErrorIs(t, err, tenants.ErrNotFound)
	require.NoError(t, router.Close())

	for _, option := range []isolation.MoverOption{
		nil, isolation.SharedTables(nil), isolation.OwnSchemas(nil),
		isolation.OwnDatabases(nil), isolation.Forget(nil),
	} {
		_, err := isolation.NewMover(h.store, all(), option)
		require.ErrorContains(t, err, "gormtenant: ")
	}
	_, err = isolation.NewMover(h.store, nil)
	require.ErrorContains(t, err, "models")
	_, err = isolation.NewMover(nil, all())
	require.ErrorContains(t, err, "directory")
	_, err = isolation.NewMover(h.store, all(), isolation.SharedTables(h.shared))
	require.ErrorContains(t, err, "two levels")
}

// fixed is a directory in which everybody is at one place.
type fixed tenants.Placement

func (f fixed) Lookup(_ context.Context, id string) (*tenants.Tenant, error) {
	return &tenants.Tenant{ID: id, Placement: tenants.Placement(f)}, nil
}

// renamed is a directory that knows tenants by other names than their IDs.
type renamed struct{}

func (renamed) Lookup(_ context.Context, name string) (*tenants.Tenant, error) {
	return &tenants.Tenant{ID: "t-1", Domains: []string{name}}, nil
}

// A directory that names the place of another tenant is an error at every level, also where the
// pool of that place is not open.
func TestRouter_at_a_place_of_another(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		for _, level := range h.levels[1:] {
			victim := h.tenant("victim-" + string(level))
			h.fill(victim, 1)
			h.move(victim.ID, level)
			before := h.of(t, victim.ID)
			other := h.remake(t)
			router, err := isolation.NewRouter(fixed(h.now(victim.ID).Placement),
				h.crossing, other.routes...)
			require.NoError(t, err)
			t.Cleanup(func() { _ = router.Close() })
			db := h.openOn(t, router)
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(all()...))))
			evil := db.WithContext(gormtenant.WithTenant(t.Context(), "evil"))
			want := isolation.ErrNotOurs
			if level == tenants.Database && h.app != "" { // nobody has credentials for evil there
				want = databases.ErrNoDatabase
			}
			for range 2 {
				require.ErrorIs(t, evil.Find(&[]Doc{}).Error, want)
				require.ErrorIs(t, evil.Create(&Folder{ID: "x"}).Error, want)
			}
			require.Equal(t, before, h.of(t, victim.ID))
		}
	})
}
