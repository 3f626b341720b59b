package pgsession

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
)

// on runs use on a connection of pool, which is kept until release is called. Like database/sql, it
// replaces a connection that was lost before anything was sent.
func on(
	ctx context.Context, pool *sql.DB, use func(conn driver.Conn) error,
) (release func() error, err error) {
	const tries = 3
	for range tries {
		var taken *sql.Conn
		if taken, err = pool.Conn(ctx); err != nil {
			return nil, err
		}
		err = taken.Raw(func(raw any) error {
			conn, ok := raw.(driver.Conn)
			if !ok {
				return fmt.Errorf("gormtenant: %T is no connection", raw)
			}
			return use(conn)
		})
		if err == nil {
			return taken.Close, nil
		}
		if closed := taken.Close(); !errors.Is(err, driver.ErrBadConn) {
			return nil, errors.Join(err, closed)
		}
	}
	return nil, errOtherPool
}

// errOtherPool is not driver.ErrBadConn, for which database/sql would drop the connection of this
// pool.
var errOtherPool = errors.New("gormtenant: no connection of the other pool would work: " +
	"nothing was sent")

func errNoPgx(conn driver.Conn) error {
	return fmt.Errorf("gormtenant: %T is not a connection of pgx", conn)
}

func execOn(
	ctx context.Context, conn driver.Conn, query string, args []driver.NamedValue,
) (driver.Result, error) {
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errNoPgx(conn)
	}
	return execer.ExecContext(ctx, query, args)
}

func queryOn(
	ctx context.Context, conn driver.Conn, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	queryer, ok := conn.(driver.QueryerContext)
	if !ok {
		return nil, errNoPgx(conn)
	}
	return queryer.QueryContext(ctx, query, args)
}

// execIn runs a statement on any connection of pool.
func execIn(
	ctx context.Context, pool *sql.DB, query string, args []driver.NamedValue,
) (result driver.Result, err error) {
	release, err := on(ctx, pool, func(conn driver.Conn) (err error) {
		result, err = execOn(ctx, conn, query, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, release()
}

// queryIn runs a query on any connection of pool, which is given back when its rows are closed.
func queryIn(
	ctx context.Context, pool *sql.DB, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	var found typedRows
	release, err := on(ctx, pool, func(conn driver.Conn) error {
		all, err := queryOn(ctx, conn, query, args)
		if err != nil {
			return err
		}
		var ok bool
		if found, ok = all.(typedRows); !ok {
			return errors.Join(errNoPgx(conn), all.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &rows{typedRows: found, release: release}, nil
}

// typedRows are the rows of pgx.
type typedRows interface {
	driver.Rows
	ColumnTypeDatabaseTypeName(index int) string
	ColumnTypeLength(index int) (int64, bool)
	ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool)
	ColumnTypeScanType(index int) reflect.Type
}

// rows are rows of a connection of another pool.
type rows struct {
	typedRows
	release func() error
}

// Close closes the rows, and gives the connection back.
func (r *rows) Close() error {
	err := r.typedRows.Close()
	if r.release != nil {
		err = errors.Join(err, r.release())
		r.release = nil
	}
	return err
}
