package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The first row that is created after a move has a key of its own, also where the greatest key that
// came is the one that the new place would give first, and after one that the old place gave.
func TestCopy_goes_on_behind_the_last_key(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{
		{pgRows, pgSchema},
		{pgRows, pgDatabase},
		{pgRows, liteFile},
		{liteRows, pgDatabase},
		{liteRows, liteFile},
	}, func(t *testing.T, from, to *fixture) {
		seed(t, from.app, acme, 1, 1) // its book is the first that a place gives a key to
		p := plan(t, from, acme)
		last := Tag{Label: "gone"}
		if from.DB.Name() == "postgres" {
			require.NoError(t, from.DB.Exec("SELECT setval('tags_id_seq', 40)").Error)
		} else {
			require.NoError(t, from.as(t, acme).Create(&Tag{ID: 40}).Error)
		}
		require.NoError(t, from.as(t, acme).Create(&last).Error)
		require.EqualValues(t, 41, last.ID)
		require.NoError(t, from.as(t, acme).Where("id >= 40").Delete(&Tag{}).Error)

		move(t, p, from, to)
		next := Tag{Label: "next"}
		require.NoError(t, to.as(t, acme).Create(&next).Error)
		require.EqualValues(t, 42, next.ID)
		book := Book{Slug: "next", AuthorID: 1}
		require.NoError(t, to.as(t, acme).Create(&book).Error)
		require.EqualValues(t, 2, book.ID)
	})
}
