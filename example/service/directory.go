package service

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
)

// temporary begins the name of a directory that goes with the server.
const temporary = "gormtenant-example-"

// claim makes dir the database's own, or a new directory, which goes with it. Servers that were
// killed may have left theirs: those go too.
func (d *database) claim(ctx context.Context, dir string) (string, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		unlock, err := lock(ctx, dir)
		if err != nil {
			return "", fmt.Errorf("another server has the directory %s: %w", dir, err)
		}
		d.opened(unlock)
		return dir, nil
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), temporary+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		if unlock, err := lock(ctx, dir); err == nil {
			_ = errors.Join(unlock(), os.RemoveAll(dir)) // what cannot be removed stays
		}
	}
	// Another that starts may take it for one that was left, before it is locked.
	for range 10 {
		dir, err = os.MkdirTemp("", temporary)
		if err != nil {
			return "", err
		}
		unlock, err := lock(ctx, dir)
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, lockFile)); err == nil {
			d.opened(func() error { return os.RemoveAll(dir) }, unlock)
			return dir, nil
		}
		_ = unlock()
	}
	return "", errors.New("no temporary directory stays: give -data DIR")
}

const lockFile = "lock.db"

// lock locks a directory until unlock, or until the process ends, however it does. The lock is that
// of a database of SQLite, which works on every system.
func lock(ctx context.Context, dir string) (unlock func() error, err error) {
	pool, err := sql.Open(sqlite.DriverName, "file:"+
		filepath.ToSlash(filepath.Join(dir, lockFile))+"?_pragma=busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // which would roll the transaction back
	conn, err := pool.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return func() error { return errors.Join(conn.Close(), pool.Close()) }, nil
}
