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

	"github.com/gormtenant/gormtenant/internal/option"
)

// SQLiteOption changes what [SQLite] returns.
type SQLiteOption interface {
	apply(f *files) error
}

type sqliteOption func(f *files) error

func (o sqliteOption) apply(f *files) error { return o(f) }

// SQLiteDriver is the name under which the driver is registered with database/sql. Defaults to "sqlite",
// that of github.com/glebarez/go-sqlite and modernc.org/sqlite; github.com/mattn/go-sqlite3 is "sqlite3".
func SQLiteDriver(name string) SQLiteOption {
	return sqliteOption(func(f *files) error {
		f.driverName = name
		return nil
	})
}

// Pragma sets a PRAGMA on each connection, beside busy_timeout = 5000, journal_mode = WAL, foreign_keys = ON
// and synchronous = NORMAL, or instead of one of them.
func Pragma(name, value string) SQLiteOption {
	return sqliteOption(func(f *files) error {
		same := func(p pragma) bool { return strings.EqualFold(p.name, name) }
		if i := slices.IndexFunc(f.pragmas, same); i >= 0 {
			f.pragmas[i].value = value
		} else {
			f.pragmas = append(f.pragmas, pragma{name, value})
		}
		return nil
	})
}

// Parameter adds a parameter to the name by which the driver opens a file, in the driver's own language.
//
//	databases.Parameter("_txlock", "immediate")     // of the drivers named at SQLiteDriver
//
// makes each transaction begin as a writer, and wait for others. Otherwise it begins as a reader, and where it
// writes after another has written it fails at once with SQLITE_BUSY, whatever busy_timeout says: wanted where
// transactions read before they write, as those of GORM do under tenantplugin.CheckReferences.
func Parameter(name, value string) SQLiteOption {
	return sqliteOption(func(f *files) error {
		f.parameters = append(f.parameters, "&"+url.QueryEscape(name)+"="+url.QueryEscape(value))
		return nil
	})
}

// CreateFiles makes the file of a tenant that has none, with the mode 0600, when it is first needed: whoever
// may name a tenant makes a file. Without it such a tenant's statements fail with [ErrNoDatabase].
func CreateFiles() SQLiteOption {
	return sqliteOption(func(f *files) error {
		f.create = true
		return nil
	})
}

// SQLite opens files of SQLite in the directory dir, which is made with the mode 0700 if it is not there: a
// file for each tenant, named as its database and .db. The driver has to be linked, as by an import of
// github.com/glebarez/sqlite. What is no plain file, such as a link, is not opened.
func SQLite(dir string, options ...SQLiteOption) Opener {
	f := &files{dir: dir, driverName: "sqlite", pragmas: []pragma{
		{"busy_timeout", "5000"}, {"journal_mode", "WAL"}, {"foreign_keys", "ON"}, {"synchronous", "NORMAL"},
	}}
	f.err = option.Apply("databases.SQLite", options, func(o SQLiteOption) error { return o.apply(f) })
	return oneServer{f}
}

type pragma struct{ name, value string }

func (p pragma) String() string { return "PRAGMA " + p.name + " = " + p.value }

// files opens files of SQLite.
type files struct {
	dir, driverName string
	pragmas         []pragma
	parameters      []string
	create          bool
	err             error
	driver          driver.Driver
}

// check finds the driver and makes the directory.
func (f *files) check() error {
	switch {
	case f.err != nil:
		return f.err
	case f.dir == "":
		return errors.New("gormtenant: databases.SQLite needs a directory")
	case !slices.Contains(sql.Drivers(), f.driverName):
		return fmt.Errorf("gormtenant: databases.SQLite: no driver is registered as %q: import one, such as "+
			"github.com/glebarez/sqlite, or name another with databases.SQLiteDriver", f.driverName)
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

// foldsCase is so on some file systems, and nobody can say on which.
func (f *files) foldsCase() bool { return true }

// Open finds the file of a database.
func (f *files) Open(_ context.Context, database Database) (driver.Connector, error) {
	file := database.Name + ".db"
	if !filepath.IsLocal(file) || strings.ContainsAny(file, `/\:`) {
		return nil, errors.New("gormtenant: the name of the tenant's database is not that of a file")
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
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw" + strings.Join(f.parameters, "")
	return &fileConnector{f, filepath.Join(f.dir, file), dsn, info}, nil
}

// plainFile says why something is not the file of a database.
func plainFile(info fs.FileInfo, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoDatabase
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("gormtenant: what has the name of the tenant's database is no plain file")
	}
	return nil
}

// fileConnector opens connections to one file.
type fileConnector struct {
	*files
	path, dsn string
	info      fs.FileInfo // of the file that was there when the pool was opened
}

// gone says whether the file is not there any more, or is another one: on Unix connections that are open go on
// with what nobody else can see.
func (c *fileConnector) gone() bool {
	if c.info == nil {
		return false
	}
	info, err := os.Lstat(c.path)
	return err != nil || !os.SameFile(c.info, info)
}

// Connect opens a connection, to a file that exists. The DSN says nothing of pragmas: there each driver has
// a language of its own.
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
	return conn, nil
}

// Driver returns the driver.
func (c *fileConnector) Driver() driver.Driver { return c.driver }

// execute runs a statement without arguments and results.
func execute(ctx context.Context, conn driver.Conn, text string) error {
	if execer, ok := conn.(driver.ExecerContext); ok {
		if _, err := execer.ExecContext(ctx, text, nil); !errors.Is(err, driver.ErrSkip) {
			return err
		}
	}
	statement, err := conn.Prepare(text)
	if err != nil {
		return err
	}
	_, err = statement.Exec(nil) //nolint:staticcheck // Every driver has it.
	return errors.Join(err, statement.Close())
}

// memory returns what opens an empty database that is no tenant's.
func (f *files) memory() (driver.Connector, bool) {
	return &fileConnector{&files{driver: f.driver}, "", ":memory:", nil}, true
}
