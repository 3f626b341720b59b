// Package gormtenant makes a GORM application multi-tenant: many customers (tenants) share one
// application, and no statement can read, change, create or link the row of another tenant.
//
// This package is the vocabulary: which tenant a context runs as, the one explicit way across
// tenants, and the errors. It imports nothing but the standard library, so that any layer of an
// application can use it. The enforcement is a GORM plugin, in the package plugin:
//
//	db.Use(tenantplugin.New()) // import tenantplugin "github.com/gormtenant/gormtenant/plugin"
//
//	type Project struct {
//		ID uint
//		models.TenantModel // adds TenantID: indexed, NOT NULL
//		Name string
//	}
//
//	ctx := gormtenant.WithTenant(r.Context(), "acme")
//	db.WithContext(ctx).Find(&projects)              // ... WHERE "projects"."tenant_id" = 'acme'
//	db.WithContext(ctx).Create(&Project{Name: "x"})  // tenant_id is filled
//	db.Find(&projects)                               // error: ErrNoTenant
//
// The promise, for every statement that goes through a *gorm.DB with the plugin:
//
//   - A statement of a tenant touches that tenant's rows only, in every table it names.
//   - A statement with no tenant fails before anything is sent. It never means all rows.
//   - The only way across is [Unscoped], which asks for a reason and is reported to
//     tenantplugin.OnUnscoped.
//   - What cannot be scoped, such as raw SQL that names a tenant's table, is refused.
//
// What it does not hold: SQL that does not go through GORM, SQL text that a caller builds from
// user input, database functions and triggers, and tables of which the plugin knows no model. See
// SECURITY.md for the whole list.
//
// To read the code, begin with tenant.go, what a context says; then errors.go; then
// docs/architecture.md, which follows one statement through the packages.
package gormtenant
