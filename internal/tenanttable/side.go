package tenanttable

import (
	"cmp"
	"slices"
)

// Side is a foreign key of a join table without a tenant column: its rows belong to the tenants of
// the rows that they name.
type Side[T any] struct {
	// Table is what the caller knows of the table that the key refers to.
	Table   T
	Columns []ColumnPair
}

// ColumnPair is a column of a join table and the one that it refers to.
type ColumnPair struct{ Foreign, Primary string }

// Sides returns the sides of a join table in the order of their columns' names, which is the same
// whichever model was learned first; none of a table with a tenant column. known has what the
// caller knows of each table that [Tables.Closure] returned.
func Sides[T any](join *Table, known map[*Table]T) []Side[T] {
	if join.Field != nil {
		return nil
	}
	sides := make([]Side[T], 0, len(join.References))
	for _, ref := range join.References {
		side := Side[T]{Table: known[ref.Target]}
		for i, foreign := range ref.ForeignKeys {
			side.Columns = append(side.Columns,
				ColumnPair{foreign.DBName, ref.PrimaryKeys[i].DBName})
		}
		sides = append(sides, side)
	}
	slices.SortFunc(sides, func(a, b Side[T]) int {
		return cmp.Compare(a.Columns[0].Foreign, b.Columns[0].Foreign)
	})
	return sides
}
