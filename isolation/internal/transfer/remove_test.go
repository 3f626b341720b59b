package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

func TestRemove_does_not_reach_others_through_foreign_keys(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		for _, action := range []string{"CASCADE", "SET NULL"} {
			name := replace("reviews_"+action, " ", "_")
			require.NoError(t, h.DB.Exec("CREATE TABLE "+name+
				" (id integer PRIMARY KEY, book_id bigint REFERENCES books (id) ON DELETE "+action+
				")").Error)
			require.NoError(t, h.DB.Exec("INSERT INTO "+name+" VALUES (1, 10), (2, 100)").Error)
			before := h.bytes(t, "1 = 1")
			require.ErrorContains(t, p.Remove(t.Context(), h.Location),
				"would be deleted or changed")
			require.Equal(t, before, h.bytes(t, "1 = 1"))
			require.NoError(t, h.DB.Exec("DELETE FROM "+name+" WHERE id = 1").Error)
		}
		theirs := h.others(t)
		require.NoError(t, p.Remove(t.Context(), h.Location))
		require.Equal(t, theirs, h.others(t))
	})
}

func TestRemove_of_a_place_that_is_not_the_tenants_own(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		before := h.bytes(t, "1 = 1")
		h.Shared = false
		require.ErrorContains(t, p.Clear(t.Context(), h.Location), "not the tenant's alone")
		require.ErrorContains(t, p.Remove(t.Context(), h.Location), "not the tenant's alone")
		require.Equal(t, before, h.bytes(t, "1 = 1"))
	})
}
