package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

type pragma struct{ name, value string }

func (p pragma) String() string { return "PRAGMA " + p.name + " = " + p.value }

// fileConnector opens connections to one file.
type fileConnector struct {
	driver    driver.Driver
	pragmas   []pragma
	path, dsn string
	info      fs.FileInfo // of the file that was there when the pool was opened
	tenant    string      // whose it has to be
}

// gone reports whether the file was removed, or replaced by another: on Unix open connections go on
// with a file that nobody else can see.
func (c *fileConnector) gone() bool {
	if c.info == nil {
		return false
	}
	info, err := os.Lstat(c.path)
	return err != nil || !os.SameFile(c.info, info)
}

// Connect opens a connection to a file that exists. Pragmas are not part of the DSN, where each
// driver has a language of its own.
func (c *fileConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.path != "" {
		if err := plainFile(os.Lstat(c.path)); err != nil {
			return nil, err
		}
	}
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	for _, pragma := range c.pragmas {
		if err := execute(ctx, conn, pragma.String()); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", pragma, err), conn.Close())
		}
	}
	if c.path != "" {
		if err := c.verify(ctx, conn); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return fileConn{conn}, nil
}

// Driver returns the driver.
func (c *fileConnector) Driver() driver.Driver { return c.driver }

// execute runs a statement without results. Its arguments are texts.
func execute(ctx context.Context, conn driver.Conn, text string, args ...string) error {
	named, values := make([]driver.NamedValue, len(args)), make([]driver.Value, len(args))
	for i, arg := range args {
		named[i], values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}, arg
	}
	if execer, ok := conn.(driver.ExecerContext); ok {
		if _, err := execer.ExecContext(ctx, text, named); !errors.Is(err, driver.ErrSkip) {
			return err
		}
	}
	statement, err := conn.Prepare(text)
	if err != nil {
		return err
	}
	_, err = statement.Exec(values) //nolint:staticcheck // Every driver has it.
	return errors.Join(err, statement.Close())
}

// plainFile returns why something is not the file of a database.
func plainFile(info fs.FileInfo, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoDatabase
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("gormtenant: the tenant's database is no plain file")
	}
	return nil
}
