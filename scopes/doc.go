// Package scopes holds what one statement says about itself, where the context does not say it.
//
//	db.Scopes(scopes.Tenant("acme")).Find(&projects)
//	db.Scopes(scopes.Unscoped("monthly invoicing")).Find(&projects)
//	db.Raw("SELECT name FROM projects WHERE tenant_id = ?", scopes.ID(ctx)).Scan(&names)
//
// [Tenant] and [Unscoped] promise the same as gormtenant.WithTenant and gormtenant.Unscoped, for
// one statement and for those that GORM makes of it, such as Preload and associations. Other
// statements of the *gorm.DB do not see them.
//
// [ID] promises that the argument is the tenant of its context and no other: where the context has
// none, the statement fails. It does not decide where the condition stands in the text: the plugin
// checks that.
//
// The package is two files: scopes.go, and bound_id.go, which tells how [ID] is let through.
package scopes
