package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// collisions looks at one table. What is needed of the rows to come is put into a temporary table,
// so that the server itself compares, by its indexes.
func (e *postgresSide) collisions(
	ctx context.Context, source side, s, t *locatedTable,
) ([]Collision, error) {
	indexes, needed, err := e.uniques(ctx, t)
	if err != nil || len(indexes) == 0 {
		return nil, err
	}
	part, into := s.subset(needed), *t
	if into.qualifiedName, err = e.stage(ctx, t, part.columns); err != nil {
		return nil, err
	}
	if err := e.takeTable(ctx, source, part, &into, func(string, int64) {}); err != nil {
		return nil, err
	}
	if err := e.exec(ctx, "ANALYZE "+into.qualifiedName); err != nil {
		return nil, err
	}
	var found []Collision
	for _, u := range indexes {
		texts := make([]string, len(u.columns))
		for i := range u.columns {
			texts[i] = fmt.Sprintf("s.k%d::text", i)
		}
		rows, err := e.query(ctx, "WITH c AS ("+
			u.query(into.qualifiedName, t.qualifiedName, t.others(),
				"concat_ws(', ', "+strings.Join(texts, ", ")+")")+
			fmt.Sprintf(") SELECT count(*) OVER (), found FROM c ORDER BY length(found), "+
				"found LIMIT %d", someKeys))
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			continue
		}
		c := Collision{Table: t.name, Columns: u.names()}
		if c.Count, err = strconv.ParseInt(string(rows[0][0]), 10, 64); err != nil {
			return nil, err
		}
		for _, row := range rows {
			c.Keys = append(c.Keys, string(row[1]))
		}
		found = append(found, c)
	}
	return found, nil
}

// uniques reads the unique indexes of a table that do not have the tenant in them, and which
// columns they are made of.
func (e *postgresSide) uniques(
	ctx context.Context, t *locatedTable,
) ([]unique, map[string]bool, error) {
	rows, err := e.query(ctx, "SELECT i.indexrelid, coalesce(pg_get_expr(i.indpred, i.indrelid), "+
		"''), pg_get_indexdef(i.indexrelid, n, false) "+
		"FROM pg_index AS i, generate_series(1, i.indnkeyatts) AS n WHERE i.indrelid = "+t.oid+
		" AND i.indisunique AND i.indisvalid "+
		"AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid "+
		"AND a.attname = "+pgsession.Literal(t.column)+
		" AND a.attnum = ANY (i.indkey)) ORDER BY i.indisprimary DESC, i.indexrelid, n")
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	var indexes []unique
	var oids []string
	for _, row := range rows {
		if oid := string(row[0]); len(oids) == 0 || oids[len(oids)-1] != oid {
			oids = append(oids, oid)
			indexes = append(indexes, unique{where: string(row[1])})
		}
		last := &indexes[len(indexes)-1]
		last.columns = append(last.columns, string(row[2]))
	}
	in := strings.Join(oids, ", ")
	rows, err = e.query(ctx, "SELECT attname FROM pg_attribute WHERE attrelid = "+t.oid+
		" AND (attnum IN ("+
		"SELECT refobjsubid FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid IN ("+in+
		") AND refobjid = "+t.oid+") OR attnum IN ("+
		"SELECT unnest(indkey) FROM pg_index WHERE indexrelid IN ("+in+"))) AND attnum > 0")
	if err != nil {
		return nil, nil, err
	}
	needed := map[string]bool{}
	for _, row := range rows {
		needed[string(row[0])] = true
	}
	return indexes, needed, nil
}
