// Package schemas gives each tenant a Postgres schema of its own, and runs each statement in its
// tenant's, at no extra round trip.
//
//	db, err := gorm.Open(schemas.Open(dsn, schemas.Roles()), &gorm.Config{})
//	db.Use(tenantplugin.New(tenantplugin.AllowRawSQL()))     // the server looks after raw SQL
//
//	ctx := gormtenant.WithTenant(r.Context(), "acme")
//	db.WithContext(ctx).Raw("SELECT * FROM projects").Scan(&projects)   // in tenant_acme
//
// # What it promises
//
// A statement runs on the path of its context's tenant, whoever sends it, in all of pgx's query
// modes and through PgBouncer. It costs no round trip, and leaves no path on the connection. With
// [Roles] the server itself refuses the names of other tenants' schemas. A schema is made,
// migrated, renamed or deleted in one transaction, and never if it is not the tenant's. What it
// does not hold is listed below.
//
// # How it works
//
// [NewConnector] wraps pgx's driver for database/sql: it sends the path with each statement, in the
// same write, as
//
//	SELECT set_config('search_path', '"tenant_acme", "shared", "pg_temp"', true),
//		set_config('role', 'tenant_acme', true)
//
// in front of the statement's own messages of the extended protocol, or as SET LOCAL in front of
// its text in the simple protocol. Up to the next Sync that is one implicit transaction: the path
// holds for that statement, and is gone after it. There is nothing to reset, and nothing that could
// stay on the connection for the next tenant. In a transaction, too, each statement brings the path
// of its own context.
//
// What a name means is found on the path: first in the tenant's schema, then in the shared one,
// "shared" or what [Shared] says. The server's own names come before both, a session's temporary
// tables behind them.
//
// Without a tenant no table is on the path: a statement fails with "relation does not exist"
// (42P01) instead of finding public, and CREATE TABLE with "permission denied" (42501). Under
// gormtenant.Unscoped the path is the shared schema alone, as the role that logged in: the rows of
// all tenants are in no one place, so work across tenants goes from one to the next, with
// tenants.Each.
//
// pgx's own code prepares, encodes and scans, in all of its query modes; sql.Conn.Raw gives a value
// with the method Conn() *pgx.Conn. What is done there, such as COPY and LISTEN, runs with the
// session's own path and role.
//
// # Set-up
//
// With [Roles] each schema belongs to a role of its own, which has its name. The role that logs in
// is a member of all of them and has none of their rights by itself: it is NOINHERIT.
//
//	CREATE ROLE app LOGIN PASSWORD '...' NOSUPERUSER NOINHERIT;
//	ALTER ROLE app SET search_path = public, pg_temp;   -- for what brings none, such as COPY
//	REVOKE TEMPORARY ON DATABASE saas FROM PUBLIC;
//	GRANT TEMPORARY ON DATABASE saas TO owner;          -- moves of tenants need it
//	REVOKE CREATE ON SCHEMA public FROM PUBLIC;         -- before PostgreSQL 15
//	CREATE SCHEMA shared;
//	GRANT USAGE ON SCHEMA shared TO app;
//
// and for each tenant what [Provisioner.Provision] does, as the role that is to own the schemas:
// the schema, its role without rights to log in, the membership of the app in it, which is not
// inherited, and the tables. On the tables of the shared schema everybody needs the rights that
// tenants are to have, so grant those to PUBLIC:
//
//	GRANT USAGE ON SCHEMA shared TO PUBLIC;
//	GRANT SELECT ON shared.countries TO PUBLIC;
//
// example/production/setup.sql is the set-up of all levels at once.
//
// Without Roles the app itself has the rights on all schemas. It should not be the owner, and must
// not be allowed to create in the shared schema: a tenant whose schema does not exist would create
// there.
//
// # What it does not hold
//
//   - Without Roles, a name with a schema: SELECT * FROM tenant_zeta.projects is answered to acme.
//     With Roles the server refuses it.
//   - An SQL injection can set the path, and with Roles the role, within its own statement, and so
//     run as another tenant. It outlasts nothing, but it is in. Schemas stop mistakes, forgotten
//     conditions and injections that do not know of them, not an author of SQL: pass values as
//     arguments.
//   - The shared schema: every tenant sees what is granted there, and finds there what its own
//     schema lacks. Tables with rows of several tenants do not belong there, nor in public if that
//     is the shared one.
//   - Functions that are SECURITY DEFINER, and views: they have the rights of their owner.
//   - The catalog: the names of all schemas, roles, tables and columns can be read by everyone.
//   - What is the database's: advisory locks, the channels of NOTIFY, large objects.
//   - What a text leaves in its session, such as a temporary table, SET without LOCAL or an
//     advisory lock, within its own connection: that is closed instead of handed back, and until
//     then another tenant's statement on it fails with gormtenant.ErrOtherTenant. Behind a pooler
//     such a text is refused. Nothing is known of functions that the owner made: REVOKE TEMPORARY
//     above. The page docs/rls.md says more.
//   - Triggers and functions find names on the path of the statement that calls them.
//
// # Prepared statements
//
// A text means something else in each schema, and schemas can differ, as they do half-way through a
// migration of all. pgx keeps what it learns of a text by that text, so in the modes that do,
// cache_statement and cache_describe, it is given a text of its own for each schema: with the
// schema's name in a comment behind it. The first time that a connection meets a text in a schema
// takes two round trips, each later time one. With many tenants a connection meets many: pgx keeps
// the last 512 of a connection (statement_cache_capacity, description_cache_capacity in the DSN),
// and so does the server, in memory. Where that is too few or too much, the mode exec takes one
// round trip, always, and keeps nothing.
//
// Where a tenant's own tables change under a connection, pgx alone fails the next statement
// ("cached plan must not change result type", 0A000). Here a statement outside a transaction is
// prepared anew and sent again: it had no effect. Within a transaction the error remains, as that
// is at its end; begin it again.
//
// A *sql.Stmt, and with it GORM's PrepareStmt, serves all tenants. It is prepared when a tenant
// first uses it, so that its errors come then, and in no other way than any statement's text: by
// pgx's mode. In exec and simple_protocol it is parsed each time.
//
// # Poolers
//
// PgBouncer in transaction mode works with the query modes exec, cache_describe and simple_protocol
// of pgx (default_query_exec_mode in the DSN). The default one, cache_statement, keeps prepared
// statements on the connection and needs PgBouncer 1.21 or newer, with this package as without it;
// describe_exec takes two round trips for a statement and is not for poolers. No path is sent as
// the connection starts.
//
// # Lost connections
//
// driver.ErrBadConn, upon which database/sql sends a statement again, is returned only where
// nothing of the statement was sent.
//
// # Statements that cannot run in a transaction
//
// VACUUM, CREATE INDEX CONCURRENTLY, CREATE DATABASE and the like cannot follow a setting. They are
// work for the owner, on a pool of its own, with the schema in the name.
//
// # Where to begin reading
//
// connector.go says what is sent with a statement, names.go what a schema is called, and
// provision.go what belongs to one.
package schemas
