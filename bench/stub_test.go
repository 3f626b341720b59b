package bench_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"strings"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// stub is a server that is not there: it takes every statement, and answers a query with projects.
// What is left to measure is GORM, the plugin and database/sql.
type stub struct {
	rows int // in the answer to the next queries
}

func (s *stub) Connect(context.Context) (driver.Conn, error) { return stubConn{s}, nil }
func (s *stub) Driver() driver.Driver                        { return nil }

type stubConn struct{ of *stub }

func (stubConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (stubConn) Close() error                        { return nil }
func (c stubConn) Begin() (driver.Tx, error)         { return c, nil }
func (stubConn) Commit() error                       { return nil }
func (stubConn) Rollback() error                     { return nil }

func (stubConn) ExecContext(
	context.Context, string, []driver.NamedValue,
) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

func (c stubConn) QueryContext(
	_ context.Context, text string, _ []driver.NamedValue,
) (driver.Rows, error) {
	columns := []string{"id", "tenant_id", "name", "budget", "owner_id"}
	if !strings.HasPrefix(text, "SELECT *") { // Count, Pluck, RETURNING
		columns = columns[:1]
	}
	return &stubRows{columns: columns, left: c.of.rows}, nil
}

type stubRows struct {
	columns []string
	left    int
}

func (r *stubRows) Columns() []string { return r.columns }
func (*stubRows) Close() error        { return nil }

func (r *stubRows) Next(into []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	for i, name := range r.columns {
		switch name {
		case "tenant_id", "name":
			into[i] = tenant
		default:
			into[i] = int64(firstProject)
		}
	}
	return nil
}

// openStub opens a database on a stub.
func openStub(t testing.TB) (database, *stub) {
	t.Helper()
	s := &stub{rows: 1}
	pool := sql.OpenDB(s)
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	return open(t, func() gorm.Dialector { return postgres.New(postgres.Config{Conn: pool}) },
		gorm.Config{}), s
}
