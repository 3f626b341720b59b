// Package adopt brings the tables of an application that exists to what its tenant models need, and
// finds what AutoMigrate passes over in silence.
//
//	err := adopt.Apply(ctx, db, []any{&Project{}, &Task{}}, adopt.Tenant("acme"))
//
// It compares the models with the database as it is, and makes, in this order:
//
//   - the tenant column, filled with the tenant that [Tenant] names, and then NOT NULL;
//   - a unique index over the tenant and the primary key;
//   - in the place of each unique index of the table one that begins with the tenant, so that
//     every tenant has names of its own. [Global] keeps those that are rightly over all tenants;
//   - the indexes of the models that hold the tenant, where the table has others of their names;
//   - in the place of each foreign key to a tenants' table one over (tenant, key), so that the
//     database itself refuses the key of another tenant's row.
//
// On Postgres no step holds a lock for long: rows are filled in batches, NOT NULL comes by a check
// that is validated first, indexes are made CONCURRENTLY, foreign keys NOT VALID and validated
// then, and what they replace is dropped last. Every step is whole in itself. What is planned is
// what the database lacks, so a run that was stopped anywhere goes on where it was.
//
// On SQLite everything is one transaction, in which tables are rebuilt as sqlite.org describes it
// (https://www.sqlite.org/lang_altertable.html#otheralter).
//
// [Statements] returns the same as text, for goose, atlas and golang-migrate. [Check] writes
// nothing and says what is left to do.
//
// A many2many join table without a tenant column stays as it is: whose its rows are is told by the
// rows that they join. [Check] counts rows that join, or refer, across tenants.
package adopt
