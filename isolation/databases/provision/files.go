package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// Files makes, migrates and removes tenants' databases that are files of SQLite, for placements
// that name no server. It is safe for concurrent use, by several processes too.
type Files struct {
	config
	dir       string
	dialector func(path string) gorm.Dialector
}

// NewFiles returns the provisioner of the files in a directory. It makes the directory with the
// mode 0700; one that others can enter is refused. dialector opens a file with the driver of the
// application's choice. Its path needs no escaping in a DSN: names and directories with % ? # are
// refused. Files have the mode 0600.
//
//	provision.NewFiles("data", func(path string) gorm.Dialector {
//		return sqlite.Open("file:" + path +
//			"?_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
//	}, provision.Migrations(list...))
func NewFiles(
	dir string, dialector func(path string) gorm.Dialector, options ...FilesOption,
) (*Files, error) {
	if dialector == nil {
		return nil, errors.New("gormtenant: provision.NewFiles needs a function that opens a file")
	}
	c := newConfig()
	err := option.Apply("provision.NewFiles", options, func(o FilesOption) error {
		return o.applyFiles(&c)
	})
	if err != nil {
		return nil, err
	}
	if err = plainInDSN(dir); err == nil {
		dir, err = private.MakeDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("gormtenant: provision.NewFiles: %w", err)
	}
	return &Files{config: c, dir: dir, dialector: dialector}, nil
}

// plainInDSN refuses what means something else in the middle of a DSN that is a URI, where a
// dialector puts the path as it is: "a%2f..%2fb" is another file there, and "a?mode=memory" none.
func plainInDSN(path string) error {
	if strings.ContainsAny(path, "%?#") {
		return errors.New("none of the characters % ? # can be in its path, " +
			"which they would end or change in a DSN")
	}
	return nil
}

// path returns the path of a database's file, whether or not it exists: its name with .db in the
// directory.
func (f *Files) path(d databases.Database) (string, error) {
	if d.Server != "" {
		return "", fmt.Errorf(
			"gormtenant: the database %q is a file, and its placement names a server %q", d.Name,
			d.Server)
	}
	if err := tenantname.CheckName(d.Name); err != nil {
		return "", fmt.Errorf("gormtenant: the file of a database: %w", err)
	}
	if err := plainInDSN(d.Name); err != nil {
		return "", fmt.Errorf("gormtenant: the file of the database %q: %w: "+
			"give the placement another name", d.Name, err)
	}
	return filepath.Join(f.dir, d.Name+".db"), nil
}

// Provision makes the file of the tenant's placement, which must have the level [tenants.Database],
// and applies the [Migrations]. The file is built under another name and renamed when it is
// complete. So it exists whole or not at all, whatever fails or is killed; the same call again
// starts over. If the file exists, Provision applies the pending migrations. Calls for one tenant
// wait for each other. If the file is not the tenant's, the error is [ErrNotOurs].
func (f *Files) Provision(ctx context.Context, t *tenants.Tenant) error {
	return f.locked(ctx, t, "provision", func(b *fileBuild) error {
		ctx := tenants.NewContext(ctx, t)
		exists, err := b.exists()
		if err != nil {
			return err
		}
		if exists {
			_, err := b.f.migrate(ctx, f.dialector(b.path), b.check)
			return err
		}
		return b.build(ctx)
	})
}

// MigrateAll applies the pending [Migrations] to the files of all tenants that lister yields and
// that have one, as [migrations.All] does. Call it again to go on.
func (f *Files) MigrateAll(
	ctx context.Context, lister tenants.Lister, options ...migrations.Option,
) error {
	mine := func(t *tenants.Tenant) bool {
		return t.Placement.Level == tenants.Database && t.Placement.Server == ""
	}
	return migrations.All(
		ctx, only(lister, mine), func(ctx context.Context, t *tenants.Tenant) ([]string, error) {
			d, err := databaseOf(t)
			if err != nil {
				return nil, err
			}
			path, err := f.path(d)
			if err != nil {
				return nil, err
			}
			b := &fileBuild{f: f, d: d, path: path}
			exists, err := b.exists()
			if err != nil {
				return nil, err
			}
			if !exists {
				return nil, databases.ErrNoDatabase // to open it would make it
			}
			return f.migrate(ctx, f.dialector(path), b.check)
		}, options...)
}

// locked removes what killed calls left, and calls fn while nobody else makes or removes the file.
func (f *Files) locked(
	ctx context.Context, t *tenants.Tenant, what string, fn func(b *fileBuild) error,
) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	path, err := f.path(d)
	if err != nil {
		return err
	}
	hidden := func(ending string) string { return filepath.Join(f.dir, "."+d.Name+ending) }
	b := &fileBuild{f: f, d: d, path: path, unfinished: hidden(".new"), leaving: hidden(".old")}
	err = lockedFile(ctx, hidden(".lock"), func() error {
		if err := b.sweep(); err != nil {
			return err
		}
		return fn(b)
	})
	if err != nil {
		return fmt.Errorf("gormtenant: %s the database %q: %w", what, d.Name, err)
	}
	return nil
}

// fileBuild is a file that is being made or removed.
type fileBuild struct {
	f                   *Files
	d                   databases.Database
	path                string
	unfinished, leaving string // the file before it is complete, and when it is to be removed
}

// exists reports whether the file exists. If others can read it, that is an error.
func (b *fileBuild) exists() (bool, error) {
	// Opening it here and closing it again would cancel SQLite's locks on it in this process
	// (https://www.sqlite.org/howtocorrupt.html, section 2.2).
	info, err := os.Lstat(b.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%w: %s is no file", ErrNotOurs, b.path)
	}
	return true, private.Check(b.path, info, private.File)
}
