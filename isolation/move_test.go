package isolation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

// A tenant takes all its rows along, and nobody else's, whichever way it goes.
func TestMove_every_pair(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 3)
		h.fill(zeta, 3)
		mine, theirs := h.of(t, acme.ID), h.of(t, zeta.ID)
		require.NotEmpty(t, mine)
		for _, to := range tour(h.levels) {
			report := h.move(acme.ID, to)
			require.EqualValues(t, 4+6+3+3, report.Rows)
			require.Equal(t, mine, h.of(t, acme.ID), to)
			require.Equal(t, theirs, h.of(t, zeta.ID), to)
			var folders []Folder
			require.NoError(t, h.as(acme).Preload("Docs.Labels").Order("id").Find(&folders).Error)
			require.Len(t, folders, 4)
			require.Len(t, folders[0].Docs, 1)
			require.Len(t, folders[0].Docs[0].Labels, 1)
			if to != tenants.Rows { // nothing is left behind
				require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
			}
		}
	})
}

// tour goes from rows along every pair of levels, and ends where it began.
func tour(levels []tenants.Level) []tenants.Level {
	if len(levels) == 2 {
		return []tenants.Level{tenants.Database, tenants.Rows}
	}
	return []tenants.Level{
		tenants.Schema, tenants.Database, tenants.Rows, tenants.Database,
		tenants.Schema, tenants.Rows,
	}
}
