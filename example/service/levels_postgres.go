package service

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// ownPlaces are the schemas and databases of tenants on Postgres, as far as the role of config may
// make them.
func (d *database) ownPlaces(
	ctx context.Context, config, application *pgx.ConnConfig, log *slog.Logger,
) (own ownPlaces, err error) {
	// Databases and roles are the whole server's, so that their names have this database's in them.
	own.name = func(level tenants.Level, id string) string {
		sum := sha256.Sum256([]byte(id))
		return fmt.Sprintf("%s_%.1s_%x", config.Database, level, sum[:7])
	}
	// With roles of tenants the application must be another than the owner, whom no right is
	// denied.
	if application.User != config.User {
		if err := d.ownSchemas(application, &own); err != nil {
			return own, err
		}
	}
	var may bool
	err = d.owner.QueryRowContext(ctx,
		"SELECT rolsuper OR rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = "+
			"current_user").Scan(&may)
	if err != nil || !may {
		return own, err
	}
	return own, d.ownDatabases(ctx, config, log, &own)
}

func (d *database) ownSchemas(application *pgx.ConnConfig, own *ownPlaces) error {
	owner, err := gorm.Open(postgres.New(postgres.Config{Conn: d.owner}),
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	same := schemas.Options(
		schemas.Roles(),
		schemas.Names(func(id string) (string, error) { return own.name(tenants.Schema, id), nil }),
	)
	own.schemas = sql.OpenDB(schemas.NewConnector(application, same))
	own.schemas.SetMaxOpenConns(16)
	d.opened(own.schemas.Close)
	own.schemaLife, err = schemas.NewProvisioner(owner, same,
		schemas.Login(application.User), schemas.Migrations(placeMigrations()...))
	return err
}

func (d *database) ownDatabases(
	ctx context.Context, config *pgx.ConnConfig, log *slog.Logger, own *ownPlaces,
) error {
	secrets, err := newTableSecrets(ctx, d.owner)
	if err != nil {
		return err
	}
	admin := config.Copy()
	delete(admin.RuntimeParams, "search_path") // that is of the shared tables
	admin.ConnectTimeout = 10 * time.Second
	own.provisioner, err = provision.NewPostgres(secrets, []provision.Server{{Admin: admin}},
		provision.Migrations(placeMigrations()...), provision.Application(config.Database))
	if err != nil {
		return err
	}
	connect, err := credentials.Connect(secrets, credentials.Server{Config: admin})
	if err != nil {
		return err
	}
	own.databases, err = databases.NewPools(databases.PostgresWith(connect),
		databases.MaxPools(16), databases.MaxConnections(32),
		databases.ConnectTimeout(10*time.Second),
		databases.OnFailed(func(database databases.Database, err error) {
			log.Error("connecting to the database of a tenant", "database", database.Name, "error",
				err)
		}))
	if err == nil {
		d.opened(own.databases.Close)
	}
	return err
}
