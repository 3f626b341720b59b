package pgsession

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// lazyStmt is a statement whose names mean something else to each tenant. It is prepared for each
// of them when they first run it, by pgx's own cache if its mode has one.
type lazyStmt struct {
	conn  *Conn
	query string
}

var (
	_ driver.Stmt             = (*lazyStmt)(nil)
	_ driver.StmtExecContext  = (*lazyStmt)(nil)
	_ driver.StmtQueryContext = (*lazyStmt)(nil)
)

// prepareLazily sends nothing. It refuses a ctx in which the statement could not run.
func (c *Conn) prepareLazily(ctx context.Context, query string) (driver.Stmt, error) {
	if c.pgxConn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	if _, err := c.router.AppendSettings(ctx, nil); err != nil {
		return nil, err
	}
	return &lazyStmt{conn: c, query: query}, nil
}

// Close does nothing: prepared statements are in pgx's cache.
func (s *lazyStmt) Close() error { return nil }

// NumInput returns -1, for unknown: pgx checks the number.
func (s *lazyStmt) NumInput() int { return -1 }

// QueryContext runs the query with the settings of ctx.
func (s *lazyStmt) QueryContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// ExecContext runs the statement with the settings of ctx.
func (s *lazyStmt) ExecContext(
	ctx context.Context, args []driver.NamedValue,
) (driver.Result, error) {
	if len(args) > 0 {
		return s.conn.ExecContext(ctx, s.query, args)
	}
	result, err := s.conn.execOne(ctx, s.query)
	if s.conn.outdated(err) {
		result, err = s.conn.execOne(ctx, s.query)
	}
	return result, err
}

// execOne runs a statement without arguments as a query: in Exec, pgx would accept several, but a
// prepared statement is one.
func (c *Conn) execOne(ctx context.Context, query string) (driver.Result, error) {
	if c.pgxConn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	if err := c.arm(ctx, query); err != nil {
		return nil, err
	}
	defer c.wire.disarm()
	rows, _ := c.pgxConn.Conn().Query(ctx, c.text(query, nil)) // rows have its error too
	rows.Close()
	err := rows.Err()
	if err == nil {
		return driver.RowsAffected(rows.CommandTag().RowsAffected()), nil
	}
	if pgconn.SafeToRetry(err) {
		err = driver.ErrBadConn
	}
	return nil, c.hideSentBadConn(c.clampPosition(err, query))
}

var errOld = errors.New("gormtenant: use the form with a context")

// Exec is not called by database/sql.
func (s *lazyStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errOld }

// Query is not called by database/sql.
func (s *lazyStmt) Query([]driver.Value) (driver.Rows, error) { return nil, errOld }
