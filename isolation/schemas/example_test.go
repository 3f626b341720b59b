package schemas_test

import (
	"context"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The application's pool runs each statement in its tenant's schema, as the schema's role.
func ExampleOpen() {
	db, err := gorm.Open(schemas.Open("postgres://app@db.example.com/saas", schemas.Roles()))
	if err != nil {
		panic(err)
	}
	if err := db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())); err != nil {
		panic(err)
	}
	ctx := gormtenant.WithTenant(context.Background(), "acme")
	var projects []Project
	db.WithContext(ctx).Raw("SELECT * FROM projects").Scan(&projects) // those in tenant_acme
}

// The operator's tool makes and migrates schemas, on a pool of the role that owns them.
func ExampleNewProvisioner() {
	owner, err := gorm.Open(postgres.Open("postgres://owner@db.example.com/saas"))
	if err != nil {
		panic(err)
	}
	provisioner, err := schemas.NewProvisioner(owner, schemas.Roles(), schemas.Login("app"),
		schemas.Migrations(migrations.Models("0001", &Project{}, &Task{})))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := provisioner.Provision(ctx, "acme"); err != nil {
		panic(err)
	}
	if err := provisioner.MigrateAll(ctx); err != nil { // after the list has grown
		panic(err)
	}
}
