// Package tenanttable knows which tables belong to tenants: for one *gorm.DB, every table of a
// tenant model, under every name it is used by, with its tenant columns and the foreign keys that
// refer to other tenants' rows.
//
// # What it learns from
//
// A model teaches the package something when it was declared, when a migration created or altered
// its table, or when a statement reads or writes its own table. Models it is related to are learned
// with it. A struct that rows are only scanned into teaches nothing about relations: GORM parses
// struct{ Project; N int } as a model with relations of its own, over a table that does not exist.
//
// A table may have further names: Table("tags_2024").AutoMigrate(&Tag{}) and
// Table("tags_2024").Find(&tags) make tags_2024 a table like that of Tag. So does [Tables.Name]. If
// tags_2024 is already known by a model without a tenant field, reading it into tags makes it a
// tenants' table only if that model has no column that Tag does not have; else tags may just have
// been scanned into.
//
// GORM keeps the models that it has parsed to itself. They are looked through when the plugin is
// registered and while a migration is at work, never for a look-up. A model that was parsed in
// another way, as by SetupJoinTable or gorm.Statement.Parse, is known from its first use on; to
// make it known to raw SQL before that, name it to tenantplugin.Models.
//
// # Names
//
// Names are compared without case, because SQLite, MySQL and SQL Server do, and unquoted names on
// Postgres. Postgres cuts names at 63 bytes, and so does this package there. Names that differ only
// in this way are one table.
//
// A table is known by schema and name. For a name of which no model is known as it stands:
//
//   - a qualified name means the table of the unqualified name, if a model names that one: the
//     search path may lead there;
//   - an unqualified name means the tenants' table of that name in whatever schema: the search path
//     may lead there too.
//
// So billing.bills and archive.bills are two tables. A model without a tenant field never makes a
// table nobody's if another model of the same table has one, whichever came first.
package tenanttable
