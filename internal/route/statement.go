package route

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// session is what statements run on: *sql.Conn, or *sql.Tx within a transaction.
type session interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (c *conn) session(inner *sql.Conn) session {
	if c.tx != nil {
		return c.tx
	}
	return inner
}

// argsOf turns arguments back into what the caller wrote.
func argsOf(values []driver.NamedValue) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v.Value
		if v.Name != "" {
			args[i] = sql.Named(v.Name, v.Value)
		}
	}
	return args
}

// ExecContext runs a statement at the place of ctx.
func (c *conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (result driver.Result, err error) {
	err = c.run(ctx, func(ctx context.Context, inner *sql.Conn) (err error) {
		result, err = c.session(inner).ExecContext(ctx, query, argsOf(args)...)
		return err
	})
	return result, err
}

// QueryContext runs a query at the place of ctx.
func (c *conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	var found *sql.Rows
	err := c.run(ctx, func(ctx context.Context, inner *sql.Conn) (err error) {
		//nolint:sqlclosecheck,rowserrcheck // The caller closes them.
		found, err = c.session(inner).QueryContext(ctx, query, argsOf(args)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newRows(found)
}

// Prepare prepares a statement.
func (c *conn) Prepare(query string) (driver.Stmt, error) { return &stmt{c, query}, nil }

// PrepareContext prepares a statement. Nothing is sent: pgx keeps prepared statements for each of
// its connections by their text, and SQLite's driver prepares at each execution.
func (c *conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return c.Prepare(query)
}

// stmt is the text of a statement. It runs where the context of each execution says.
type stmt struct {
	conn  *conn
	query string
}

var (
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

func (s *stmt) Close() error { return nil }

// NumInput is not known before the driver is.
func (s *stmt) NumInput() int { return -1 }

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

var errNoContext = errors.New("gormtenant: a statement needs a context")

func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }
func (s *stmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errNoContext }
