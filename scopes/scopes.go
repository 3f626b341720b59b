package scopes

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// Tenant makes a statement run as tenant id, whatever its context says: gormtenant.WithTenant for
// one statement.
//
//	db.Scopes(scopes.Tenant("acme")).Find(&projects)
//	// SELECT * FROM "projects" WHERE "projects"."tenant_id" = 'acme'
func Tenant(id any) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		db.Statement.Context = gormtenant.WithTenant(db.Statement.Context, id)
		return db
	}
}

// Unscoped makes a statement cross tenants for the given reason: gormtenant.Unscoped for one
// statement. An empty reason makes it fail with gormtenant.ErrNoReason.
func Unscoped(reason string) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		db.Statement.Context = gormtenant.Unscoped(db.Statement.Context, reason)
		return db
	}
}
