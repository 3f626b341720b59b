package service

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/example/saas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// database is where the service keeps everything.
type database struct {
	rows      *sql.DB         // the shared tables, as the application
	owner     *sql.DB         // the same, as their owner
	db        *gorm.DB        // with the plugins, over the places of all tenants
	store     *store.Store    // the directory as it is
	directory *tenants.Cache  // the directory as requests see it
	listen    *pgx.ConnConfig // where changes of tenants are heard; nil on SQLite
	levels    *levels
	closers   []func() error // in the order in which they were opened
}

// opened is called with what has been opened, for close.
func (d *database) opened(closers ...func() error) { d.closers = append(d.closers, closers...) }

func (d *database) close() error {
	var errs []error
	for _, closer := range slices.Backward(d.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// open opens Postgres or SQLite, with all tables made. Before it returns it calls first, which no
// other process does at the same time.
func open(
	ctx context.Context, config Config, first func(d *database) error,
) (*database, error) {
	if config.DatabaseURL != "" {
		return openPostgres(ctx, config.DatabaseURL, config.Log, first)
	}
	return openSQLite(ctx, config.DataDir, config.Log, first)
}

// withPlugins opens a pool with GORM and all that makes the service multi-tenant.
func withPlugins(
	dialector gorm.Dialector, log *slog.Logger, options ...tenantplugin.Option,
) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger:         logger.Discard, // each request logs its own error, once
		TranslateError: true,           // to gorm.ErrDuplicatedKey
	})
	if err != nil {
		return nil, err
	}
	err = db.Use(tenantplugin.New(append(options,
		tenantplugin.Models(tenantModels()...),
		tenantplugin.CheckReferences(), // for plain foreign keys, such as Task.ProjectID
		tenantplugin.OnUnscoped(audit(log)),
	)...))
	if err != nil {
		return nil, err
	}
	return db, db.Use(quota.New(
		quota.Limit(&saas.Project{}, tenants.Projects),
		quota.Limit(&saas.User{}, tenants.Users),
	))
}

// migrate makes the tables where they are missing.
func migrate(ctx context.Context, db *gorm.DB) error {
	directory, err := store.New(db)
	if err != nil {
		return err
	}
	db = db.WithContext(ctx)
	return errors.Join(directory.Migrate(ctx), db.AutoMigrate(tenantModels()...), quota.Migrate(db))
}

// openSQLite opens a database in a directory, or in a new one, which goes when the database is
// closed.
func openSQLite(
	ctx context.Context, dir string, log *slog.Logger, first func(d *database) error,
) (_ *database, err error) {
	d := &database{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if dir, err = d.claim(ctx, dir); err != nil {
		return nil, err
	}
	if d.rows, err = d.openFile(filepath.Join(dir, "saas.db")); err != nil {
		return nil, err
	}
	// SQLite's writers wait by asking again and again: let few do so, and queue the rest.
	d.rows.SetMaxOpenConns(4)
	if d.owner, err = d.openFile(filepath.Join(dir, "saas.db")); err != nil {
		return nil, err
	}
	// Whoever waits for the directory may have one of the others.
	entries, err := d.openFile(filepath.Join(dir, "saas.db"))
	if err != nil {
		return nil, err
	}
	entries.SetMaxOpenConns(2)
	dialector := func(pool gorm.ConnPool) gorm.Dialector { return &sqlite.Dialector{Conn: pool} }
	tables, err := withPlugins(dialector(d.owner), log)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, tables); err != nil {
		return nil, err
	}
	own, err := d.files(filepath.Join(dir, "tenants"))
	if err != nil {
		return nil, err
	}
	if err := d.unite(log, dialector, entries, own); err != nil {
		return nil, err
	}
	return d, first(d)
}

// dsn is how a file of SQLite is opened. Readers do not wait for the one writer in WAL mode.
// Writers wait for each other: a transaction that began as a reader could not become one after
// another has written, so that each begins as a writer.
func dsn(path string) string {
	return "file:" + filepath.ToSlash(path) +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=foreign_keys(1)&_txlock=immediate"
}

func (d *database) openFile(path string) (*sql.DB, error) {
	pool, err := sql.Open(sqlite.DriverName, dsn(path))
	if err == nil {
		d.opened(pool.Close)
	}
	return pool, err
}
