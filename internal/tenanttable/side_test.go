package tenanttable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/models"
)

type Author struct {
	ID uint
	models.TenantModel
	Books []Book `gorm:"many2many:author_books"`
}

type Book struct {
	ID uint
	models.TenantModel
	Authors []Author `gorm:"many2many:author_books"`
}

func TestSides_in_one_order_whichever_model_came_first(t *testing.T) {
	t.Parallel()
	for _, models := range [][]any{
		{&Author{}, &Book{}},
		{&Book{}, &Author{}},
	} {
		tables, err := newTables(t, "postgres", models...).Closure()
		require.NoError(t, err)
		names := map[*tenanttable.Table]string{}
		for _, table := range tables {
			names[table] = table.Name
		}
		for _, table := range tables {
			var want []tenanttable.Side[string]
			if table.Name == "author_books" {
				want = []tenanttable.Side[string]{
					{"authors", []tenanttable.ColumnPair{{"author_id", "id"}}},
					{"books", []tenanttable.ColumnPair{{"book_id", "id"}}},
				}
			}
			require.Equal(t, want, tenanttable.Sides(table, names), table.Name)
		}
	}
}
