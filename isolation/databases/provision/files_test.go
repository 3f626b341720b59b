package provision_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

func openWAL(path string) gorm.Dialector {
	return sqlite.Open(
		"file:" + path +
			"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)")
}

func newFiles(t *testing.T, dir string, options ...provision.FilesOption) *provision.Files {
	t.Helper()
	if len(options) == 0 {
		options = append(options, provision.Migrations(notes))
	}
	f, err := provision.NewFiles(dir, openWAL, options...)
	require.NoError(t, err)
	return f
}

func acmeInFile() *tenants.Tenant {
	return &tenants.Tenant{ID: "acme", Placement: tenants.Placement{Level: tenants.Database}}
}

// inDir returns the names of the files.
func inDir(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// opened opens a tenant's file as pools do.
func opened(t *testing.T, dir string, name string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(openWAL(filepath.Join(dir, name+".db")))
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func TestFiles_make_a_file_of_the_tenants_own(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f := newFiles(t, dir)
	require.NoError(t, f.Provision(t.Context(), acmeInFile()))
	require.Equal(t, []string{"tenant_acme.db"}, inDir(t, dir))
	info, err := os.Stat(filepath.Join(dir, "tenant_acme.db"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	info, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())

	pools := newPools(t, databases.SQLite(dir))
	_, err = pools.ExecContext(as(t, "acme"), "INSERT INTO notes (text) VALUES ('mine')")
	require.NoError(t, err)
	require.NoError(t, f.Provision(t.Context(), acmeInFile())) // again, while it is in use
	n := scan[int](t, pools.QueryRowContext(as(t, "acme"), "SELECT count(*) FROM notes"))
	require.Equal(t, 1, n)
	_, err = pools.ExecContext(as(t, "zeta"), "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNoDatabase)
	require.NoError(t, pools.Close())

	require.ErrorIs(t, f.Deprovision(t.Context(), acmeInFile(), "yes"), provision.ErrNotConfirmed)
	deprovision(t, f, acmeInFile())
	require.Empty(t, inDir(t, dir))
	deprovision(t, f, acmeInFile())
}

func TestFiles_at_once(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var calls errgroup.Group
	for i := range 8 {
		f := newFiles(t, dir)
		calls.Go(func() error { return f.Provision(t.Context(), acmeInFile()) })
		calls.Go(func() error {
			other := acmeInFile()
			other.ID = []string{"b", "c"}[i%2]
			return f.Provision(t.Context(), other)
		})
	}
	require.NoError(t, calls.Wait())
	require.Equal(t, []string{"tenant_acme.db", "tenant_b.db", "tenant_c.db"}, inDir(t, dir))
}

// Nothing is there of what failed, wherever it did.
func TestFiles_that_fail(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	broken := errBroken
	f := newFiles(t, dir, provision.Migrations(notes, failing(&broken)))
	require.ErrorIs(t, f.Provision(t.Context(), acmeInFile()), errBroken)
	require.Empty(t, inDir(t, dir))

	ctx, cancel := context.WithCancel(t.Context())
	stops := newFiles(t, dir, provision.Migrations(migrations.Migration{
		Version: "001", Up: func(_ context.Context, db *gorm.DB) error {
			cancel()
			return db.Exec("CREATE TABLE x (id int)").Error
		},
	}))
	require.ErrorIs(t, stops.Provision(ctx, acmeInFile()), context.Canceled)
	require.Empty(t, inDir(t, dir))
	require.ErrorIs(t, f.Provision(ctx, acmeInFile()), context.Canceled)

	panics := newFiles(t, dir, provision.Migrations(migrations.Migration{
		Version: "001", Up: func(context.Context, *gorm.DB) error { panic(errBroken) },
	}))
	require.PanicsWithValue(t, errBroken, func() {
		_ = panics.Provision(t.Context(), acmeInFile())
	})
	require.Empty(t, inDir(t, dir))

	// A connection that a migration keeps leaves a journal.
	var kept *gorm.DB
	keeps := newFiles(
		t, dir, provision.Migrations(notes),
		provision.OpenWith(func(d gorm.Dialector) (*gorm.DB, error) {
			db, err := gorm.Open(d)
			if err == nil && kept == nil {
				kept = db.Session(&gorm.Session{})
				pool, _ := gorm.Open(d)
				kept = pool
				return db, kept.Exec("SELECT * FROM sqlite_master").Error
			}
			return db, err
		}))
	err := keeps.Provision(t.Context(), acmeInFile())
	pool, poolErr := kept.DB()
	require.NoError(t, poolErr)
	require.NoError(t, pool.Close())
	require.ErrorContains(t, err, "kept a connection")
	require.Empty(t, inDir(t, dir))

	broken = nil
	require.NoError(t, f.Provision(t.Context(), acmeInFile()))
	broken = errBroken
	third := migrations.Migration{
		Version: "003",
		Up:      func(context.Context, *gorm.DB) error { return errBroken },
	}
	again := newFiles(t, dir, provision.Migrations(notes, failing(&broken), third))
	require.ErrorIs(t, again.Provision(t.Context(), acmeInFile()), errBroken)
	require.Equal(t, []string{"tenant_acme.db"}, inDir(t, dir)) // it was there
}

// What a killed process left is no obstacle, and journals of a file that is gone are not those of
// the next.
func TestFiles_after_a_crash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		left []string
	}{
		{"building", []string{
			".tenant_acme.new", ".tenant_acme.new-wal", ".tenant_acme.new-shm",
			".tenant_acme.lock",
		}},
		{"removing", []string{".tenant_acme.old", "tenant_acme.db-wal", "tenant_acme.db-shm"}},
		{"old_journals", []string{"tenant_acme.db-journal", "tenant_acme.db-wal"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			f := newFiles(t, dir)
			for _, act := range []func() error{
				func() error { return f.Provision(t.Context(), acmeInFile()) },
				func() error {
					return f.Deprovision(t.Context(), acmeInFile(), "DELETE_DATABASE_tenant_acme")
				},
			} {
				for _, name := range c.left {
					require.NoError(
						t, os.WriteFile(filepath.Join(dir, name), []byte("left"), 0o600))
				}
				require.NoError(t, act())
				if len(inDir(t, dir)) > 0 {
					require.Equal(t, []string{"tenant_acme.db"}, inDir(t, dir))
					require.NoError(
						t, opened(t, dir, "tenant_acme").Create(&note{Text: "mine"}).Error)
					require.NoError(t, os.RemoveAll(dir))
					require.NoError(t, os.Mkdir(dir, 0o700))
				}
			}
			require.Empty(t, inDir(t, dir))
		})
	}
}

func TestFiles_do_not_touch_what_is_not_the_tenants(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f := newFiles(t, dir)
	path := filepath.Join(dir, "tenant_acme.db")
	outside := filepath.Join(t.TempDir(), "outside")
	for _, test := range []struct {
		name string

		make func() error
		err  error
	}{
		{"empty", func() error { return os.WriteFile(path, nil, 0o600) }, provision.ErrNotOurs},
		{"no_base", func() error { return os.WriteFile(path, make([]byte, 5000), 0o600) }, nil},
		{"link", func() error {
			_ = os.WriteFile(outside, []byte("x"), 0o600)
			return os.Symlink(outside, path)
		}, provision.ErrNotOurs},
		{"directory", func() error { return os.Mkdir(path, 0o700) }, provision.ErrNotOurs},
		{"open_to_all", func() error {
			if err := f.Provision(t.Context(), acmeInFile()); err != nil {
				return err
			}
			return os.Chmod(path, 0o644)
		}, nil},
		{"of_another", func() error {
			zeta := acmeInFile()
			zeta.ID, zeta.Placement.Name = "zeta", "tenant_acme"
			return f.Provision(t.Context(), zeta)
		}, provision.ErrNotOurs},
		{"of_another_application", func() error {
			return newFiles(
				t, dir, provision.Application("other"), provision.Migrations(notes)).Provision(
				t.Context(), acmeInFile())
		}, provision.ErrNotOurs},
	} {
		require.NoError(t, test.make(), test.name)
		for _, err := range []error{
			f.Provision(t.Context(), acmeInFile()),
			f.Deprovision(t.Context(), acmeInFile(), "DELETE_DATABASE_tenant_acme"),
			f.MigrateAll(t.Context(), list{acmeInFile()}),
		} {
			require.Error(t, err, test.name)
			if test.err != nil {
				require.ErrorIs(t, err, test.err, test.name)
			}
		}
		require.Contains(t, inDir(t, dir), "tenant_acme.db", test.name)
		require.NoError(t, os.RemoveAll(path))
		_ = os.Remove(path + "-wal")
		_ = os.Remove(path + "-shm")
	}
	require.FileExists(t, outside)
}

func TestFiles_of_hostile_IDs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f := newFiles(t, dir)
	for _, id := range append(hostileIDs, "acme", "Acme", "a_b", "a-b") {
		tenant := acmeInFile()
		tenant.ID = id
		require.NoError(t, f.Provision(t.Context(), tenant), id)
		defer deprovision(t, f, tenant)
	}
	require.Len(t, inDir(t, dir), len(hostileIDs)+4)
	require.Equal(t, []string{"data"}, inDir(t, filepath.Dir(dir)))
	for _, name := range []string{"../x", "a/b", `a\b`, "..", ".hidden", "a\x00b"} {
		tenant := acmeInFile()
		tenant.Placement.Name = name
		require.Error(t, f.Provision(t.Context(), tenant), name)
	}
	for _, c := range []struct {
		id   string
		want error
	}{
		{"", gormtenant.ErrNoTenant},
		{"a\x00b", gormtenant.ErrInvalidID},
	} {
		tenant := acmeInFile()
		tenant.ID = c.id
		require.ErrorIs(t, f.Provision(t.Context(), tenant), c.want)
	}
	elsewhere := acmeInFile()
	elsewhere.Placement.Server = "mars"
	require.ErrorContains(t, f.Provision(t.Context(), elsewhere), `names a server "mars"`)
}

func TestNewFiles_refuses(t *testing.T) {
	t.Parallel()
	wide := t.TempDir()
	require.NoError(t, os.Chmod(wide, 0o755))
	dir := filepath.Join(t.TempDir(), "data")
	for _, refused := range []struct {
		text string
		make func() (*provision.Files, error)
	}{
		{"make it 0700", func() (
			*provision.Files, error,
		) {
			return provision.NewFiles(wide, openWAL)
		}},
		{"a function", func() (*provision.Files, error) { return provision.NewFiles(dir, nil) }},
		{"option 1 is nil", func() (
			*provision.Files, error,
		) {
			return provision.NewFiles(dir, openWAL, nil)
		}},
		{"leave it out", func() (*provision.Files, error) {
			return provision.NewFiles(dir, openWAL, provision.OpenWith(nil))
		}},
		{"of a directory", func() (
			*provision.Files, error,
		) {
			return provision.NewFiles("", openWAL)
		}},
		{"has no version", func() (*provision.Files, error) {
			return provision.NewFiles(dir, openWAL, provision.Migrations(migrations.Migration{}))
		}},
	} {
		f, err := refused.make()
		require.ErrorContains(t, err, refused.text)
		require.Nil(t, f)
	}
}

// A name that would mean another path, or none, in the DSN of a dialector is refused.
func TestFiles_refuse_what_a_DSN_reads_differently(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f := newFiles(t, dir)
	for _, name := range []string{"a%2e", "%2e%2e%2fzeta", "zeta.db?x=", "a#b"} {
		acme := acmeInFile()
		acme.Placement.Name = name
		require.ErrorContains(t, f.Provision(t.Context(), acme), "% ? #", name)
		require.Empty(t, inDir(t, dir), name)
	}
	_, err := provision.NewFiles(filepath.Join(dir, "a?b"), openWAL)
	require.ErrorContains(t, err, "% ? #")
}
