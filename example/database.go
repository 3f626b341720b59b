package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/rls"
)

// postgresSchema is where the tables are made, so that none of the database's own is touched.
const postgresSchema = "gormtenant_example"

// database is where the tour is made.
type database struct {
	pool      *sql.DB
	dialector func(pool gorm.ConnPool) gorm.Dialector
	config    *pgx.ConnConfig // nil for SQLite
	close     func() error    // leaves nothing behind
}

// open opens the Postgres at url, or SQLite in memory if url is empty.
func open(ctx context.Context, url string) (*database, error) {
	if url != "" {
		return openPostgres(ctx, url)
	}
	pool, err := sql.Open(sqlite.DriverName, ":memory:?_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1) // Every connection to :memory: has a database of its own.
	dialector := func(pool gorm.ConnPool) gorm.Dialector { return &sqlite.Dialector{Conn: pool} }
	return &database{pool: pool, dialector: dialector, close: pool.Close}, nil
}

func openPostgres(ctx context.Context, url string) (*database, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = postgresSchema
	// The policies that the tour makes at its end hold for the tables' owner too, unless it is a
	// superuser. Until then it may cross tenants itself.
	pool := sql.OpenDB(rls.NewConnector(config, rls.Admin(config)))

	drop := func() error {
		_, err := pool.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+postgresSchema+" CASCADE")
		return err
	}
	err = drop() // what a run that was killed has left
	if err == nil {
		_, err = pool.ExecContext(ctx, "CREATE SCHEMA "+postgresSchema)
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	dialector := func(pool gorm.ConnPool) gorm.Dialector {
		return postgres.New(postgres.Config{Conn: pool})
	}
	return &database{
		pool, dialector, config, func() error { return errors.Join(drop(), pool.Close()) },
	}, nil
}
