package migrations

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/savepoint"
)

// unprepared returns the transaction of tx without prepared statements: neither those of
// gorm.Config's PrepareStmt, nor those that pgx keeps. A statement that was prepared before a
// column was added, or in the schema of another tenant, fails with 0A000, cached plan must not
// change result type.
func unprepared(tx *gorm.DB) savepoint.Tx {
	pool := tx.Statement.ConnPool
	if prepared, ok := pool.(*gorm.PreparedStmtTX); ok {
		pool = prepared.Tx
	}
	if db, err := tx.DB(); err == nil && db.Driver() == stdlib.GetDefaultDriver() {
		return uncached{pool}
	}
	return pool
}

// uncached makes pgx prepare each query anew.
type uncached struct{ savepoint.Tx }

// ExecContext executes a statement. A text without arguments is not prepared, and may hold several
// statements.
func (u uncached) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if len(args) > 0 {
		args = withMode(args)
	}
	return u.Tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (u uncached) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return u.Tx.QueryContext(ctx, query, withMode(args)...)
}

// withMode adds pgx's mode, unless the caller gave one.
func withMode(args []any) []any {
	if len(args) > 0 {
		if _, ok := args[0].(pgx.QueryExecMode); ok {
			return args
		}
	}
	return append([]any{pgx.QueryExecModeDescribeExec}, args...)
}
