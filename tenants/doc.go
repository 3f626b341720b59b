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
//
// # What it promises
//
//   - An error is never an absence: [ErrNotFound] means that the directory has answered that no
//     tenant has this identifier. A directory that fails is another error, cached or not.
//   - A [Cache] that was told of a change with Invalidate answers nobody who asks afterwards with
//     what was read before.
//   - [Each] does the job of every tenant or says which are left, and where to resume.
//   - The zero value of [Status] is not served.
//
// # What it does not
//
//   - It limits nothing by itself: [Plans] tell the limits, and package tenants/quota refuses rows.
//   - A change in another process is noticed after [TTL], unless somebody calls Invalidate:
//     store.Listen does on Postgres. Where it hears nothing, after [StaleLimit].
//   - A request that runs goes on when its tenant is suspended.
//
// # Reading the code
//
// Begin with tenant.go, the types; then cache.go, with the promises of the cache; then each.go.
package tenants
