package databases

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

// ProvisionOption changes what a [Provisioner] or [Files] do.
type ProvisionOption interface {
	apply(p *provisioning) error
}

type provisionOption func(p *provisioning) error

func (o provisionOption) apply(p *provisioning) error { return o(p) }

// provisioning is what the options say.
type provisioning struct {
	migrations  []migrations.Migration
	open        func(dialector gorm.Dialector) (*gorm.DB, error)
	application string
	template    string
}

// Migrations are what is done in a new database, as its own role, and what MigrateAll does in those that
// there are. Without them a database is empty.
func Migrations(list ...migrations.Migration) ProvisionOption {
	return provisionOption(func(p *provisioning) error {
		p.migrations = append(p.migrations, list...)
		return nil
	})
}

// OpenWith is how GORM is opened for migrations: with the application's naming strategy and plugins.
// Defaults to gorm.Open with a logger that discards. What it opens is closed after use.
func OpenWith(open func(dialector gorm.Dialector) (*gorm.DB, error)) ProvisionOption {
	return provisionOption(func(p *provisioning) error {
		p.open = open
		if open == nil {
			return errors.New("gormtenant: databases.OpenWith(nil): leave it out for the default")
		}
		return nil
	})
}

// Application names the application in the marks that say whose a database is, where several
// applications, or several stages of one, share a server: what one made another does not touch. Defaults
// to "". It must stay the same for as long as there are databases.
func Application(name string) ProvisionOption {
	return provisionOption(func(p *provisioning) error {
		p.application = name
		return nil
	})
}

// Template is the database of which Postgres makes copies, for one with extensions. Defaults to
// "template0". While anyone is connected to it no database can be made. Files have none.
func Template(name string) ProvisionOption {
	return provisionOption(func(p *provisioning) error {
		p.template = name
		if name == "" {
			return errors.New(`gormtenant: databases.Template(""): leave it out for template0`)
		}
		return nil
	})
}

func newProvisioning(options []ProvisionOption) (provisioning, error) {
	p := provisioning{open: func(dialector gorm.Dialector) (*gorm.DB, error) {
		return gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	}}
	for _, option := range options {
		if option == nil {
			return p, errors.New("gormtenant: an option of databases is nil")
		}
		if err := option.apply(&p); err != nil {
			return p, err
		}
	}
	return p, migrations.Check(p.migrations)
}

func (p *provisioning) templateName() string {
	return pgx.Identifier{cmp.Or(p.template, "template0")}.Sanitize()
}

// migrate applies the migrations to what a dialector opens, after prepare.
func (p *provisioning) migrate(
	ctx context.Context, dialector gorm.Dialector, prepare func(ctx context.Context, pool *sql.DB) error,
) (applied []string, err error) {
	err = p.with(dialector, func(db *gorm.DB, pool *sql.DB) error {
		if err := prepare(ctx, pool); err != nil {
			return err
		}
		applied, err = migrations.Apply(ctx, db, p.migrations)
		return err
	})
	return applied, err
}

// with calls fn with what a dialector opens, and closes it. What is no business of the application's
// plugins goes to the pool.
func (p *provisioning) with(dialector gorm.Dialector, fn func(db *gorm.DB, pool *sql.DB) error) (err error) {
	db, err := p.open(dialector)
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
