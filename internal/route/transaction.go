package route

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Begin begins a transaction; database/sql calls BeginTx.
func (c *conn) Begin() (driver.Tx, error) { return nil, errNoContext }

// BeginTx begins a transaction at the place of ctx.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if c.tx != nil {
		return nil, errors.New("gormtenant: a transaction is open on this connection: " +
			"use a savepoint in it")
	}
	err := c.run(ctx, func(ctx context.Context, inner *sql.Conn) (err error) {
		c.tx, err = inner.BeginTx(ctx, &sql.TxOptions{
			Isolation: sql.IsolationLevel(options.Isolation), ReadOnly: options.ReadOnly,
		})
		return err
	})
	if err != nil {
		c.tx = nil
		return nil, err
	}
	return tx{c}, nil
}

// tx is the transaction of a virtual connection.
type tx struct{ conn *conn }

// Commit commits.
func (t tx) Commit() error {
	inner := t.conn.tx
	t.conn.tx = nil
	return inner.Commit()
}

// Rollback rolls back. Where the context has ended, both the virtual transaction and the real one
// do so by themselves: that the real one was first is no error.
func (t tx) Rollback() error {
	inner := t.conn.tx
	t.conn.tx = nil
	if err := inner.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
