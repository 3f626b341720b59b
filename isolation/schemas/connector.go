package schemas

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Open returns a dialector for gorm.Open, as postgres.Open does, on a pool of [NewConnector]:
//
//	db, err := gorm.Open(schemas.Open(dsn, schemas.Roles()), &gorm.Config{})
//
// gorm.Open reports a DSN or an option that makes no sense.
func Open(dsn string, options ...ConnectorOption) gorm.Dialector {
	parsed, err := pgx.ParseConfig(dsn)
	if err != nil {
		return pgsession.Dialector(
			pgsession.Broken(fmt.Errorf("gormtenant: schemas.Open: %w", err)))
	}
	return pgsession.Dialector(NewConnector(parsed, append(slices.Clip(options), inZones)...))
}

// NewConnector returns a connector for sql.OpenDB. The statements of its pool run in the schema of
// their context's tenant, whoever sends them: GORM, sqlc, database/sql by hand. config is copied.
//
// The first connection reports an option that makes no sense.
//
// Before the first statement of a tenant in a schema, and once a minute from then on, the pool
// reads the schema's comment, at the price of one round trip. One that is not marked as the
// tenant's, whatever the tenant's placement says, is [ErrNotOurs]. [Provisioner.Provision] writes
// the mark, and [Provisioner.Adopt] does for a schema that others made; by hand it is
//
//	COMMENT ON SCHEMA "tenant_acme" IS 'gormtenant:acme';
func NewConnector(config *pgx.ConnConfig, options ...ConnectorOption) driver.Connector {
	c, err := configureConnector(options)
	if err == nil && config == nil {
		err = errors.New(
			"gormtenant: schemas.NewConnector needs a configuration, as pgx.ParseConfig returns it")
	}
	if err != nil {
		return pgsession.Broken(err)
	}
	connector := pgsession.NewConnector(config, newRouter(c))
	connector.Names = true
	if c.zones {
		if connector.AfterConnect, err = pgsession.ReadIn(config); err != nil {
			return pgsession.Broken(err)
		}
	}
	return connector
}

// router gives each statement the schema of its tenant.
type router struct {
	connectorConfig
	// the path of statements under Unscoped, and what comes behind a tenant's schema
	across pgsession.Setting
	none   pgsession.Setting // that of statements without a tenant
	places places
}

func newRouter(c connectorConfig) *router {
	return &router{
		connectorConfig: c,
		across:          pathSetting(pathOf(c.shared, temporary), markOf(c.shared)),
		none:            pathSetting(noSchema, noMark),
		places:          newPlaces(),
	}
}

func pathSetting(path, mark string) pgsession.Setting {
	return pgsession.Setting{Name: "search_path", Value: path, Identifiers: true, Mark: mark}
}

// AppendSettings appends the path, the role, and the tenant.
func (r *router) AppendSettings(ctx context.Context, settings []pgsession.Setting) (
	[]pgsession.Setting, error,
) {
	path, role, tenant, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	settings = append(settings, path)
	if r.roles {
		settings = append(settings, pgsession.Setting{Name: "role", Value: role})
	}
	if r.setting != "" {
		settings = append(settings, pgsession.Setting{Name: r.setting, Value: tenant})
	}
	return settings, nil
}

func (r *router) settings(ctx context.Context) (
	path pgsession.Setting, role, tenant string, err error,
) {
	_, unscoped, err := gormtenant.UnscopedReason(ctx)
	switch {
	case err != nil:
		return path, "", "", err
	case unscoped:
		return r.across, noRole, "", nil
	}
	id, ok := gormtenant.FromContext(ctx)
	if !ok {
		return r.none, noRole, "", nil
	}
	text, err := tenantname.TextOf(id)
	if err != nil {
		return path, "", "", err
	}
	schema, err := r.nameOf(ctx, text)
	if err != nil {
		return path, "", "", err
	}
	return pathSetting(pathOf(schema, r.across.Value), markOf(schema)), r.roleOf(schema), text, nil
}

// OtherPool returns nil: all statements run on this pool.
func (r *router) OtherPool(context.Context) (*sql.DB, error) { return nil, nil }
