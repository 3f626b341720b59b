package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// Router is the connection pool of an application whose tenants are at different levels of
// isolation. It runs each call where the tenant of the call's context lives. It is a gorm.ConnPool;
// code that needs a *sql.DB gets one from (*gorm.DB).DB. It is safe for concurrent use. Close it
// after use: that does not close the pools given to [NewRouter].
type Router struct {
	*pool
	routes *routes
}

// pool is embedded under an unexported name. Its methods are those of a *sql.DB.
type pool = route.Pool

// routes picks the pool for each context.
type routes struct {
	directory tenants.Directory
	rows      *sql.DB
	schemas   *sql.DB        // nil without that level
	databases databasePicker // nil without that level
	left      leftRows
}

// databasePicker is the picker of a *databases.Pools.
type databasePicker interface {
	PickDatabase(ctx context.Context, asked databases.Database) (route.Route, error)
}

// Option adds a level to a [Router].
type Option interface {
	apply(r *routes) error
}

type routerOption func(r *routes) error

func (o routerOption) apply(r *routes) error { return o(r) }

// Schemas adds the level of schemas: pool is the one of schemas.NewConnector.
func Schemas(pool *sql.DB) Option {
	return routerOption(func(r *routes) error {
		if pool == nil {
			return errors.New("gormtenant: isolation.Schemas needs a pool, " +
				"as sql.OpenDB(schemas.NewConnector(config)) returns it")
		}
		r.schemas = pool
		return nil
	})
}

// Databases adds the level of databases.
func Databases(pools *databases.Pools) Option {
	return routerOption(func(r *routes) error {
		if pools == nil {
			return errors.New("gormtenant: isolation.Databases needs pools, " +
				"as databases.NewPools returns them")
		}
		r.databases = route.PickerOf(pools).(databasePicker)
		return nil
	})
}

// NewRouter returns a router. It asks the directory for each statement, so pass a tenants.Cache.
// Its directory needs its own pool: it is queried while routed connections are held, so querying
// through the router would deadlock.
//
// rows is the pool of the shared tables, from rls.NewConnector for row-level security. Call
// rls.Check on that pool, not on the router: the tenants that it makes up are in no directory.
//
//	router, err := isolation.NewRouter(cache, shared,
//		isolation.Schemas(own), isolation.Databases(pools))
//	db, err := gorm.Open(postgres.New(postgres.Config{Conn: router}), &gorm.Config{})
//
// All levels are of one dialect, that of the *gorm.DB: Postgres, or SQLite, which has no schemas.
func NewRouter(directory tenants.Directory, rows *sql.DB, options ...Option) (*Router, error) {
	if directory == nil || rows == nil {
		return nil, errors.New("gormtenant: isolation.NewRouter needs a directory, " +
			"such as a tenants.Cache, " +
			"and the pool of the shared tables")
	}
	r := &routes{directory: directory, rows: rows}
	r.left.lister, _ = directory.(tenants.Lister)
	err := option.Apply("isolation.NewRouter", options, func(o Option) error { return o.apply(r) })
	if err != nil {
		return nil, err
	}
	return &Router{route.New(r), r}, nil
}

// ErrNoLevel is returned for a tenant at a level that the [Router] or the [Mover] was not given.
var ErrNoLevel = errors.New("gormtenant: the router has no pool for the tenant's level of " +
	"isolation")

// ErrNotOurs is returned for a tenant whose placement names a schema, a database or a file that is
// not marked as the tenant's: that of another, or one that this module did not make. It is the
// cause of schemas.ErrNotOurs and databases.ErrNotOurs, whose texts say how to mark one that is.
var ErrNotOurs = placemark.ErrNotOurs

// key tells connections apart: whose they are, and at which level.
type key struct {
	tenant string // "" without one
	level  tenants.Level
	schema string // the name in the placement, "" if it has none
}

// Pick returns the route of the tenant of ctx. Without a tenant, and under gormtenant.Unscoped, it
// leads to the shared tables, where the plugin and the policies decide. Unscoped does not reach the
// schemas and databases of tenants: [Router.Across] does.
func (r *routes) Pick(ctx context.Context) (route.Route, error) {
	id, ok := gormtenant.FromContext(ctx)
	if !ok {
		return route.Route{DB: r.rows, Ctx: ctx, Key: nobody}, nil
	}
	text, err := tenantname.TextOf(id)
	if err != nil {
		return route.Route{}, err
	}
	at, err := r.placement(ctx, text)
	if err != nil {
		return route.Route{}, err
	}
	switch {
	case at.Level == tenants.Rows || at.Level == "":
		return route.Route{DB: r.rows, Ctx: ctx, Key: key{tenant: text, level: tenants.Rows}}, nil
	case at.Level == tenants.Schema && r.schemas != nil:
		if at.Name != "" {
			ctx = tenantname.WithSchema(ctx, text, at.Name)
		}
		return route.Route{DB: r.schemas, Ctx: ctx, Key: key{text, tenants.Schema, at.Name}}, nil
	case at.Level == tenants.Database && r.databases != nil:
		picked, err := r.databases.PickDatabase(ctx, databases.Database{
			Tenant: text, Name: at.Name,
			Server: at.Server,
		})
		picked.Key = key{tenant: text, level: tenants.Database}
		return picked, err
	}
	return route.Route{}, fmt.Errorf("%w: it is at %q: give NewRouter isolation.Schemas or "+
		"isolation.Databases",
		ErrNoLevel, at.Level)
}

// nobody is the key without a tenant. As an interface value it costs no allocation.
var nobody any = key{level: tenants.Rows}

// Stay reports whether ctx may use a connection that is in use. A tenant stays where its
// transaction was begun even if it has moved since: its writes fail there with an error for which
// [IsMoving] returns true. In the shared tables several tenants may share a transaction.
func (r *routes) Stay(ctx context.Context, bound any) (run context.Context, ok bool, err error) {
	at, _ := bound.(key)
	id, scoped := gormtenant.FromContext(ctx)
	if !scoped {
		return ctx, at.level == tenants.Rows, nil
	}
	text, err := tenantname.TextOf(id)
	if err != nil {
		return nil, false, err
	}
	if at.tenant == text {
		if at.schema != "" {
			ctx = tenantname.WithSchema(ctx, text, at.schema)
		}
		return ctx, true, nil
	}
	if at.level != tenants.Rows {
		return ctx, false, nil
	}
	there, err := r.placement(ctx, text)
	return ctx, err == nil && there.Normal().Level == tenants.Rows, err
}

// placement asks the directory where a tenant is. One that is being registered is not in the
// directory yet, but may be in the context.
func (r *routes) placement(ctx context.Context, text string) (tenants.Placement, error) {
	found, err := r.directory.Lookup(ctx, text)
	if err == nil && found.ID == text {
		return found.Placement, nil
	}
	if err == nil { // another tenant has that slug or domain
		err = tenants.ErrNotFound
	}
	if errors.Is(err, tenants.ErrNotFound) {
		if own, ok := tenants.FromContext(ctx); ok {
			return own.Placement, nil
		}
	}
	return tenants.Placement{}, prefix.Errorf("where the tenant's rows are: %w", err)
}
