package provision

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// Option changes what [NewPostgres] and [NewFiles] return.
type Option interface {
	PostgresOption
	FilesOption
}

// PostgresOption changes what [NewPostgres] returns.
type PostgresOption interface {
	applyPostgres(c *config) error
}

// FilesOption changes what [NewFiles] returns.
type FilesOption interface {
	applyFiles(c *config) error
}

type sharedOption func(c *config) error

func (o sharedOption) applyPostgres(c *config) error { return o(c) }
func (o sharedOption) applyFiles(c *config) error    { return o(c) }

type postgresOption func(c *config) error

func (o postgresOption) applyPostgres(c *config) error { return o(c) }

// config is what the options set.
type config struct {
	migrations  []migrations.Migration
	open        func(dialector gorm.Dialector) (*gorm.DB, error)
	application string
	template    string
}

// Migrations set up a database, as its own role: Provision applies them in a new one, MigrateAll in
// those that exist. Without them a database is empty.
func Migrations(list ...migrations.Migration) Option {
	return sharedOption(func(c *config) error {
		c.migrations = append(c.migrations, list...)
		return migrations.Check(c.migrations)
	})
}

// OpenWith sets how GORM is opened for migrations, for example with the application's naming
// strategy and plugins. Defaults to gorm.Open with a logger that discards. What it opens is closed
// after use.
func OpenWith(open func(dialector gorm.Dialector) (*gorm.DB, error)) Option {
	return sharedOption(func(c *config) error {
		c.open = open
		if open == nil {
			return errors.New("gormtenant: provision.OpenWith(nil): leave it out for the default")
		}
		return nil
	})
}

// Application names the application in the marks that record whose a database is. Use it if several
// applications, or several stages of one, share a server: none touches what another has made.
// Defaults to "". It must stay the same as long as there are databases.
func Application(name string) Option {
	return sharedOption(func(c *config) error {
		c.application = name
		return nil
	})
}

// Template names the database that Postgres copies, for example one with extensions. Defaults to
// "template0". While anyone is connected to it no database can be made.
func Template(name string) PostgresOption {
	return postgresOption(func(c *config) error {
		c.template = name
		if name == "" {
			return errors.New(`gormtenant: provision.Template(""): leave it out for template0`)
		}
		return nil
	})
}

func newConfig() config {
	return config{open: func(dialector gorm.Dialector) (*gorm.DB, error) {
		return gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	}}
}

func (c *config) templateName() string {
	return pgx.Identifier{cmp.Or(c.template, "template0")}.Sanitize()
}

// migrate applies the migrations to what a dialector opens, after prepare.
func (c *config) migrate(
	ctx context.Context, dialector gorm.Dialector,
	prepare func(ctx context.Context, pool *sql.DB) error,
) (applied []string, err error) {
	err = c.with(dialector, func(db *gorm.DB, pool *sql.DB) error {
		if err := prepare(ctx, pool); err != nil {
			return err
		}
		applied, err = migrations.Apply(ctx, db, c.migrations)
		return err
	})
	return applied, err
}

// with calls fn with what a dialector opens, and closes it. Statements that do not concern the
// application's plugins go to the pool.
func (c *config) with(dialector gorm.Dialector, fn func(db *gorm.DB, pool *sql.DB) error) (
	err error,
) {
	db, err := c.open(dialector)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return fn(db, pool)
}
