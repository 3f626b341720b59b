// Package databases gives each tenant a database of its own: on a server of Postgres, or as a file
// of SQLite.
//
//	pools, err := databases.NewPools(databases.SQLite("data"))
//	db, err := gorm.Open(sqlite.Dialector{Conn: pools}, &gorm.Config{})
//	db.WithContext(gormtenant.WithTenant(ctx, "acme")).Find(&projects) // in data/tenant_acme.db
//
// [Pools] is a gorm.ConnPool: it serves GORM with all of its transactions and prepared statements,
// and any code that takes a context. Code that takes a *sql.DB gets one from Pools.GetDBConn. Calls
// without the context of a tenant, such as sql.Tx.Exec without Context, fail with
// gormtenant.ErrNoTenant.
//
// # What it promises
//
// A statement reaches the database of its context's tenant or none: one that is not marked as the
// tenant's is [ErrNotOurs]. In one process no two tenants have the same database open. However many
// tenants there are, pools and connections stay within [MaxPools] and [MaxConnections]; a pool in
// use is never closed for another. A database that is down costs its tenant an error at once, and
// others nothing.
//
// # What it does not
//
// Openers of the application's own have to look at marks themselves. A role that can reach all
// databases reaches them by SQL: give each tenant a role of its own, with [PostgresWith] and
// credentials.Connect. Databases are made and deleted by package provision, not here.
//
// To read it, begin with pools.go, the face; open.go is how a pool comes to be, evict.go how it
// makes room.
package databases
