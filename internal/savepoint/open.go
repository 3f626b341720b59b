package savepoint

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Tx runs the statements of a transaction. *sql.Tx is one.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Open returns a pool whose connections are all the one of tx. It can be used like any other, by
// several goroutines too: statements wait for each other. A query has read all of its rows when it
// returns, so another can run between them. The pool does not end tx. Close it before tx ends.
//
// seen is called with each statement before it runs, except for savepoints; it may be nil.
//
// A statement that fails outside a transaction of the pool leaves tx as the server leaves it: on
// Postgres no other can run. One that fails in a transaction of the pool can be rolled back with
// it.
func Open(tx Tx, seen func(query string, args []any)) *sql.DB {
	if seen == nil {
		seen = func(string, []any) {}
	}
	return sql.OpenDB(&connector{tx: tx, seen: seen, turn: make(chan struct{}, 1)})
}

// connector holds what the connections of a pool share.
type connector struct {
	tx   Tx
	seen func(query string, args []any)
	turn chan struct{} // full while a statement runs; it guards points and count

	points []*point // those that are open, the innermost last
	count  int
}

// Connect returns one more connection that is the same.
func (c *connector) Connect(context.Context) (driver.Conn, error) { return conn{c}, nil }

// Driver returns c.
func (c *connector) Driver() driver.Driver { return c }

// Open is not called: database/sql has Connect.
func (c *connector) Open(string) (driver.Conn, error) {
	return nil, errors.New("gormtenant: a transaction is no driver")
}

// lock waits until no other statement runs, or ctx ends.
func (c *connector) lock(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *connector) unlock() { <-c.turn }
