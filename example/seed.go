package main

import (
	"context"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// The tenants. The tour runs as acme; whatever acme tries, globex must not notice.
const (
	acme   = "acme"
	globex = "globex"
)

// seed makes the tables and the rows of both tenants.
func seed(ctx context.Context, db *gorm.DB) error {
	if err := db.WithContext(ctx).AutoMigrate(saas.Models()...); err != nil { // needs no tenant
		return err
	}
	if err := saas.SeedAcme(db.WithContext(gormtenant.WithTenant(ctx, acme))); err != nil {
		return err
	}
	return saas.SeedGlobex(db.WithContext(gormtenant.WithTenant(ctx, globex)))
}
