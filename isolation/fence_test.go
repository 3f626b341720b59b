package isolation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// A process that has not heard of a move cannot write where nobody looks, not even after the old
// rows were removed.
func TestRemove_unknown_to_another_process(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 1)
		h.fill(zeta, 1)
		for _, to := range tour(h.levels) {
			other := h.remake(t)
			require.NoError(t, other.as(acme).Find(&[]Folder{}).Error) // it knows where
			theirs := h.of(t, zeta.ID)
			from := h.now(acme.ID).Placement.Normal().Level
			h.move(acme.ID, to)
			mine := h.of(t, acme.ID)
			late := Folder{ID: acme.ID + "-late"}
			for _, write := range []func() error{
				func() error { return other.as(acme).Create(&late).Error },
				func() error {
					return other.as(acme).Transaction(func(tx *gorm.DB) error {
						return tx.Create(&late).Error
					})
				},
				func() error { return other.as(acme).Create(&Label{ID: acme.ID + "-late"}).Error },
			} {
				err := write()
				require.Error(t, err, "%s to %s", from, to)
				if from == tenants.Rows {
					require.True(t, isolation.IsMoving(err), "%v", err)
				}
			}
			if to != tenants.Rows {
				require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
			}
			require.NoError(t, other.as(zeta).Create(&Folder{ID: zeta.ID + "-x"}).Error)
			require.NoError(t, other.as(zeta).Delete(&Folder{ID: zeta.ID + "-x"}).Error)
			require.Equal(t, theirs, h.of(t, zeta.ID))
			require.Equal(t, mine, h.of(t, acme.ID))
			other.cache.Invalidate(acme.ID)
			require.NoError(t, other.as(acme).Create(&late).Error)
			require.NoError(t, other.as(acme).Delete(&late).Error)
		}
		var fences int64 // none is left where the tenant is back
		query := "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'gormtenant_freeze')"
		if h.shared.Name() == "sqlite" {
			query = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
		}
		require.NoError(t, h.shared.Raw(query).Scan(&fences).Error)
		require.Zero(t, fences)
	})
}

// Without a fence the tables are as if the tenant had never been there.
func TestRemove_without_a_fence(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		h.moverLevels = append(h.moverLevels, isolation.Fence(0))
		h.mover = h.moverWith(t, h.store)
		acme := h.tenant("acme")
		h.fill(acme, 1)
		h.move(acme.ID, h.levels[1])
		left := "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'gormtenant_freeze')"
		if h.shared.Name() == "sqlite" {
			left = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'gormtenant\\_freeze%' " +
				"ESCAPE '\\'"
		}
		var n int64
		require.NoError(t, h.shared.Raw(left).Scan(&n).Error)
		require.Zero(t, n)
	})
}
