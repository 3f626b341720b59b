package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// collisions looks at one table.
func (e *sqliteSide) collisions(
	ctx context.Context, source side, s, t *locatedTable,
) ([]Collision, error) {
	indexes, needed, err := e.uniques(ctx, t)
	if err != nil || len(indexes) == 0 {
		return nil, err
	}
	part, into := s.subset(needed), *t
	into.qualifiedName = "temp." + quoted("gormtenant_stage_"+t.name)
	if err := e.exec(ctx, "CREATE TEMPORARY TABLE "+quoted("gormtenant_stage_"+t.name)+" ("+
		list(part.columns)+")"); err != nil {
		return nil, err
	}
	w, err := e.writer(ctx, &into, part.columns)
	if err != nil {
		return nil, err
	}
	if err := transfer(ctx, source, part, w, func(string, int64) {}); err != nil {
		return nil, err
	}
	var found []Collision
	for _, u := range indexes {
		texts := make([]string, len(u.columns))
		for i := range u.columns {
			texts[i] = fmt.Sprintf("s.k%d", i)
		}
		c := Collision{Table: t.name, Columns: u.names()}
		err := e.rows(ctx, "WITH c AS ("+
			u.query(into.qualifiedName, t.qualifiedName, t.others(),
				strings.Join(texts, " || ', ' || "))+
			fmt.Sprintf(") SELECT count(*) OVER (), found FROM c ORDER BY length(found), "+
				"found LIMIT %d", someKeys), func(values []any) error {
			c.Count, _ = values[0].(int64)
			c.Keys = append(c.Keys, fmt.Sprint(values[1]))
			return nil
		})
		if err != nil {
			return nil, err
		}
		if c.Count > 0 {
			found = append(found, c)
		}
	}
	return found, nil
}

// uniques reads the primary key and the unique indexes of a table that do not have the tenant in
// them.
func (e *sqliteSide) uniques(
	ctx context.Context, t *locatedTable,
) ([]unique, map[string]bool, error) {
	columnsOf := func(query, name string) (columns []string, err error) {
		err = e.rows(ctx, query, func(values []any) error {
			columns = append(columns, fmt.Sprint(values[0])) // NULL for an expression
			return nil
		}, name)
		return columns, err
	}
	key, err := columnsOf("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", t.name)
	if err != nil {
		return nil, nil, err
	}
	keys := [][]string{key}
	names, err := e.texts(ctx, "SELECT name FROM pragma_index_list(?) WHERE \"unique\" = 1 "+
		"AND partial = 0 ORDER BY seq", t.name)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		columns, err := columnsOf("SELECT name FROM pragma_index_xinfo(?) WHERE key = 1 "+
			"ORDER BY seqno", name)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(keys, func(k []string) bool { return slices.Equal(k, columns) }) {
			keys = append(keys, columns)
		}
	}
	var indexes []unique
	needed := map[string]bool{}
	for _, columns := range keys {
		if len(columns) == 0 || slices.Contains(columns, t.column) ||
			slices.Contains(columns, "<nil>") {
			continue
		}
		u := unique{}
		for _, c := range columns {
			needed[c] = true
			u.columns = append(u.columns, quoted(c))
		}
		indexes = append(indexes, u)
	}
	return indexes, needed, nil
}
