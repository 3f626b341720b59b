package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// pairs are from where to where.
var pairs = [][2]string{
	{pgRows, pgSchema},
	{pgRows, pgDatabase},
	{pgRows, liteFile},
	{pgRows, liteRows},
	{pgSchema, pgRows},
	{pgSchema, pgDatabase},
	{pgSchema, liteFile},
	{pgDatabase, pgRows},
	{pgDatabase, pgSchema},
	{liteRows, pgRows},
	{liteRows, liteFile},
	{liteRows, pgSchema},
	{liteFile, pgRows},
	{liteFile, pgDatabase},
	{liteFile, liteRows},
}

func each(t *testing.T, list [][2]string, test func(t *testing.T, from, to *fixture)) {
	t.Helper()
	for _, pair := range list {
		t.Run(pair[0]+"_to_"+pair[1], func(t *testing.T) {
			t.Parallel()
			from := newFixture(t, pair[0], "")
			dsn := ""
			if pair[1] == pgSchema && pair[0] == pgRows || pair[0] == pgSchema &&
				pair[1] == pgRows {
				dsn = from.dsn
			}
			test(t, from, newFixture(t, pair[1], dsn))
		})
	}
}

// populate gives acme rows in from, and zeta in both places where it can be.
func populate(t *testing.T, from, to *fixture) {
	t.Helper()
	seed(t, from.app, acme, 10, 7)
	if from.Shared {
		seed(t, from.app, zeta, 100, 7)
	}
	if to.Shared {
		seed(t, to.app, zeta, 200, 7)
	}
}

func TestMove_between_all_kinds_of_places(t *testing.T) {
	t.Parallel()
	list := pairs
	if race.Enabled {
		list = [][2]string{{pgRows, pgSchema}, {pgSchema, liteFile}, {liteRows, pgRows}}
	}
	each(t, list, func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		p := plan(t, from, acme)
		want, before := from.seen(t, acme), from.bytes(t, "1 = 1")
		theirs, theirsThere := from.others(t), to.others(t)

		frozen, err := p.Freeze(t.Context(), from.Location)
		require.NoError(t, err)
		found, err := p.Collisions(t.Context(), from.Location, to.Location)
		require.NoError(t, err)
		require.Empty(t, found)
		told := map[string]int64{}
		require.NoError(t, p.Copy(t.Context(), from.Location, to.Location,
			func(table string, rows int64) { told[table] = rows }))
		require.Equal(t, map[string]int64{
			"authors": 2, "books": 7, "tags": 2, "samples": 2,
			"author_friends": 1, "book_tags": 7,
		}, told)
		require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
		_, err = frozen.Hold(t.Context())
		require.NoError(t, err)
		require.NoError(t, frozen.Keep(t.Context()))

		require.Equal(t, want, to.seen(t, acme))
		require.Equal(t, before, from.bytes(t, "1 = 1"), "the source before Remove")
		require.Equal(t, theirsThere, to.others(t))

		// The sequence is past the keys that came, and others are not held up.
		require.NoError(t, to.as(t, acme).Create(&Author{Name: "new"}).Error)
		if from.Shared {
			require.NoError(t, from.as(t, zeta).Model(&Author{}).Where("id = 100").Update("name",
				"ann").Error)
		}
		err = from.as(t, acme).Create(&Tag{Label: "late"}).Error
		require.True(t, transfer.IsFrozen(err), err)

		require.NoError(t, p.Remove(t.Context(), from.Location))
		require.NoError(t, p.Remove(t.Context(), from.Location), "again")
		require.Equal(t, theirs, from.others(t))
		require.NotContains(t, from.bytes(t, "1 = 1"), acme)
		require.Zero(t, leftovers(t, from))
	})
}

// leftovers counts what a freeze makes.
func leftovers(t *testing.T, h *fixture) (n int64) {
	t.Helper()
	query := "SELECT count(*) FROM sqlite_master WHERE name LIKE 'gormtenant_freeze%'"
	if h.DB.Name() == "postgres" {
		query = "SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE 'gormtenant_freeze%') + " +
			"(SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'gormtenant_freeze%')"
	}
	require.NoError(t, h.DB.Raw(query).Scan(&n).Error)
	return n
}
