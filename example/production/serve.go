package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// application is what a process that serves requests works with.
type application struct {
	db        *gorm.DB // over all levels
	directory *tenants.Cache
	closers   []io.Closer
}

// serve opens the application, and fails if row-level security has a hole. One configuration is for
// the levels rows and schema.
func serve(ctx context.Context, getenv func(string) string) (_ *application, err error) {
	a := &application{}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	config, err := pgx.ParseConfig(getenv("APP_URL"))
	if err != nil {
		return nil, fmt.Errorf("APP_URL: %w", err)
	}
	admin, err := pgx.ParseConfig(getenv("ADMIN_URL"))
	if err != nil {
		return nil, fmt.Errorf("ADMIN_URL: %w", err)
	}

	// The directory has a small pool of its own: it is asked while others are in use.
	control, err := gorm.Open(postgres.Open(getenv("APP_URL")), silent())
	if err != nil {
		return nil, err
	}
	pool, err := control.DB()
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, pool)
	pool.SetMaxOpenConns(4)
	directory, err := store.New(control)
	if err != nil {
		return nil, err
	}
	a.directory = tenants.Cached(directory)

	shared := sql.OpenDB(rls.NewConnector(config, rls.Admin(admin)))
	own := sql.OpenDB(schemas.NewConnector(config, schemas.Roles()))
	a.closers = append(a.closers, shared, own)
	secrets, err := credentials.InFiles(getenv("SECRETS"))
	if err != nil {
		return nil, err
	}
	connect, err := credentials.Connect(secrets, credentials.Server{Config: config})
	if err != nil {
		return nil, err
	}
	pools, err := databases.NewPools(databases.PostgresWith(connect))
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, pools)
	router, err := isolation.NewRouter(a.directory, shared, isolation.Schemas(own),
		isolation.Databases(pools))
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, router)

	if err := check(ctx, shared); err != nil {
		return nil, err
	}
	if a.db, err = gorm.Open(postgres.New(postgres.Config{Conn: router}), silent()); err != nil {
		return nil, err
	}
	return a, errors.Join(
		a.db.Use(tenantplugin.New(tenantplugin.AllowRawSQL(),
			tenantplugin.Models(tenantModels()...))),
		a.db.Use(quota.New(quota.Limit(&Project{}, tenants.Projects))),
	)
}

// check looks for holes in the row-level security of the shared tables.
func check(ctx context.Context, shared *sql.DB) error {
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: shared}), silent())
	if err != nil {
		return err
	}
	return rls.Check(db.WithContext(ctx), append(tenantModels(), &quota.Lock{})...)
}

// close closes what was opened, the last first.
func (a *application) close() {
	for i := range a.closers {
		_ = a.closers[len(a.closers)-1-i].Close()
	}
}
