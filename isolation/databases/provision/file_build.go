package provision

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
)

// journals are the suffixes of the files that SQLite keeps beside a database
// (https://www.sqlite.org/tempfiles.html).
var journals = []string{"-journal", "-wal", "-shm"}

// build makes the file under its unfinished name, and renames it.
func (b *fileBuild) build(ctx context.Context) (err error) {
	defer func() { // a migration may panic
		err = errors.Join(err, removeDatabase(b.unfinished))
	}()
	file, err := os.OpenFile(b.unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private.File)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if _, err := b.f.migrate(ctx, b.f.dialector(b.unfinished), b.claim); err != nil {
		return err
	}
	if err := complete(b.unfinished); err != nil {
		return err
	}
	if err := os.Rename(b.unfinished, b.path); err != nil {
		return err
	}
	return private.SyncDir(b.f.dir)
}

// complete syncs a closed database to the disk. It fails if not all of it is in its one file.
func complete(path string) error {
	for _, ending := range journals {
		if info, err := os.Lstat(path + ending); err == nil && info.Size() > 0 && ending != "-shm" {
			return fmt.Errorf(
				"the driver left %s when it was closed: has a migration kept a connection?",
				path+ending)
		}
		if err := removeFile(path + ending); err != nil {
			return err
		}
	}
	//nolint:gosec // in the application's own directory
	file, err := os.OpenFile(path, os.O_RDWR, private.File)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// claim records the tenant as the file's owner.
func (b *fileBuild) claim(ctx context.Context, pool *sql.DB) error {
	_, err := pool.ExecContext(ctx, placemark.MakeTable)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(
		ctx, placemark.InsertOwner, b.d.Tenant, b.f.application)
	return err
}

// check returns ErrNotOurs unless the tenant is recorded as the file's owner.
func (b *fileBuild) check(ctx context.Context, pool *sql.DB) error {
	var claimed bool
	err := pool.QueryRowContext(
		ctx, "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = ?",
		placemark.Table).
		Scan(&claimed)
	var owner mark
	if err == nil && claimed {
		err = pool.QueryRowContext(ctx, "SELECT tenant, application FROM "+placemark.Table).Scan(
			&owner.Tenant, &owner.Application)
	}
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("find out whose %s is: %w", b.path, err)
	case !b.f.owns(owner, b.d):
		return fmt.Errorf("%w: the file %s", ErrNotOurs, b.path)
	}
	return nil
}

// sweep removes what a killed call left. A later database would take journals of an earlier one for
// its own.
func (b *fileBuild) sweep() error {
	if err := errors.Join(removeDatabase(b.unfinished), removeDatabase(b.leaving)); err != nil {
		return err
	}
	if _, err := os.Lstat(b.path); errors.Is(err, fs.ErrNotExist) {
		return removeDatabase(b.path)
	}
	return nil
}

// removeDatabase removes a database's files. The database itself goes last: as long as it exists,
// the rest can be found.
func removeDatabase(path string) error {
	for _, ending := range journals {
		if err := removeFile(path + ending); err != nil {
			return err
		}
	}
	return removeFile(path)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
