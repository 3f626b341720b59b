package scopes

import (
	"context"
	"database/sql/driver"

	"github.com/gormtenant/gormtenant"
)

// ID returns the tenant of ctx as an argument for raw SQL. The plugin limits raw SQL by itself, so
// a condition on the tenant need not be written. Where it is, as in a text that other programs use
// too, or in the rows of a raw INSERT, ID binds it. It is checked, not trusted: it limits the table
// whose tenant column it is compared with, and the plugin limits the others.
//
//	db.WithContext(ctx).Raw(
//		"SELECT name FROM projects p WHERE p.tenant_id = ?", scopes.ID(ctx),
//	).Scan(&names)
//
// Without a tenant in ctx the statement fails with gormtenant.ErrNoTenant, with another tenant
// than the statement's own with gormtenant.ErrOtherTenant.
func ID(ctx context.Context) BoundID {
	id, err := gormtenant.Require(ctx)
	return BoundID{id: id, err: err, undecided: err != nil && !gormtenant.Decided(ctx)}
}

// BoundID is a tenant's ID that was taken from a context by [ID]. It is written to the database as
// the ID itself. The zero BoundID names no tenant.
type BoundID struct {
	id        any
	err       error
	undecided bool // the context said nothing
}

// Else returns b, or ID(ctx) where the context of b said neither whose its statements are nor that
// they are unscoped. tenantplugin.DefaultTenant stands in so.
func (b BoundID) Else(ctx context.Context) BoundID {
	if b.undecided {
		return ID(ctx)
	}
	return b
}

// Tenant returns the ID, or gormtenant.ErrNoTenant where there is none.
func (b BoundID) Tenant() (id any, err error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.id == nil {
		return nil, gormtenant.ErrNoTenant
	}
	return b.id, nil
}

// Value implements driver.Valuer. It fails with gormtenant.ErrNoTenant where there is no tenant,
// also on a *gorm.DB without the plugin.
func (b BoundID) Value() (driver.Value, error) {
	id, err := b.Tenant()
	if err != nil {
		return nil, err
	}
	return driver.DefaultParameterConverter.ConvertValue(id)
}
