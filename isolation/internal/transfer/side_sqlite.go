package transfer

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// sqliteSide is a place on SQLite. A source has no transaction: that would hold up the lease of the
// freeze, which is what keeps the rows as they are.
type sqliteSide struct {
	pool *sql.DB
	conn *sql.Conn // in a transaction; nil for a source
	list []*locatedTable
}

// openSQLite opens a place: to read, or with a transaction that writes.
func openSQLite(ctx context.Context, p *Plan, loc Location, write bool) (*sqliteSide, error) {
	pool, _, err := loc.pool()
	if err != nil {
		return nil, err
	}
	e := &sqliteSide{pool: pool}
	if write {
		if e, err = beginSQLite(ctx, pool); err != nil {
			return nil, err
		}
	}
	if err := e.locate(ctx, p, loc); err != nil {
		e.close(ctx)
		return nil, err
	}
	return e, nil
}

func beginSQLite(ctx context.Context, pool *sql.DB) (*sqliteSide, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: connecting: %w", err)
	}
	e := &sqliteSide{pool: pool, conn: conn}
	err = e.immediate(ctx)
	if err == nil {
		// A cycle of foreign keys, or a row that refers to a later one, is looked at when all are
		// there.
		err = e.exec(ctx, "PRAGMA defer_foreign_keys = ON")
	}
	if err != nil {
		e.close(ctx)
		return nil, fmt.Errorf("gormtenant: beginning a transaction: %w", err)
	}
	return e, nil
}

func (e *sqliteSide) tables() []*locatedTable { return e.list }

// close takes back what was not committed.
func (e *sqliteSide) close(ctx context.Context) {
	if e.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	// An error says that there is no transaction any more.
	_, _ = e.conn.ExecContext(ctx, "ROLLBACK")
	_ = e.conn.Close()
}

func (e *sqliteSide) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := e.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (e *sqliteSide) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if e.conn == nil {
		return e.pool.QueryContext(ctx, query, args...)
	}
	return e.conn.QueryContext(ctx, query, args...)
}

// rows calls row for each row of a query.
func (e *sqliteSide) rows(
	ctx context.Context, query string, row func(values []any) error, args ...any,
) (err error) {
	rows, err := e.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (e *sqliteSide) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	var texts []string
	err := e.rows(ctx, query, func(values []any) error {
		texts = append(texts, fmt.Sprint(values[0]))
		return nil
	}, args...)
	return texts, err
}

func (e *sqliteSide) count(ctx context.Context, from, where string) (n int64, err error) {
	err = e.rows(ctx, "SELECT count(*) FROM "+from+" WHERE "+where, func(values []any) error {
		n, _ = values[0].(int64)
		return nil
	})
	return n, err
}

// locate finds the tables of the plan.
func (e *sqliteSide) locate(ctx context.Context, p *Plan, loc Location) error {
	for _, t := range p.tables {
		s := &locatedTable{table: t, qualifiedName: quoted(t.name)}
		// hidden is 0 for columns that can be written
		// (https://www.sqlite.org/pragma.html#pragma_table_xinfo).
		err := e.rows(ctx, "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden = 0 "+
			"ORDER BY cid", func(values []any) error {
			s.columns = append(s.columns, column{
				name:     fmt.Sprint(values[0]),
				declared: strings.ToLower(fmt.Sprint(values[1])), kind: asStored,
			})
			return nil
		}, t.name)
		if err != nil {
			return err
		}
		if len(s.columns) == 0 {
			return fmt.Errorf("gormtenant: there is no table %s: "+
				"migrate both places before a tenant is moved", t.name)
		}
		for _, c := range s.columns {
			if loc.Shared && c.name == t.column && (c.declared == "" ||
				strings.Contains(c.declared, "blob")) {
				return fmt.Errorf("gormtenant: the tenant column of %s holds bytes, "+
					"which the tenant's ID as text cannot be compared with", t.name)
			}
		}
		e.list = append(e.list, s)
	}
	p.predicates(loc.Shared, e.list, literalSQLite)
	return nil
}

