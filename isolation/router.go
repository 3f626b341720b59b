package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/place"
	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// Router is the connection pool of an application whose tenants are at different levels of isolation: it
// takes each call to where the tenant of the call's context is. It is a gorm.ConnPool; what needs a *sql.DB
// gets one from (*gorm.DB).DB. Close it after use; the pools that it was given are their owner's to close. It is
// safe for concurrent use.
type Router struct {
	*pool
	routes
}

// pool is embedded by a name that is not exported: its methods are those of a *sql.DB.
type pool = route.Pool

// routes says where each context goes.
type routes struct {
	directory tenants.Directory
	rows      *sql.DB
	schemas   *sql.DB        // nil if there is none
	databases databasePicker // nil if there is none
}

// databasePicker is the picker of a *databases.Pools.
type databasePicker interface {
	PickDatabase(ctx context.Context, asked databases.Database) (route.Place, error)
}

// Option adds a level to a [Router].
type Option interface {
	apply(r *routes) error
}

type option func(r *routes) error

func (o option) apply(r *routes) error { return o(r) }

// Schemas is the pool of the tenants that have a schema of their own: one of schemas.NewConnector.
func Schemas(pool *sql.DB) Option {
	return option(func(r *routes) error {
		if pool == nil {
			return errors.New("gormtenant: isolation.Schemas needs a pool, as sql.OpenDB(schemas.NewConnector(config)) returns it")
		}
		r.schemas = pool
		return nil
	})
}

// Databases are the pools of the tenants that have a database of their own.
func Databases(pools *databases.Pools) Option {
	return option(func(r *routes) error {
		if pools == nil {
			return errors.New("gormtenant: isolation.Databases needs pools, as databases.NewPools returns them")
		}
		r.databases = route.PickerOf(pools).(databasePicker)
		return nil
	})
}

// NewRouter returns a router. The directory says where each tenant is; it is asked for each statement, so give
// it a tenants.Cache, of a directory that has a pool of its own: it is asked while connections of the others
// are in use, and would ask itself through the router. rows is the pool of the shared tables, with row-level
// security where that is wanted; rls.Check needs a *gorm.DB on that pool, as nobody whom it looks as is in the
// directory.
//
//	router, err := isolation.NewRouter(cache, shared, isolation.Schemas(own), isolation.Databases(pools))
//	db, err := gorm.Open(postgres.New(postgres.Config{Conn: router}), &gorm.Config{})
//
// All levels have to be of one dialect, that of the *gorm.DB: Postgres, or SQLite without the level of schemas.
func NewRouter(directory tenants.Directory, rows *sql.DB, options ...Option) (*Router, error) {
	if directory == nil || rows == nil {
		return nil, errors.New("gormtenant: isolation.NewRouter needs a directory, such as a tenants.Cache, and the pool of the shared tables")
	}
	r := &Router{routes: routes{directory: directory, rows: rows}}
	for _, o := range options {
		if o == nil {
			return nil, errors.New("gormtenant: isolation.NewRouter: an option is nil")
		}
		if err := o.apply(&r.routes); err != nil {
			return nil, err
		}
	}
	r.pool = route.New(&r.routes)
	return r, nil
}

// ErrNoLevel is returned for a tenant whose placement the router cannot reach: it was given no pool for that level.
var ErrNoLevel = errors.New("gormtenant: the router has no pool for the tenant's level of isolation")

// key is that of a place: whose statements have taken a connection there, and at which level.
type key struct {
	tenant string // "" for nobody's
	level  tenants.Level
	schema string // its name, where the placement has one
}

// Pick returns the place of the tenant of ctx. Without a tenant, and under gormtenant.Unscoped, that is the
// shared tables: what is there of tenants is held by the plugin, and by policies. Unscoped does not reach
// what tenants have of their own.
func (r *routes) Pick(ctx context.Context) (route.Place, error) {
	id, ok := gormtenant.FromContext(ctx)
	if !ok {
		return route.Place{DB: r.rows, Ctx: ctx, Key: nobody}, nil
	}
	text, err := place.TextOf(id)
	if err != nil {
		return route.Place{}, err
	}
	at, err := r.placement(ctx, text)
	if err != nil {
		return route.Place{}, err
	}
	switch {
	case at.Level == tenants.Rows || at.Level == "":
		return route.Place{DB: r.rows, Ctx: ctx, Key: key{tenant: text, level: tenants.Rows}}, nil
	case at.Level == tenants.Schema && r.schemas != nil:
		if at.Name != "" {
			ctx = place.WithSchema(ctx, text, at.Name)
		}
		return route.Place{DB: r.schemas, Ctx: ctx, Key: key{text, tenants.Schema, at.Name}}, nil
	case at.Level == tenants.Database && r.databases != nil:
		picked, err := r.databases.PickDatabase(ctx, databases.Database{Tenant: text, Name: at.Name, Server: at.Server})
		picked.Key = key{tenant: text, level: tenants.Database}
		return picked, err
	}
	return route.Place{}, fmt.Errorf("%w: it is at %q: give NewRouter isolation.Schemas or isolation.Databases", ErrNoLevel, at.Level)
}

// nobody is the key of what has no tenant, in an interface.
var nobody any = key{level: tenants.Rows}

// Stay says whether ctx may use a connection that is in use. A tenant stays where its transaction was begun,
// also if it has moved since: its writes fail there with an error that [IsMoving] knows. In the shared tables
// transactions may be of several tenants.
func (r *routes) Stay(ctx context.Context, bound any) (run context.Context, ok bool, err error) {
	at, _ := bound.(key)
	id, scoped := gormtenant.FromContext(ctx)
	if !scoped {
		return ctx, at.level == tenants.Rows, nil
	}
	text, err := place.TextOf(id)
	if err != nil {
		return nil, false, err
	}
	if at.tenant == text {
		if at.schema != "" {
			ctx = place.WithSchema(ctx, text, at.schema)
		}
		return ctx, true, nil
	}
	if at.level != tenants.Rows {
		return ctx, false, nil
	}
	there, err := r.placement(ctx, text)
	return ctx, err == nil && there.Normal().Level == tenants.Rows, err
}

// placement asks the directory where a tenant is. One that is not in it, as it is being registered, may be in
// the context.
func (r *routes) placement(ctx context.Context, text string) (tenants.Placement, error) {
	found, err := r.directory.Lookup(ctx, text)
	if err == nil && found.ID == text {
		return found.Placement, nil
	}
	if err == nil { // of another tenant, whose slug or domain that is
		err = tenants.ErrNotFound
	}
	if errors.Is(err, tenants.ErrNotFound) {
		if own, ok := tenants.FromContext(ctx); ok {
			return own.Placement, nil
		}
	}
	return tenants.Placement{}, fmt.Errorf("gormtenant: where the tenant's rows are: %w", err)
}
