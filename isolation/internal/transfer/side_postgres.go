package transfer

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// postgresSide is a place on Postgres, in a transaction.
type postgresSide struct {
	*session
	list   []*locatedTable
	staged int // tables that rows were staged in
}

// pinned makes values be written as text alike everywhere, and lets no policy hide rows in silence.
var pinned = []string{
	"SET LOCAL DateStyle = 'ISO, YMD'", "SET LOCAL IntervalStyle = 'postgres'",
	"SET LOCAL TimeZone = 'UTC'",
	"SET LOCAL extra_float_digits = 3", "SET LOCAL bytea_output = 'hex'",
	"SET LOCAL client_encoding = 'UTF8'",
	"SET LOCAL standard_conforming_strings = on", "SET LOCAL statement_timeout = 0",
	"SET LOCAL idle_in_transaction_session_timeout = 0",
}

func openPostgres(ctx context.Context, p *Plan, loc Location, begin string) (*postgresSide, error) {
	s, err := dial(ctx, loc)
	if err != nil {
		return nil, err
	}
	e := &postgresSide{session: s}
	if err := e.begin(ctx, p, loc, begin); err != nil {
		e.close(ctx)
		return nil, err
	}
	return e, nil
}

func (e *postgresSide) begin(ctx context.Context, p *Plan, loc Location, begin string) error {
	if err := e.exec(ctx, append([]string{begin}, pinned...)...); err != nil {
		return fmt.Errorf("gormtenant: beginning a transaction: %w", err)
	}
	if loc.Schema != "" { // for what triggers of the application's look up by it
		err := e.exec(ctx, "SELECT set_config('search_path', "+
			pgsession.Literal(quoted(loc.Schema))+" || ', ' || current_setting('search_path'), "+
			"true)")
		if err != nil {
			return err
		}
	}
	var err error
	if e.list, err = e.locate(ctx, p, loc); err != nil {
		return err
	}
	policed := false
	for _, s := range e.list {
		policed = policed || s.policed
	}
	if !policed {
		// Whoever gives a table a policy meanwhile makes this an error, not rows that are missing.
		return e.exec(ctx, "SET LOCAL row_security = off")
	}
	return e.police(ctx, p, e.list)
}

func (e *postgresSide) tables() []*locatedTable { return e.list }

func (e *postgresSide) count(ctx context.Context, from, where string) (int64, error) {
	n, err := e.value(ctx, "SELECT count(*) FROM "+from+" WHERE "+where)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(n, 10, 64)
}

// rowsOf is the query for the tenant's rows in a table.
func rowsOf(s *locatedTable, columns []column) string {
	return "SELECT " + list(columns) + " FROM " + s.qualifiedName + " WHERE " + s.where
}

func (e *postgresSide) each(
	ctx context.Context, s *locatedTable, columns []column, row func(values []any) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader := e.conn.ExecParams(ctx, rowsOf(s, columns), nil, nil, nil, nil)
	var failed error
	for failed == nil && reader.NextRow() {
		values := make([]any, len(columns))
		for i, raw := range reader.Values() {
			value, err := columns[i].kind.toSQLite(raw)
			if err != nil {
				failed = fmt.Errorf("gormtenant: the column %s of %s: %w", columns[i].name, s.name,
					err)
				break
			}
			values[i] = value
		}
		if failed == nil {
			failed = row(values)
		}
	}
	if failed != nil {
		cancel() // and the session: the rest of the rows is not read
		_, _ = reader.Close()
		return failed
	}
	if _, err := reader.Close(); err != nil {
		return fmt.Errorf("gormtenant: reading %s: %w", s.name, err)
	}
	return nil
}

// copier is a writer to a table on Postgres.
type copier struct {
	s       *locatedTable
	columns []column
	pipe    *io.PipeWriter
	buffer  []byte
	done    chan struct{}
	n       int64
	err     error
}

const flushAt = 64 << 10

// writer begins a COPY.
func (e *postgresSide) writer(ctx context.Context, s *locatedTable, columns []column) writer {
	read, write := io.Pipe()
	w := &copier{s: s, columns: columns, pipe: write, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tag, err := e.conn.CopyFrom(ctx, read, copyIn(s.qualifiedName, columns))
		w.n, w.err = tag.RowsAffected(), err
		_ = read.CloseWithError(io.ErrClosedPipe) // who writes must not wait
	}()
	return w
}

func copyIn(into string, columns []column) string {
	return "COPY " + into + " (" + list(columns) + ") FROM STDIN"
}

// escape is for values in COPY's text format
// (https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2).
var escape = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (w *copier) write(values []any) error {
	for i, value := range values {
		if i > 0 {
			w.buffer = append(w.buffer, '\t')
		}
		if value == nil {
			w.buffer = append(w.buffer, `\N`...)
			continue
		}
		s, err := w.columns[i].kind.toPostgres(value)
		if err != nil {
			return fmt.Errorf("gormtenant: the column %s of %s: %w", w.columns[i].name, w.s.name,
				err)
		}
		w.buffer = append(w.buffer, escape.Replace(s)...)
	}
	w.buffer = append(w.buffer, '\n')
	if len(w.buffer) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *copier) flush() error {
	_, err := w.pipe.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

func (w *copier) finish(err error) (int64, error) {
	if err == nil {
		err = w.flush()
	}
	_ = w.pipe.CloseWithError(err) // nil is the end of the rows
	<-w.done
	if w.err != nil && code(w.err) != "57014" { // that is what COPY makes of our own error
		return 0, w.err
	}
	if err == nil {
		err = w.err
	}
	return w.n, err
}
