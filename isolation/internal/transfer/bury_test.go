package transfer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// leaveFor freezes a place for ever, as a move that ended does.
func leaveFor(t *testing.T, h *fixture, p *transfer.Plan) {
	t.Helper()
	frozen, err := p.Freeze(t.Context(), h.Location)
	require.NoError(t, err)
	require.NoError(t, frozen.Keep(t.Context()))
}

// The fence outlasts the rows, for its time and no longer; a copy gets past it.
func TestBury(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		theirs := h.others(t)
		leaveFor(t, h, p)
		require.NoError(t, p.Bury(t.Context(), h.Location, time.Hour))
		create := func(id uint) error {
			return h.as(t, acme).Create(&Tag{ID: id, Label: "late"}).Error
		}
		err := create(5000)
		require.True(t, transfer.IsFrozen(err), "%v", err)
		require.NoError(t, h.as(t, zeta).Create(&Tag{ID: 6000}).Error)
		require.NoError(t, h.as(t, zeta).Delete(&Tag{ID: 6000}).Error)
		require.NoError(t, p.Clear(t.Context(), h.Location))
		require.True(t, transfer.IsFrozen(create(5000)))

		// On the way back it ends soon, or goes on where the tenant does not come.
		restore, err := p.Shorten(t.Context(), h.Location)
		require.NoError(t, err)
		require.True(t, transfer.IsFrozen(create(5000)))
		require.NoError(t, restore(t.Context()))
		require.True(t, transfer.IsFrozen(create(5000)))

		again, err := p.Freeze(t.Context(), h.Location) // the tenant is back, and leaves
		require.NoError(t, err)
		require.NoError(t, again.Keep(t.Context()))
		require.NoError(t, p.Bury(t.Context(), h.Location, 1)) // which is over at once
		require.NoError(t, create(5000))
		require.NoError(t, h.as(t, acme).Delete(&Tag{ID: 5000}).Error)
		leaveFor(t, h, p)
		require.NoError(t, p.Bury(t.Context(), h.Location, 1)) // drops those that are over
		require.NoError(t, p.Remove(t.Context(), h.Location))
		var left int64
		query := "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'gormtenant_')"
		if h.DB.Name() == "sqlite" {
			query = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'gormtenant%'"
		}
		require.NoError(t, h.DB.Raw(query).Scan(&left).Error)
		require.Zero(t, left)
		require.Equal(t, theirs, h.others(t))
	})
}

// What comes back by a copy passes the fence that waits for it.
func TestCopy_past_a_fence(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][2]string{{pgRows, pgSchema}, {liteRows, liteFile}} {
		t.Run(kinds[0], func(t *testing.T) {
			t.Parallel()
			rows := newFixture(t, kinds[0], "")
			own := newFixture(t, kinds[1], map[string]string{pgRows: rows.dsn}[kinds[0]])
			seed(t, rows.app, acme, 1, 3)
			p := plan(t, rows, acme)
			before := rows.bytes(t, "tenant_id = 'acme'")
			require.NoError(t, p.Copy(t.Context(), rows.Location, own.Location, nil))
			leaveFor(t, rows, p)
			require.NoError(t, p.Bury(t.Context(), rows.Location, time.Hour))
			require.NoError(t, p.Copy(t.Context(), own.Location, rows.Location, nil))
			require.Equal(t, before, rows.bytes(t, "tenant_id = 'acme'"))
			require.True(t, transfer.IsFrozen(
				rows.as(t, acme).Create(&Tag{ID: 5000, Label: "late"}).Error))
			require.NoError(t, p.Thaw(t.Context(), rows.Location))
			require.NoError(t, rows.as(t, acme).Create(&Tag{ID: 5000, Label: "back"}).Error)
		})
	}
}
