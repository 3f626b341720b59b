package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// relocate is locate for a side.
func (e *sqliteSide) relocate(ctx context.Context, p *Plan, loc Location) error {
	e.list = nil
	return e.locate(ctx, p, loc)
}

// references returns the foreign keys to the tables.
func (e *sqliteSide) references(ctx context.Context) ([]reference, error) {
	parents := map[string]*locatedTable{}
	for _, s := range e.list {
		parents[strings.ToLower(s.name)] = s
	}
	type key struct{ child, id string }
	number := map[key]int{}
	var found []reference
	// A foreign key that names no column is to the primary key.
	err := e.rows(ctx, "SELECT m.name, f.id, f.\"table\", f.\"from\", coalesce(f.\"to\", "+
		"(SELECT name FROM pragma_table_info(f.\"table\") WHERE pk = f.seq + 1)), "+
		"f.on_delete NOT IN ('NO ACTION', 'RESTRICT') "+
		"FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'",
		func(values []any) error {
			parent := parents[strings.ToLower(fmt.Sprint(values[2]))]
			if parent == nil {
				return nil
			}
			name := fmt.Sprint(values[0])
			k := key{name, fmt.Sprint(values[1])}
			i, ok := number[k]
			if !ok {
				i = len(found)
				number[k] = i
				found = append(found, reference{
					child: quoted(name), name: name, parent: parent, acts: values[5] == int64(1),
				})
			}
			found[i].columns = append(found[i].columns, tenanttable.ColumnPair{
				Foreign: fmt.Sprint(values[3]), Primary: fmt.Sprint(values[4]),
			})
			return nil
		})
	return found, err
}
