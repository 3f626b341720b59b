package main

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// check marks a lookup of the plugin.
const check = "/* check */"

// recorder keeps the SQL that one step sent, and what the plugin reported meanwhile.
type recorder struct {
	explain func(query string, args ...any) string // writes arguments into the text
	lines   []string
}

// take returns the lines since the last call of take.
func (r *recorder) take() []string {
	lines := r.lines
	r.lines = nil
	return lines
}

// unscoped is called by the plugin for each statement that crosses tenants. A real application
// writes the event to its audit log.
func (r *recorder) unscoped(_ context.Context, e tenantplugin.UnscopedEvent) {
	r.lines = append(r.lines,
		fmt.Sprintf("-- audit log: %s %s across tenants: %q", e.Operation, e.Table, e.Reason))
}

// recordedConn is what GORM sends its statements to. A logger of GORM's would not tell the truth:
// it is also called for statements that were built but never sent, for nested statements before
// those around them, and not for the lookups of the plugin.
type recordedConn struct {
	gorm.ConnPool
	recorder *recorder
}

func (c recordedConn) record(query string, args []any) {
	c.recorder.lines = append(c.recorder.lines, c.recorder.explain(query, args...))
}

func (c recordedConn) ExecContext(
	ctx context.Context, query string, args ...any,
) (sql.Result, error) {
	c.record(query, args)
	return c.ConnPool.ExecContext(ctx, query, args...)
}

func (c recordedConn) QueryContext(
	ctx context.Context, query string, args ...any,
) (*sql.Rows, error) {
	c.record(query, args)
	return c.ConnPool.QueryContext(ctx, query, args...)
}

// QueryRowContext is how the plugin looks up whose a row is. None of the tour's own calls use it.
func (c recordedConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.record(check+" "+query, args)
	return c.ConnPool.QueryRowContext(ctx, query, args...)
}

// recordedPool is the connection pool that GORM is given.
type recordedPool struct {
	recordedConn
	pool *sql.DB
}

// recordedTx is a transaction. GORM puts one around each call that writes, and rolls it back where
// the call fails. BEGIN, COMMIT and ROLLBACK are not recorded.
type recordedTx struct {
	recordedConn
	gorm.TxCommitter
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p *recordedPool) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.pool.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &recordedTx{recordedConn{tx, p.recorder}, tx}, nil
}

// GetDBConn implements gorm.GetDBConnector, for db.DB. What is sent there is not recorded.
//
//nolint:unparam // The interface has the error.
func (p *recordedPool) GetDBConn() (*sql.DB, error) { return p.pool, nil }
