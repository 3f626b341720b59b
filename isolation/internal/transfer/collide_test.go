package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

func TestCollisions_are_found_before_anything_is_written(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{
		{pgSchema, pgRows},
		{liteFile, pgRows},
		{pgDatabase, liteRows},
		{liteFile, liteRows},
	}, func(t *testing.T, from, to *fixture) {
		seed(t, from.app, acme, 10, 9)
		seed(t, to.app, zeta, 14, 9) // 14 to 18 are taken
		for _, statement := range []string{
			"UPDATE books SET slug = 'acme-11', title = 'secret' WHERE id = 20",
			"UPDATE books SET title = 'Same' WHERE id = 19",
			"CREATE UNIQUE INDEX by_tenant ON books (tenant_id, title, id)",
		} {
			require.NoError(t, to.DB.Exec(statement).Error)
		}
		require.NoError(t, from.DB.Exec("UPDATE "+from.at("books")+
			" SET title = 'SAME' WHERE id = 12").Error)
		want := []transfer.Collision{
			{
				Table: "books", Columns: []string{"id"}, Count: 5,
				Keys: []string{"14", "15", "16", "17", "18"},
			},
			{Table: "books", Columns: []string{"slug"}, Count: 1, Keys: []string{"acme-11"}},
		}
		if to.DB.Name() == "postgres" {
			require.NoError(t, to.DB.Exec("CREATE UNIQUE INDEX by_title ON books (lower(title)) "+
				"WHERE title <> 'title'").Error)
			want = append(want, transfer.Collision{
				Table:   "books",
				Columns: []string{"lower(title)"}, Count: 1, Keys: []string{"same"},
			})
		}
		before := to.bytes(t, "1 = 1")
		p := plan(t, from, acme)
		found, err := p.Collisions(t.Context(), from.Location, to.Location)
		require.NoError(t, err)
		require.Equal(t, want, found)
		require.Contains(t, found[1].String(), "books: (slug) of 1 rows is taken: acme-11")
		require.Error(t, p.Copy(t.Context(), from.Location, to.Location, nil))
		require.Equal(t, before, to.bytes(t, "1 = 1"))
	})
}

func TestCollisions_with_an_earlier_stay(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgSchema, pgRows}, {liteRows, liteFile}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			p := plan(t, from, acme)
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			found, err := p.Collisions(t.Context(), from.Location, to.Location)
			require.NoError(t, err)
			counts := map[string]int64{}
			for _, c := range found {
				require.True(t, c.Leftover)
				counts[c.Table] = c.Count
			}
			require.Equal(t, map[string]int64{
				"authors": 2, "books": 7, "tags": 2, "samples": 2,
				"author_friends": 1, "book_tags": 7,
			}, counts)
			require.NoError(t, p.Clear(t.Context(), to.Location))
			found, err = p.Collisions(t.Context(), from.Location, to.Location)
			require.NoError(t, err)
			require.Empty(t, found)
		})
}
