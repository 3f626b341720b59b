package pgsession

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// laterStmt is a statement whose names mean something else to each tenant: it is prepared for each of them as
// they first run it, by pgx's own cache and as far as its mode does so.
type laterStmt struct {
	conn  *Conn
	query string
}

var (
	_ driver.Stmt             = (*laterStmt)(nil)
	_ driver.StmtExecContext  = (*laterStmt)(nil)
	_ driver.StmtQueryContext = (*laterStmt)(nil)
)

// prepareLater refuses what could not be run in ctx, and sends nothing.
func (c *Conn) prepareLater(ctx context.Context, query string) (driver.Stmt, error) {
	if c.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	if _, err := c.router.AppendSettings(ctx, nil); err != nil {
		return nil, err
	}
	return &laterStmt{conn: c, query: query}, nil
}

// Close leaves what was prepared to pgx's cache.
func (s *laterStmt) Close() error { return nil }

// NumInput returns -1: it is not known here, and pgx compares.
func (s *laterStmt) NumInput() int { return -1 }

// QueryContext runs the query with the settings of ctx.
func (s *laterStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// ExecContext runs the statement with the settings of ctx.
func (s *laterStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return s.conn.ExecContext(ctx, s.query, args)
	}
	result, err := s.conn.execOne(ctx, s.query)
	if s.conn.outdated(err) {
		result, err = s.conn.execOne(ctx, s.query)
	}
	return result, err
}

// execOne runs a statement without arguments as a query, since pgx would let Exec run several: a prepared
// statement is one.
func (c *Conn) execOne(ctx context.Context, query string) (driver.Result, error) {
	if c.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	if err := c.arm(ctx, query); err != nil {
		return nil, err
	}
	defer c.wire.disarm()
	rows, _ := c.Conn().Query(ctx, c.text(query, nil)) // its error is that of rows too
	rows.Close()
	err := rows.Err()
	if err == nil {
		return driver.RowsAffected(rows.CommandTag().RowsAffected()), nil
	}
	if pgconn.SafeToRetry(err) {
		err = driver.ErrBadConn
	}
	return nil, c.honest(c.within(err, query))
}

var errOld = errors.New("gormtenant: use the form with a context")

// Exec is not called by database/sql.
func (s *laterStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errOld }

// Query is not called by database/sql.
func (s *laterStmt) Query([]driver.Value) (driver.Rows, error) { return nil, errOld }