// page is how many rows are read at a time.
const page = 2000

// each reads the rows in pages, so that the lease can be renewed between them.
func (e *sqliteSide) each(
	ctx context.Context, s *locatedTable, columns []column, row func(values []any) error,
) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		// Of a mere column the driver would look up the declared type, and make times of text.
		names[i] = "+" + quoted(c.name)
	}
	rowid := len(columns)
	query := "SELECT " + strings.Join(append(names, "rowid"), ", ") + " FROM " + s.qualifiedName +
		" WHERE (" + s.where + ") AND rowid > ? ORDER BY rowid LIMIT ?"
	for last, more := int64(minRowid), true; more; {
		var rows [][]any
		err := e.rows(ctx, query, func(values []any) error {
			rows = append(rows, values)
			return nil
		}, last, page)
		if err != nil {
			return fmt.Errorf("gormtenant: reading %s: %w", s.name, err)
		}
		for _, values := range rows {
			last, _ = values[rowid].(int64)
			if err := row(values[:rowid:rowid]); err != nil {
				return err
			}
		}
		more = len(rows) == page
	}
	return nil
}

const minRowid = -1 << 63

// batchRows is how many rows go into one INSERT; SQLite takes 32766 parameters.
const (
	batchRows       = 100
	batchParameters = 8000
)

// inserter is a writer to a table on SQLite.
type inserter struct {
	ctx     context.Context //nolint:containedctx // of one call of Copy
	e       *sqliteSide
	s       *locatedTable
	columns []column
	batch   int
	full    *sql.Stmt
	args    []any
	n       int64
}

func (e *sqliteSide) writer(
	ctx context.Context, s *locatedTable, columns []column,
) (writer, error) {
	w := &inserter{ctx: ctx, e: e, s: s, columns: columns, batch: max(1,
		min(batchRows, batchParameters/len(columns)))}
	var err error
	w.full, err = e.conn.PrepareContext(ctx, w.insert(w.batch))
	return w, err
}

func (w *inserter) insert(rows int) string {
	row := "(?" + strings.Repeat(", ?", len(w.columns)-1) + ")"
	return "INSERT INTO " + w.s.qualifiedName + " (" + list(w.columns) + ") VALUES " + row +
		strings.Repeat(", "+row, rows-1)
}

func (w *inserter) write(values []any) error {
	for _, v := range values {
		if b, ok := v.([]byte); ok && b == nil {
			v = []byte{} // the driver makes no bytes of nil
		}
		w.args = append(w.args, v)
	}
	w.n++
	if len(w.args) < w.batch*len(w.columns) {
		return nil
	}
	_, err := w.full.ExecContext(w.ctx, w.args...)
	w.args = w.args[:0]
	return err
}

func (w *inserter) finish(err error) (int64, error) {
	if err == nil && len(w.args) > 0 {
		err = w.e.exec1(w.ctx, w.insert(len(w.args)/len(w.columns)), w.args...)
	}
	_ = w.full.Close()
	return w.n, err
}

func (e *sqliteSide) exec1(ctx context.Context, statement string, args ...any) error {
	_, err := e.conn.ExecContext(ctx, statement, args...)
	return err
}

// sqliteTime is how the driver writes a time.
const sqliteTime = "2006-01-02 15:04:05.999999999-07:00"

// timeFormats are those in which SQLite and its drivers keep times, and that in which Postgres
// writes them.
var timeFormats = []string{
	sqliteTime,
	"2006-01-02 15:04:05.999999999-07",
	"2006-01-02T15:04:05.999999999-07:00",
	"2006-01-02T15:04:05.999999999Z",
	"2006-01-02 15:04:05.999999999Z",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02",
	"2006-01-02 15:04:05.999999999 -0700 MST",
}

func parseTime(text string) (time.Time, bool) {
	text, _, _ = strings.Cut(text, " m=")
	for _, format := range timeFormats {
		if t, err := time.Parse(format, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
