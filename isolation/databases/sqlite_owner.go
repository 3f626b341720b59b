package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/gormtenant/gormtenant/internal/placemark"
)

const (
	countTables = "SELECT count(*) FROM sqlite_master"
	countOwners = countTables + " WHERE type = 'table' AND name = '" + placemark.Table + "'"
	readOwners  = "SELECT tenant FROM main." + placemark.Table + " LIMIT 2"
)

// verify returns ErrNotOurs unless the file says that it is the tenant's. A file without tables is
// nobody's: it becomes the tenant's.
func (c *fileConnector) verify(ctx context.Context, conn driver.Conn) error {
	ours, empty, err := c.look(ctx, conn)
	if err == nil && empty {
		ours, err = c.claim(ctx, conn)
	}
	switch {
	case err != nil:
		return fmt.Errorf("gormtenant: reading whose the tenant's file is: %w", err)
	case !ours:
		return ErrNotOurs
	}
	return nil
}

func (c *fileConnector) look(ctx context.Context, conn driver.Conn) (ours, empty bool, err error) {
	marked, err := column(ctx, conn, countOwners)
	if err != nil {
		return false, false, err
	}
	if marked[0] == "0" {
		tables, err := column(ctx, conn, countTables)
		return false, err == nil && tables[0] == "0", err
	}
	owners, err := column(ctx, conn, readOwners)
	return len(owners) == 1 && owners[0] == c.tenant, false, err
}

// claim makes an empty file the tenant's, unless it is somebody's by now.
func (c *fileConnector) claim(ctx context.Context, conn driver.Conn) (ours bool, err error) {
	if err := execute(ctx, conn, "BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, execute(ctx, conn, "ROLLBACK"))
		}
	}()
	ours, empty, err := c.look(ctx, conn)
	if err != nil {
		return false, err
	}
	if empty {
		if err := execute(ctx, conn, placemark.MakeTable); err != nil {
			return false, err
		}
		if err := execute(ctx, conn, placemark.InsertOwner, c.tenant, ""); err != nil {
			return false, err
		}
		ours = true
	}
	return ours, execute(ctx, conn, "COMMIT")
}

// column returns the first column of a query, as text.
func column(ctx context.Context, conn driver.Conn, text string) (values []string, err error) {
	rows, done, err := query(ctx, conn, text)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close(), done()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, err
		}
		if text, ok := row[0].([]byte); ok {
			row[0] = string(text)
		}
		values = append(values, fmt.Sprint(row[0]))
	}
}

// query runs a query without arguments. done is to be called after its rows were closed.
func query(ctx context.Context, conn driver.Conn, text string) (
	rows driver.Rows, done func() error, err error,
) {
	if queryer, ok := conn.(driver.QueryerContext); ok {
		rows, err := queryer.QueryContext(ctx, text, nil)
		if !errors.Is(err, driver.ErrSkip) {
			return rows, func() error { return nil }, err
		}
	}
	statement, err := conn.Prepare(text)
	if err != nil {
		return nil, nil, err
	}
	rows, err = statement.Query(nil) //nolint:staticcheck // Every driver has it.
	if err != nil {
		return nil, nil, errors.Join(err, statement.Close())
	}
	return rows, statement.Close, nil
}
