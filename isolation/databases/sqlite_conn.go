package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// fileConn is a connection of the driver to one file. It refuses the statements that would reach
// another: the drivers have no common way to tell SQLite itself not to. The method Raw of sql.Conn
// gives the driver's own connection by Unwrap.
type fileConn struct{ driver.Conn }

var (
	_ driver.ConnBeginTx        = fileConn{}
	_ driver.ConnPrepareContext = fileConn{}
	_ driver.ExecerContext      = fileConn{}
	_ driver.QueryerContext     = fileConn{}
	_ driver.NamedValueChecker  = fileConn{}
	_ driver.Pinger             = fileConn{}
	_ driver.SessionResetter    = fileConn{}
	_ driver.Validator          = fileConn{}
)

// Unwrap returns the connection of the driver.
func (c fileConn) Unwrap() driver.Conn { return c.Conn }

// within refuses a text that reaches another file, in any of its statements.
func within(text string) error {
	if statement := sqltext.Reaches(text); statement != "" {
		return fmt.Errorf("%w: %s reaches past the tenant's file, where other tenants' are: "+
			"open that file on its own, outside of the tenants' pools", gormtenant.ErrRawSQL,
			statement)
	}
	return nil
}

// ExecContext runs a text that stays within the file.
func (c fileConn) ExecContext(
	ctx context.Context, text string, args []driver.NamedValue,
) (driver.Result, error) {
	if err := within(text); err != nil {
		return nil, err
	}
	if execer, ok := c.Conn.(driver.ExecerContext); ok {
		return execer.ExecContext(ctx, text, args)
	}
	return nil, driver.ErrSkip
}

// QueryContext runs a query that stays within the file.
func (c fileConn) QueryContext(
	ctx context.Context, text string, args []driver.NamedValue,
) (driver.Rows, error) {
	if err := within(text); err != nil {
		return nil, err
	}
	if queryer, ok := c.Conn.(driver.QueryerContext); ok {
		return queryer.QueryContext(ctx, text, args)
	}
	return nil, driver.ErrSkip
}

// Prepare prepares a text that stays within the file.
func (c fileConn) Prepare(text string) (driver.Stmt, error) {
	if err := within(text); err != nil {
		return nil, err
	}
	return c.Conn.Prepare(text)
}

// PrepareContext prepares a text that stays within the file.
func (c fileConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	preparer, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return c.Prepare(text)
	}
	if err := within(text); err != nil {
		return nil, err
	}
	return preparer.PrepareContext(ctx, text)
}

// BeginTx begins a transaction.
func (c fileConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if beginner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return beginner.BeginTx(ctx, options)
	}
	if options != (driver.TxOptions{}) {
		return nil, errors.New("gormtenant: the driver knows no options of transactions")
	}
	return c.Begin()
}

// CheckNamedValue lets the driver check an argument.
func (c fileConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// Ping asks the driver.
func (c fileConn) Ping(ctx context.Context) error {
	if pinger, ok := c.Conn.(driver.Pinger); ok {
		return pinger.Ping(ctx)
	}
	return nil
}

// ResetSession lets the driver do what it does.
func (c fileConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.Conn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

// IsValid asks the driver.
func (c fileConn) IsValid() bool {
	validator, ok := c.Conn.(driver.Validator)
	return !ok || validator.IsValid()
}
