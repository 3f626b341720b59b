package databases

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SQLite opens files of SQLite in the directory dir, which it makes with the mode 0700: a file for
// each tenant, named after its database and ".db". The driver has to be linked, as by an import of
// github.com/glebarez/sqlite. Anything but a regular file, such as a symlink, is refused.
//
// Each file records whose it is. One that is not the tenant's, whatever the tenant's placement
// says, is [ErrNotOurs]. A file without tables becomes that of the first tenant that needs it.
//
// A text in which a statement reaches past the file fails with gormtenant.ErrRawSQL: ATTACH,
// DETACH, VACUUM INTO, and PRAGMA writable_schema, trusted_schema and those that name a directory.
func SQLite(dir string, options ...SQLiteOption) Opener {
	c, err := configureSQLite(options)
	return oneServer{&files{sqliteConfig: c, dir: dir, err: err}}
}

// files opens files of SQLite.
type files struct {
	sqliteConfig
	dir    string
	driver driver.Driver
	err    error // of an option
}

// check finds the driver and makes the directory.
func (f *files) check() error {
	switch {
	case f.err != nil:
		return f.err
	case f.dir == "":
		return errors.New("gormtenant: databases.SQLite needs a directory")
	case !slices.Contains(sql.Drivers(), f.driverName):
		return fmt.Errorf("gormtenant: databases.SQLite: no driver is registered as %q: "+
			"import one, such as github.com/glebarez/sqlite, or name another with "+
			"databases.SQLiteDriver",
			f.driverName)
	}
	var err error
	if f.dir, err = filepath.Abs(f.dir); err != nil {
		return fmt.Errorf("gormtenant: databases.SQLite: %w", err)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("gormtenant: databases.SQLite: %w", err)
	}
	found, err := sql.Open(f.driverName, ":memory:") // it opens nothing yet
	if err != nil {
		return fmt.Errorf("gormtenant: databases.SQLite: %w", err)
	}
	f.driver = found.Driver()
	return found.Close()
}

// foldsCase returns true: some file systems do, and nothing tells which.
func (f *files) foldsCase() bool { return true }

// Open finds the file of a database.
func (f *files) Open(_ context.Context, database Database) (driver.Connector, error) {
	file := database.Name + ".db"
	if !filepath.IsLocal(file) || strings.ContainsAny(file, `/\:`) {
		return nil, errors.New(
			"gormtenant: the name of the tenant's database is not that of a file")
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if f.create {
		created, err := root.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case err == nil:
			err = created.Close()
		case errors.Is(err, fs.ErrExist):
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	info, err := root.Lstat(file)
	if err := plainFile(info, err); err != nil {
		return nil, err
	}
	path := filepath.ToSlash(filepath.Join(f.dir, file))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...: https://www.sqlite.org/uri.html
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw" +
		strings.Join(f.parameters, "")
	return &fileConnector{
		driver: f.driver, pragmas: f.pragmas, path: filepath.Join(f.dir, file), dsn: dsn,
		info: info, tenant: database.Tenant,
	}, nil
}

// memory returns what opens an empty database that is no tenant's.
func (f *files) memory() (driver.Connector, bool) {
	return &fileConnector{driver: f.driver, dsn: ":memory:"}, true
}
