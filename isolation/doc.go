// Package isolation runs one application over all levels of isolation: small tenants share tables,
// a bigger one has a schema of its own, another a database. The directory records where each tenant
// lives (tenants.Placement). Models, queries and guarantees are the same everywhere.
//
// [Tenants] is the whole life of a tenant: it registers, moves, exports, imports and erases.
//
// A [Router] is the connection pool of the application: it runs each statement where the tenant of
// its context lives. A [Mover] moves a tenant to another level while everybody works on; only
// writes of that tenant fail, with an error for which [IsMoving] returns true, while its rows are
// copied.
//
// # What it promises
//
//   - A statement reaches the place of its tenant and no other, in a transaction and outside of
//     one.
//   - A move loses no row: it copies in one transaction, compares the rows, and only then switches
//     the directory. Writes at the old place fail from before the copy, for ever.
//   - A move that is interrupted at any point, by an error or by the death of its process, leaves
//     the tenant with all its rows where the directory says. The same call finishes it.
//
// # What it does not
//
//   - Without a tenant, and under gormtenant.Unscoped, a statement reaches the shared tables only:
//     not what tenants have of their own. [Router.Across] goes there too.
//   - A process that caches the directory hears of a move when its cache does. Until then it reads
//     the old rows; its writes fail.
//   - The tenant's writes fail for as long as the copy takes, which grows with its rows.
//   - Moves work on Postgres and SQLite, not on other databases.
//
// To read it, begin with router.go, then move.go, then internal/transfer/doc.go.
package isolation
