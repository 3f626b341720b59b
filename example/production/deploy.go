package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants/quota"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// deployment is what the owner and the provisioner work with. The processes that serve requests
// know neither's password.
type deployment struct {
	owner     *gorm.DB
	directory *store.Store
	schemas   *schemas.Provisioner
	databases *provision.Postgres
}

// places are the migrations of schemas and databases of tenants' own.
var places = []migrations.Migration{
	migrations.Models("0001", append(tenantModels(), &quota.Lock{})...),
}

// deploy brings everything to the newest version: the shared tables with their policies, then the
// schemas, then the databases.
func deploy(ctx context.Context, getenv func(string) string) (*deployment, error) {
	var d deployment
	var err error
	if d.owner, err = gorm.Open(postgres.Open(getenv("OWNER_URL")), silent()); err != nil {
		return nil, err
	}
	app, err := pgx.ParseConfig(getenv("APP_URL"))
	if err != nil {
		return nil, err
	}
	if d.directory, err = store.New(d.owner); err != nil {
		return nil, err
	}
	all := append(tenantModels(), &quota.Lock{})
	err = errors.Join(
		d.directory.Migrate(ctx), quota.Migrate(d.owner), d.owner.AutoMigrate(tenantModels()...),
		rls.Enable(d.owner, all...),
		limit(ctx, d.owner, app.User),
	)
	if err != nil {
		return nil, err
	}
	d.schemas, err = schemas.NewProvisioner(d.owner, schemas.Roles(), schemas.Login(app.User),
		schemas.Migrations(places...))
	if err != nil {
		return nil, err
	}
	if err := d.schemas.MigrateAll(ctx); err != nil {
		return nil, err
	}
	provisioner, err := pgx.ParseConfig(getenv("PROVISIONER_URL"))
	if err != nil {
		return nil, err
	}
	secrets, err := credentials.InFiles(getenv("SECRETS"))
	if err != nil {
		return nil, err
	}
	d.databases, err = provision.NewPostgres(secrets, []provision.Server{{Admin: provisioner}},
		provision.Migrations(places...))
	if err != nil {
		return nil, err
	}
	return &d, d.databases.MigrateAll(ctx, d.directory)
}

// limit leaves the application the rights on the library's own tables that it needs. The default
// privileges of setup.sql gave it more.
func limit(ctx context.Context, owner *gorm.DB, app string) error {
	role := pgx.Identifier{app}.Sanitize()
	return owner.WithContext(ctx).Exec(
		"REVOKE ALL ON gormtenant_tenants, gormtenant_names, gormtenant_domains, " +
			"tenant_quota_locks FROM " + role +
			"; GRANT SELECT ON gormtenant_tenants, gormtenant_names TO " + role +
			"; GRANT SELECT, INSERT, UPDATE ON tenant_quota_locks TO " + role).Error
}

func (d *deployment) close() { closeDB(d.owner) }

func closeDB(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

// silent leaves errors to those that they are returned to.
func silent() *gorm.Config { return &gorm.Config{Logger: logger.Discard} }
