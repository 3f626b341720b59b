package oracle

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// record is one row of a table as the database has it.
type record struct {
	table  string
	id     int64 // of the join table the project's
	tag    int64 // of the join table
	tenant string
	ref    sql.NullInt64 // the foreign key
	kind   string        // what a comment is about
	text   string        // the other columns
}

func (r record) String() string {
	if r.table == joinTable {
		return fmt.Sprintf("%s %d-%d", r.table, r.id, r.tag)
	}
	ref := "NULL"
	if r.ref.Valid {
		ref = fmt.Sprint(r.ref.Int64)
	}
	return fmt.Sprintf("%s %d %s ref=%s %s", r.table, r.id, r.tenant, ref, r.text)
}

// empty reports whether r has nothing but its key and its tenant.
func (r record) empty() bool {
	return r.table != joinTable && !r.ref.Valid && strings.Trim(r.text, "NUL ") == ""
}

// target returns the table that the foreign key of r is of.
func (r record) target() string {
	if r.table == commentsTable {
		return r.kind
	}
	for _, e := range entities {
		if e.table == r.table {
			return e.target
		}
	}
	return ""
}

// snapshot is all rows of a database, in order.
type snapshot struct {
	records []record
	a       string // the rows of A, as text
	others  string // those of the others
}

// snapshotQuery reads every row of every table with all of its columns.
func snapshotQuery(dialect string) string {
	quote := func(column string) string {
		if dialect == "postgres" {
			return "quote_nullable(" + column + "::text)"
		}
		return "quote(" + column + ")"
	}
	var selects []string
	for _, e := range entities {
		quoted := make([]string, len(e.columns))
		for i, column := range e.columns {
			quoted[i] = quote(column)
		}
		kind := "''"
		if e.table == commentsTable {
			kind = "coalesce(subject_type, '')"
		}
		reference := e.reference
		if reference == "NULL" && dialect == "postgres" {
			reference = "NULL::bigint"
		}
		selects = append(selects, fmt.Sprintf("SELECT '%s', id, 0, tenant_id, %s, %s, %s FROM %s",
			e.table, reference, kind, strings.Join(quoted, " || ' ' || "), e.table))
	}
	selects = append(selects, "SELECT '"+joinTable+"', project_id, tag_id, '', "+
		map[string]string{"postgres": "NULL::bigint"}[dialect]+
		map[string]string{"sqlite": "NULL"}[dialect]+", '', '' FROM "+joinTable)
	return strings.Join(selects, " UNION ALL ") + " ORDER BY 1, 2, 3"
}

// take reads a snapshot on the connection of db, so that it sees what a transaction sees.
func take(ctx context.Context, pool gorm.ConnPool, query string) (*snapshot, error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	s := &snapshot{}
	for rows.Next() {
		var r record
		if err := rows.Scan(&r.table, &r.id, &r.tag, &r.tenant, &r.ref, &r.kind,
			&r.text); err != nil {
			return nil, err
		}
		s.records = append(s.records, r)
	}
	s.divide()
	return s, rows.Err()
}

// divide tells the rows of A from those of others.
func (s *snapshot) divide() {
	var a, others strings.Builder
	for _, r := range s.records {
		if s.isOthers(r) {
			fmt.Fprintln(&others, r)
		} else {
			fmt.Fprintln(&a, r)
		}
	}
	s.a, s.others = a.String(), others.String()
}

// isOthers reports whether a row is another tenant's, or joins another tenant's row.
func (s *snapshot) isOthers(r record) bool {
	if r.table == joinTable {
		return s.isTaken("projects", r.id) || s.isTaken("tags", r.tag)
	}
	return r.tenant != A
}

// isTaken reports whether a table has a row of another tenant with that key.
func (s *snapshot) isTaken(table string, id int64) bool {
	return slices.ContainsFunc(s.records, func(r record) bool {
		return r.table == table && r.id == id && r.tenant != A
	})
}

// leads reports whether the foreign key of r names a row of another tenant.
func (s *snapshot) leads(r record) bool {
	if r.table == joinTable {
		return s.isOthers(r)
	}
	return r.ref.Valid && s.isTaken(r.target(), r.ref.Int64)
}

// has reports whether a table has a row with that key.
func (s *snapshot) has(table string, id int64) bool {
	return slices.ContainsFunc(s.records, func(r record) bool {
		return r.table == table &&
			r.id == id
	})
}

// hasFirst reports whether the rows are there to which keys below 3 belong at first.
func (s *snapshot) hasFirst() bool {
	for _, table := range []string{"users", "projects", "tasks"} {
		if !s.has(table, 1) || !s.has(table, 2) {
			return false
		}
	}
	return true
}

// since returns the rows that were not there, or were others, before.
func (s *snapshot) since(before *snapshot) []record {
	var added []record
	for _, r := range s.records {
		if !slices.Contains(before.records, r) {
			added = append(added, r)
		}
	}
	return added
}

// joinsNothing reports whether r is a row of the join table one side of which is not there.
func (s *snapshot) joinsNothing(r record) bool { return r.table == joinTable && s.dangling(r) }

// alive returns the rows of A without those of the join table that join nothing.
func (s *snapshot) alive() string {
	var text strings.Builder
	for _, r := range s.records {
		if !s.isOthers(r) && !s.joinsNothing(r) {
			fmt.Fprintln(&text, r)
		}
	}
	return text.String()
}

// dangling reports whether r names a row that is not there.
func (s *snapshot) dangling(r record) bool {
	if r.table == joinTable {
		return !s.has("projects", r.id) || !s.has("tags", r.tag)
	}
	return r.ref.Valid && r.ref.Int64 != 0 && r.target() != "" && !s.has(r.target(), r.ref.Int64)
}
