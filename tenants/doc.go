// Package tenants is the directory of an application's tenants: who they are, whether they may be
// served, and how much of what they may use.
//
// A [Directory] finds a tenant by its ID, its slug or one of its domains. Package tenants/store
// keeps one in the application's own database, with GORM; this package links no GORM. [Cached] puts
// a bounded cache in front of any directory, [Each] runs a job for every tenant, and package
// middleware turns requests into tenants:
//
//	t, err := directory.Lookup(ctx, "acme")
//	if err == nil {
//		err = t.Usable(time.Now())
//	}
//	ctx = tenants.NewContext(ctx, t) // gormtenant.WithTenant(ctx, t.ID), and the tenant itself
package tenants
