package gormtenant

import (
	"errors"
	"strings"
)

// The errors of this module. A statement returns them wrapped in an [*Error]; test for them with
// errors.Is.
var (
	// ErrNoTenant is returned by every statement that touches a tenant's table while its context
	// names no tenant, by a Create under [Unscoped] of a row without one, and by [Require].
	ErrNoTenant = errors.New("gormtenant: no tenant in the context: " +
		"pass the request's context with db.WithContext(ctx), where ctx comes from " +
		"gormtenant.WithTenant; for work across tenants use gormtenant.Unscoped(ctx, reason)")

	// ErrNoReason is returned by every statement whose context was made by [Unscoped] with an
	// empty reason.
	ErrNoReason = errors.New("gormtenant: Unscoped without a reason: " +
		"say why this work may cross tenants, as in " +
		"gormtenant.Unscoped(ctx, \"monthly invoicing\")")

	// ErrOtherTenant is returned where a value names or would link the row of another tenant: a
	// value whose tenant field is set to another tenant, a key in a Save, upsert or association
	// that belongs to another tenant's row.
	ErrOtherTenant = errors.New("gormtenant: the value belongs to another tenant: " +
		"load it with the context of its own tenant, or leave the key or tenant field empty")

	// ErrTenantChange is returned by an update or upsert that would change the tenant column.
	ErrTenantChange = errors.New("gormtenant: the tenant of a row cannot be changed: " +
		"leave the tenant column out of the update; to move a row use gormtenant.Unscoped(ctx, " +
		"reason)")

	// ErrRawSQL is returned for raw SQL, or a raw fragment of a statement, that reads or writes a
	// tenant's table or cannot be put safely beside the tenant's condition.
	ErrRawSQL = errors.New("gormtenant: raw SQL is not scoped")

	// ErrNotRegistered is returned for a model that embeds models.TenantModel on a *gorm.DB
	// without the plugin.
	ErrNotRegistered = errors.New("gormtenant: the plugin is not registered on this *gorm.DB: " +
		"call db.Use(tenantplugin.New()) after gorm.Open")

	// ErrUnscopedDenied is returned where [Unscoped] has no way across: on Postgres row-level
	// security without a role for it.
	ErrUnscopedDenied = errors.New("gormtenant: unscoped statements are not allowed here")

	// ErrUnsupported is returned for a statement that cannot be isolated: one whose clauses leave
	// out WHERE, or an upsert on a database that takes no condition there.
	ErrUnsupported = errors.New("gormtenant: this statement cannot be isolated")

	// ErrInvalidID is returned where the tenant's ID cannot be written to the tenant column, such
	// as text for an integer column.
	ErrInvalidID = errors.New("gormtenant: the tenant ID does not fit the tenant column")

	// ErrInvalidModel is returned for a model whose tenant field is ambiguous or unusable: there
	// are two, it is not a column, or it has a serializer. For the models given to
	// tenantplugin.Models db.Use returns it, for others every statement.
	ErrInvalidModel = errors.New("gormtenant: invalid tenant model")
)

// Error is the failure of one statement. Its text names the operation and the table and says what
// to do; it never holds a tenant's ID.
type Error struct {
	// Op is GORM's name for the kind of statement: create, query, update, delete, row or raw.
	Op string
	// Table is the table concerned, "" where it is not known.
	Table string
	// Err is the cause, an error of this package.
	Err error
}

// prefix begins the text of every error of this module.
const prefix = "gormtenant: "

// Error returns the operation, the table and the cause:
//
//	gormtenant: update projects: the tenant of a row cannot be changed: ...
func (e *Error) Error() string {
	about := e.Op
	if e.Table != "" {
		about += " " + e.Table
	}
	return prefix + about + ": " + strings.TrimPrefix(e.Err.Error(), prefix)
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }
