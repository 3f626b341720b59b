package rls

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// DefaultSetting is the name of the run-time parameter that holds the tenant, unless [Setting]
// gives another.
const DefaultSetting = "app.tenant_id"

// Option changes what [Open], [NewConnector], and the functions about policies do.
type Option interface {
	apply(c *config) error
}

type setter func(c *config) error

func (o setter) apply(c *config) error { return o(c) }

// config collects the options.
type config struct {
	setting string
	admin   *pgx.ConnConfig
	citus   bool
	zones   bool
	// temporary is the right to make temporary tables, which Check passes over.
	temporary bool
}

// Setting names the run-time parameter that holds the tenant. The name has two parts. Defaults to
// "app.tenant_id". The policies contain the name, so pass the same to [Enable].
func Setting(name string) Option {
	return setter(func(c *config) error {
		if !pgsession.IsCustom(name) {
			return fmt.Errorf("gormtenant: rls.Setting(%q): the name needs two parts of letters, "+
				"digits and _, as in %q",
				name, DefaultSetting)
		}
		c.setting = name
		return nil
	})
}

// Admin sets the server and the role for statements under gormtenant.Unscoped: a role with
// BYPASSRLS, on a pool of its own, so that no statement of a tenant can get its rights. Without
// Admin such statements fail with gormtenant.ErrUnscopedDenied. It is for connections: Enable,
// Statements and Disable refuse it.
func Admin(admin *pgx.ConnConfig) Option {
	return setter(func(c *config) error {
		if admin == nil {
			return fmt.Errorf("gormtenant: rls.Admin needs a configuration, " +
				"as pgx.ParseConfig returns it")
		}
		c.admin = admin.Copy()
		return nil
	})
}

// AllowTemporaryTables makes [Check] pass over the right to make temporary tables, for databases
// where it cannot be revoked. A function of the application that makes one can leave it on a
// connection, where another tenant's statements meet it. It changes nothing else.
func AllowTemporaryTables() Option {
	return setter(func(c *config) error {
		c.temporary = true
		return nil
	})
}

func configure(function string, options []Option) (config, error) {
	c := config{setting: DefaultSetting}
	err := option.Apply(function, options, func(o Option) error { return o.apply(&c) })
	return c, err
}

// Open returns a dialector for gorm.Open, as postgres.Open does, on a pool of [NewConnector]:
//
//	db, err := gorm.Open(rls.Open(dsn), &gorm.Config{})
//
// gorm.Open returns the error of a DSN or an option that is invalid.
func Open(dsn string, options ...Option) gorm.Dialector {
	parsed, err := pgx.ParseConfig(dsn)
	if err != nil {
		return pgsession.Dialector(pgsession.Broken(fmt.Errorf("gormtenant: rls.Open: %w", err)))
	}
	return pgsession.Dialector(NewConnector(parsed, append([]Option{inZones}, options...)...))
}

// NewConnector returns a connector for sql.OpenDB. The statements of its pool run as the tenant of
// their context, whoever sends them: GORM, sqlc, or code on database/sql. config is copied.
//
// The first connection returns the error of an option that is invalid. Closing the pool closes the
// one of Admin too.
func NewConnector(config *pgx.ConnConfig, options ...Option) driver.Connector {
	c, err := configure("rls.NewConnector", options)
	if err == nil && config == nil {
		err = fmt.Errorf("gormtenant: rls.NewConnector needs a configuration, " +
			"as pgx.ParseConfig returns it")
	}
	if err == nil {
		err = c.checkMode(config)
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
		connector.ExplicitTx = true
		connector.SetParameter(citusPropagates, "local")
	}
	return connector
}

// router gives each statement the tenant of its context.
type router struct {
	setting string
	admin   *sql.DB // nil without Admin
}

// AppendSettings appends the tenant, "" without one: the policies then let nothing through.
func (r *router) AppendSettings(
	ctx context.Context, settings []pgsession.Setting,
) ([]pgsession.Setting, error) {
	var value string
	if id, ok := gormtenant.FromContext(ctx); ok {
		var err error
		if value, err = tenantname.TextOf(id); err != nil {
			return nil, err
		}
	}
	return append(settings, pgsession.Setting{Name: r.setting, Value: value}), nil
}

// OtherPool returns the pool of Admin for statements under Unscoped.
func (r *router) OtherPool(ctx context.Context) (*sql.DB, error) {
	_, unscoped, err := gormtenant.UnscopedReason(ctx)
	switch {
	case err != nil:
		return nil, err
	case !unscoped:
		return nil, nil
	case r.admin == nil:
		return nil, fmt.Errorf("%w: open the database with rls.Admin, a role with BYPASSRLS",
			gormtenant.ErrUnscopedDenied)
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
