// Package store keeps the directory of tenants in the application's own database, with GORM, on
// SQLite and on Postgres. It is a [tenants.Directory]:
//
//	directory, err := store.New(db)
//	err = directory.Migrate(ctx)
//	err = directory.Create(ctx, &tenants.Tenant{Slug: "acme", Name: "Acme Ltd"})
//	t, err := directory.Lookup(ctx, "acme")
//
// The database itself keeps the names of tenants apart. The ID, the slug and the domains of all
// tenants are the primary key of one table, so that of two processes that take a name at the same
// time one gets it and the other an [ErrTaken], and so that no tenant can call itself what is
// another's ID.
//
// The tables gormtenant_tenants, gormtenant_names and gormtenant_domains belong to no tenant. The
// *gorm.DB may have the gormtenant plugin, and may be opened through isolation/rls: a Store runs
// its statements as nobody, whatever tenant the context has, and under gormtenant.Unscoped too.
//
// # Domains
//
// A domain that a tenant brings leads its visitors to it, so it must be the tenant's. With
// [VerifyDomains] the tenant proves that, by a record in DNS or as the application likes:
//
//	directory, err := store.New(db, store.VerifyDomains(store.DNS(nil)))
//	request, err := directory.AskDomain(ctx, t.ID, "projects.acme.com") // show request.Token
//	err = directory.VerifyDomain(ctx, t.ID, "projects.acme.com")        // later, and again
//
// # Changes reach all processes
//
// On Postgres each change tells the other processes, in its own transaction, with NOTIFY. [Listen]
// hears it and makes a cache forget the tenant:
//
//	cache := tenants.Cached(directory)
//	listener, err := store.Listen(ctx, config, cache)
//	defer listener.Close()
//
// SQLite has nothing of the kind: call the cache's Invalidate after a change.
//
// # What it does not do
//
// Suspending or closing a tenant changes its entry only: who asks the directory learns of it, and
// no row of the tenant is touched. [Store.Place] moves no rows; package isolation does. Databases
// other than SQLite and Postgres are refused by [New].
//
// # Reading the code
//
// Begin with schema.go, the tables; then create.go, which shows how names stay unique; then
// listener.go.
package store
