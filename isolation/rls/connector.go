package rls

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/place"
)

// DefaultSetting is the run-time parameter of the server that holds the tenant.
const DefaultSetting = "app.tenant_id"

// Option changes what [Open], [NewConnector], and the functions about policies do.
type Option interface {
	apply(c *config) error
}

type option func(c *config) error

func (o option) apply(c *config) error { return o(c) }

// config is what the options say.
type config struct {
	setting string
	admin   *pgx.ConnConfig
	citus   bool
	zones   bool
}

// Setting names the run-time parameter that holds the tenant. It has two parts, as in "app.tenant_id",
// which is the default. The policies name it, so Enable has to be given the same.
func Setting(name string) Option {
	return option(func(c *config) error {
		if !pgsession.IsCustom(name) {
			return fmt.Errorf("gormtenant: rls.Setting(%q): the name needs two parts of letters, digits and _, as in %q",
				name, DefaultSetting)
		}
		c.setting = name
		return nil
	})
}

// Admin gives the server and the role on which statements under gormtenant.Unscoped run: a role with
// BYPASSRLS, on a pool of its own, so that no statement of a tenant can come by its rights. Without it
// such statements fail with gormtenant.ErrUnscopedDenied.
func Admin(admin *pgx.ConnConfig) Option {
	return option(func(c *config) error {
		if admin == nil {
			return fmt.Errorf("gormtenant: rls.Admin needs a configuration, as pgx.ParseConfig returns it")
		}
		c.admin = admin.Copy()
		return nil
	})
}

func configure(options []Option) (config, error) {
	c := config{setting: DefaultSetting}
	for _, o := range options {
		if err := o.apply(&c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Open returns a dialector for gorm.Open, as postgres.Open does, on a pool of [NewConnector]:
//
//	db, err := gorm.Open(rls.Open(dsn), &gorm.Config{})
//
// A DSN or an option that makes no sense is reported by gorm.Open.
func Open(dsn string, options ...Option) gorm.Dialector {
	parsed, err := pgx.ParseConfig(dsn)
	if err != nil {
		return pgsession.Dialector(pgsession.Broken(fmt.Errorf("gormtenant: rls.Open: %w", err)))
	}
	return pgsession.Dialector(NewConnector(parsed, append([]Option{inZones}, options...)...))
}

// NewConnector returns a connector for sql.OpenDB. The statements of its pool run as the tenant of
// their context, whoever sends them: GORM, sqlc, database/sql by hand. config is copied.
//
// An option that makes no sense is reported by the first connection. Closing the pool closes the one
// of Admin too.
func NewConnector(config *pgx.ConnConfig, options ...Option) driver.Connector {
	c, err := configure(options)
	if err == nil && config == nil {
		err = fmt.Errorf("gormtenant: rls.NewConnector needs a configuration, as pgx.ParseConfig returns it")
	}
	if err != nil {
		return pgsession.Broken(err)
	}
	prepare, err := c.prepare(config)
	if err != nil {
		return pgsession.Broken(err)
	}
	admin, err := c.openAdmin()
	if err != nil {
		return pgsession.Broken(err)
	}
	connector := pgsession.NewConnector(config, &router{setting: c.setting, admin: admin})
	connector.AfterConnect = prepare
	if c.citus {
		connector.Written = true
		connector.SetParameter(citusPropagates, "local")
	}
	return connector
}

// router gives each statement the tenant of its context.
type router struct {
	setting string
	admin   *sql.DB // nil if there is none
}

// AppendSettings appends the tenant, empty where there is none: then the policies let nothing through.
func (r *router) AppendSettings(ctx context.Context, settings []pgsession.Setting) ([]pgsession.Setting, error) {
	var value string
	if id, ok := gormtenant.FromContext(ctx); ok {
		var err error
		if value, err = place.TextOf(id); err != nil {
			return nil, err
		}
	}
	return append(settings, pgsession.Setting{Name: r.setting, Value: value}), nil
}

// Elsewhere returns the pool of Admin for statements under Unscoped.
func (r *router) Elsewhere(ctx context.Context) (*sql.DB, error) {
	_, unscoped, err := gormtenant.UnscopedReason(ctx)
	switch {
	case err != nil:
		return nil, err
	case !unscoped:
		return nil, nil
	case r.admin == nil:
		return nil, fmt.Errorf("%w: open the database with rls.Admin, a role with BYPASSRLS", gormtenant.ErrUnscopedDenied)
	}
	return r.admin, nil
}

// Close closes the pool of Admin.
func (r *router) Close() error {
	if r.admin == nil {
		return nil
	}
	return r.admin.Close()
}
