// Package databases gives each tenant a database of its own: one on a server of Postgres, or a file of
// SQLite.
//
//	pools, err := databases.NewPools(databases.SQLite("data"))
//	db, err := gorm.Open(sqlite.Dialector{Conn: pools}, &gorm.Config{})
//	db.WithContext(gormtenant.WithTenant(ctx, "acme")).Find(&projects) // in data/tenant_acme.db
//
// [Pools] is a gorm.ConnPool: GORM with all of its transactions and prepared statements, and any code that
// takes a context. What takes a *sql.DB gets one from Pools.GetDBConn. Calls without a context of a tenant,
// such as sql.Tx.Exec without Context, fail with gormtenant.ErrNoTenant.
//
// In one process no two tenants have the same database open. Two processes are not kept from it where the
// placements of two tenants name one, and a role that can reach all databases reaches them by SQL: give each
// tenant a role of its own, see [PostgresWith].
package databases
