package isolation_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// limited gives the application a limit of folders, set up in the shared tables only.
func (h *fixture) limited(t *testing.T, folders int64) {
	t.Helper()
	require.NoError(t, quota.Migrate(h.shared))
	if h.shared.Name() == "postgres" {
		require.NoError(t, rls.Enable(h.shared, &quota.Lock{}))
		require.NoError(t, h.shared.Exec(
			"GRANT SELECT, INSERT, UPDATE ON tenant_quota_locks TO "+h.app).Error)
	}
	require.NoError(t, h.db.Use(quota.New(quota.Limit(&Folder{}, "folders"),
		quota.Plans(tenants.Plans{"free": {"folders": folders}}), quota.Directory(h.cache))))
}

// A tenant that moves keeps its limits: the table that they need is made with the place, and what
// is in it comes along and goes with the rest.
func TestMove_of_a_tenant_with_limits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		h.limited(t, 2)
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		require.NoError(t, h.as(acme).Create(&Folder{ID: acme.ID + "-1"}).Error)
		require.NoError(t, h.as(zeta).Create(&Folder{ID: zeta.ID + "-1"}).Error)
		locks := func(place *tenants.Tenant, id string) (n int64) {
			h.with(t, place, func(db *gorm.DB) {
				require.NoError(t, db.Raw("SELECT count(*) FROM tenant_quota_locks "+
					"WHERE tenant_id = ?", id).Scan(&n).Error)
			})
			return n
		}
		for _, to := range tour(h.levels) {
			h.move(acme.ID, to)
			second := Folder{ID: acme.ID + "-2"}
			require.NoError(t, h.as(acme).Create(&second).Error, to)
			require.ErrorIs(t, h.as(acme).Create(&Folder{ID: acme.ID + "-3"}).Error,
				tenants.ErrLimit, to)
			require.NoError(t, h.as(acme).Delete(&second).Error)
			require.NotZero(t, locks(h.now(acme.ID), acme.ID))
			if to != tenants.Rows {
				require.Zero(t, locks(zeta, acme.ID), "left in the shared tables")
			}
			require.NotZero(t, locks(zeta, zeta.ID))
		}
	})
}

// A place that was made before there were limits gets their table when it is migrated.
func TestMigrate_makes_the_tables_of_limits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		own := h.levels[len(h.levels)-1]
		h.move(acme.ID, own)
		h.with(t, h.now(acme.ID), func(db *gorm.DB) {
			require.NoError(t, db.Exec("DROP TABLE tenant_quota_locks").Error)
		})
		h.migrateAll(t)
		h.with(t, h.now(acme.ID), func(db *gorm.DB) {
			require.NoError(t, db.Exec("SELECT tenant_id, name, version "+
				"FROM tenant_quota_locks").Error)
		})
	})
}

// A place that its tenant has left waits for its removal: migrations pass it by.
func TestMigrateAll_leaves_out_what_was_left(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		own := h.levels[1]
		h.fill(acme, 1)
		h.move(acme.ID, own)
		h.move(zeta.ID, own)
		h.list = append(h.list, migrations.Migration{
			Version: "2", Up: func(_ context.Context, db *gorm.DB) error {
				return errors.Join(db.Exec("ALTER TABLE labels ADD COLUMN color text").Error,
					db.Exec("UPDATE folders SET name = 'renamed'").Error)
			},
		})
		next := h.remake(t)
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{})
		require.NoError(t, err)
		next.migrateAll(t)
		h.with(t, h.now(zeta.ID), func(db *gorm.DB) {
			require.NoError(t, db.Exec("SELECT color FROM labels").Error)
		})
		left := *acme
		left.Placement = h.now(acme.ID).Left[0]
		h.with(t, &left, func(db *gorm.DB) {
			require.ErrorContains(t, db.Exec("SELECT color FROM labels").Error, "color")
		})
	})
}
