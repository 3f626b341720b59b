package transfer

import (
	"context"
	"fmt"
	"strings"
)

// cascades returns the foreign keys to the tables that do more than refuse.
func (e *sqliteSide) cascades(ctx context.Context) ([]reference, error) {
	parents := map[string]*locatedTable{}
	for _, s := range e.list {
		parents[strings.ToLower(s.name)] = s
	}
	type key struct{ child, id string }
	found := map[key]*reference{}
	// A foreign key that names no column is to the primary key.
	err := e.rows(ctx, "SELECT m.name, f.id, f.\"table\", f.\"from\", coalesce(f.\"to\", "+
		"(SELECT name FROM pragma_table_info(f.\"table\") WHERE pk = f.seq + 1)) "+
		"FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' "+
		"AND f.on_delete NOT IN ('NO ACTION', 'RESTRICT')",
		func(values []any) error {
			parent := parents[strings.ToLower(fmt.Sprint(values[2]))]
			if parent == nil {
				return nil
			}
			child := quoted(fmt.Sprint(values[0]))
			on := parentAlias + "." + quoted(fmt.Sprint(values[4])) + " = " + child + "." +
				quoted(fmt.Sprint(values[3]))
			k := key{child, fmt.Sprint(values[1])}
			if r := found[k]; r != nil {
				r.on += " AND " + on
				return nil
			}
			found[k] = &reference{child: child, parent: parent, on: on}
			return nil
		})
	references := make([]reference, 0, len(found))
	for _, r := range found {
		references = append(references, *r)
	}
	return references, err
}
