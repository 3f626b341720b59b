package savepoint

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// conn is a connection of the pool. It has no state of its own.
type conn struct{ *connector }

var (
	_ driver.ExecerContext      = conn{}
	_ driver.QueryerContext     = conn{}
	_ driver.ConnBeginTx        = conn{}
	_ driver.ConnPrepareContext = conn{}
	_ driver.NamedValueChecker  = conn{}
)

// CheckNamedValue lets every argument through: the driver of the transaction decides.
func (conn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Close does nothing: the connection is the transaction's.
func (conn) Close() error { return nil }

// ExecContext executes a statement in the transaction.
func (c conn) ExecContext(ctx context.Context, query string, named []driver.NamedValue) (
	driver.Result, error,
) {
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	args := plain(named)
	c.seen(query, args)
	return c.tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query in the transaction and reads its rows.
func (c conn) QueryContext(ctx context.Context, query string, named []driver.NamedValue) (
	driver.Rows, error,
) {
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	args := plain(named)
	c.seen(query, args)
	rows, err := c.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return read(rows)
}

// Prepare notes a statement.
func (c conn) Prepare(query string) (driver.Stmt, error) { return stmt{c, query}, nil }

// PrepareContext notes a statement. It is prepared when it is executed, if the driver does so.
func (c conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return stmt{c, query}, nil
}

// stmt is a statement that was noted.
type stmt struct {
	conn
	query string
}

var (
	_ driver.StmtExecContext  = stmt{}
	_ driver.StmtQueryContext = stmt{}
)

// NumInput is unknown.
func (stmt) NumInput() int { return -1 }

// ExecContext executes the statement.
func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

// QueryContext runs the query.
func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// Exec executes the statement.
func (s stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), numbered(args))
}

// Query runs the query.
func (s stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), numbered(args))
}

func numbered(args []driver.Value) []driver.NamedValue {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return named
}

// plain returns the arguments as database/sql takes them.
func plain(named []driver.NamedValue) []any {
	args := make([]any, len(named))
	for i, arg := range named {
		args[i] = arg.Value
		if arg.Name != "" {
			args[i] = sql.Named(arg.Name, arg.Value)
		}
	}
	return args
}
