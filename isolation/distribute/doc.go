// Package distribute spreads the shared tables of tenants over the partitions of one PostgreSQL
// server, or over the machines of a Citus cluster, by tenant, from the models.
//
//	err := distribute.Apply(ctx, owner, distribute.HashPartitions(32), models...)
//	err := distribute.Apply(ctx, owner, distribute.Citus(), models...)
//
// The application's code stays as it is. Its models do not: all rows that belong together must have
// the tenant in common, in every key. [Check] says of each model which tag to write; the models of
// example/saas/sharded are those of example/saas after that. A table whose primary key is still the
// id alone is brought to the new key first.
//
// # Rules
//
// [Check] and [Apply] ask of models, and of their tables:
//
//   - The primary key contains the tenant column, and so does every unique index.
//   - A foreign key between two tenants' tables has the tenant of both.
//   - A many2many join table has one tenant column.
//   - No foreign key empties or changes the tenant: ON DELETE SET NULL and ON UPDATE CASCADE would.
//   - The tenant column is NOT NULL, not generated, and of one type everywhere.
//   - Citus: tables that belong to nobody do not refer to tenants' tables, and those that tenants'
//     tables refer to are given with [Reference], which puts all of them on every machine.
//   - Citus: keys are bigserial or uuid. The sequence of a smaller one cannot be used by workers.
//
// Polymorphic relations have no foreign key; the tenant plugin looks after them, as it does
// elsewhere.
//
// # What it runs as
//
// db is opened as the owner of the tables, without a tenant, and past a pooler. Nothing should be
// written meanwhile: HashPartitions locks the tables until it is done, and on Citus foreign keys
// are away until all tables are distributed.
//
// To read it, begin with plan.go; then rules.go, what is asked of models, and refuse.go, what is
// asked of tables; then partition.go and citus.go, the SQL.
package distribute
