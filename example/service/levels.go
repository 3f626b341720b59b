package service

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// placeMigrations are what is done in the schema or the database of a tenant.
func placeMigrations() []migrations.Migration {
	return []migrations.Migration{migrations.Models("0001", protected()...)}
}

// ownPlaces are what tenants can have of their own. The zero value is nothing.
type ownPlaces struct {
	name        func(level tenants.Level, id string) string // nil for the default names
	schemas     *sql.DB
	schemaLife  *schemas.Provisioner
	databases   *databases.Pools
	provisioner provisioner
}

// provisioner is a provision.Postgres, or provision.Files.
type provisioner interface {
	isolation.Provisioner
	MigrateAll(ctx context.Context, lister tenants.Lister, options ...migrations.Option) error
}

// files are the databases of tenants on SQLite.
func (d *database) files(dir string) (own ownPlaces, err error) {
	own.provisioner, err = provision.NewFiles(dir,
		func(path string) gorm.Dialector { return sqlite.Open(dsn(path)) },
		provision.Migrations(placeMigrations()...))
	if err != nil {
		return own, err
	}
	own.databases, err = databases.NewPools(databases.SQLite(dir,
		// see dsn.
		databases.Pragma("busy_timeout", "10000"), databases.Parameter("_txlock", "immediate")))
	if err == nil {
		d.opened(own.databases.Close)
	}
	return own, err
}

// unite puts the application on top of the shared tables and of what tenants have of their own.
// entries is where the directory of tenants is.
func (d *database) unite(
	log *slog.Logger, dialector func(pool gorm.ConnPool) gorm.Dialector, entries *sql.DB,
	own ownPlaces, options ...tenantplugin.Option,
) error {
	plain := func(pool *sql.DB) (*gorm.DB, error) {
		return gorm.Open(dialector(pool),
			&gorm.Config{Logger: logger.Discard, TranslateError: true})
	}
	directory, err := plain(entries)
	if err != nil {
		return err
	}
	if d.store, err = store.New(directory); err != nil {
		return err
	}
	d.directory = tenants.Cached(d.store)
	owner, err := plain(d.owner)
	if err != nil {
		return err
	}
	if d.levels, err = newLevels(d.store, d.directory, owner, own); err != nil {
		return err
	}
	router, err := isolation.NewRouter(d.directory, d.rows, own.routes()...)
	if err != nil {
		return err
	}
	d.opened(router.Close)
	d.db, err = withPlugins(dialector(router), log, options...)
	return err
}

func (own ownPlaces) routes() (options []isolation.Option) {
	if own.schemas != nil {
		options = append(options, isolation.Schemas(own.schemas))
	}
	if own.databases != nil {
		options = append(options, isolation.Databases(own.databases))
	}
	return options
}

// levels are the levels of isolation that there are, and what takes tenants from one to the other.
type levels struct {
	own   ownPlaces
	names []tenants.Level
	all   *isolation.Tenants
	mover *isolation.Mover // of all; nil if there is one level only
	store *store.Store
}

func newLevels(
	directory *store.Store, cache *tenants.Cache, owner *gorm.DB, own ownPlaces,
) (l *levels, err error) {
	l = &levels{own: own, names: []tenants.Level{tenants.Rows}, store: directory}
	options := []isolation.MoverOption{
		isolation.SharedTables(owner), isolation.Forget(cache), isolation.Progress(nil),
	}
	if own.schemas != nil {
		l.names, options = append(l.names, tenants.Schema),
			append(options, isolation.OwnSchemas(own.schemaLife))
	}
	if own.databases != nil {
		l.names, options = append(l.names, tenants.Database),
			append(options, isolation.OwnDatabases(own.provisioner))
	}
	if l.all, err = isolation.NewTenants(directory, protected(), options...); err != nil {
		return nil, err
	}
	if len(l.names) > 1 {
		l.mover = l.all.Mover
	}
	return l, nil
}

// migrate brings what tenants have of their own to the version of this program. That one of them
// fails is no reason not to serve the others.
func (l *levels) migrate(ctx context.Context, lister tenants.Lister, log *slog.Logger) {
	var errs []error
	if l.own.schemas != nil {
		errs = append(errs, l.own.schemaLife.MigrateAll(ctx, migrations.Progress(nil)))
	}
	if l.own.databases != nil {
		errs = append(errs, l.own.provisioner.MigrateAll(ctx, lister, migrations.Progress(nil)))
	}
	if err := errors.Join(errs...); err != nil {
		log.ErrorContext(ctx, "migrating what tenants have of their own", "error", err)
	}
}

// check reports whether tenants can be at a level.
func (l *levels) check(level tenants.Level) error {
	if slices.Contains(l.names, level) {
		return nil
	}
	texts := make([]string, len(l.names))
	for i, name := range l.names {
		texts[i] = string(name)
	}
	return badRequest(fmt.Sprintf(`"level" is not one that is offered here: %s.`,
		strings.Join(texts, ", ")))
}

// move moves a tenant.
func (l *levels) move(
	ctx context.Context, id string, level tenants.Level,
) (isolation.Report, error) {
	if err := l.check(level); err != nil || l.mover == nil {
		return isolation.Report{}, err
	}
	return l.mover.Move(ctx, id, l.placement(level, id))
}

// placement is where a tenant is at a level.
func (l *levels) placement(level tenants.Level, id string) tenants.Placement {
	to := tenants.Placement{Level: level}
	if l.own.name != nil && level != tenants.Rows {
		to.Name = l.own.name(level, id)
	}
	return to
}

// grace is for how long others may still read at a place that the tenant has left.
const grace = 300 * time.Millisecond

// removeLeft removes all that a tenant has left where it was, and returns the levels.
func (l *levels) removeLeft(ctx context.Context, id string) (removed []tenants.Level, err error) {
	t, err := l.store.Lookup(ctx, id)
	if err != nil || len(t.Left) == 0 {
		return nil, err
	}
	select {
	case <-time.After(grace):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, left := range t.Left {
		confirmation, err := l.mover.Confirmation(ctx, id, left)
		if err != nil {
			return removed, err
		}
		if err := l.remove(ctx, id, left, confirmation); err != nil {
			return removed, err
		}
		removed = append(removed, left.Normal().Level)
	}
	return removed, nil
}

// remove removes what a tenant has left at one place.
func (l *levels) remove(
	ctx context.Context, id string, left tenants.Placement, confirmed string,
) error {
	if l.mover == nil {
		return l.check(left.Normal().Level)
	}
	return l.mover.Remove(ctx, id, left, confirmed)
}
