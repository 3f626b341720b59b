// Package rls lets Postgres itself keep tenants apart, by row-level security, at no extra round
// trip.
//
// The plugin of gormtenant writes the tenant into each statement that GORM builds. Row-level
// security holds what the plugin cannot see: raw SQL, other libraries on the same pool, a *gorm.DB
// on which the plugin was forgotten. The two belong together.
//
//	db, err := gorm.Open(rls.Open(dsn), &gorm.Config{})
//	db.Use(tenantplugin.New(tenantplugin.AllowRawSQL()))     // the server looks after raw SQL
//
//	db.WithContext(ctx).Raw("SELECT * FROM projects").Scan(&projects)     // the tenant's projects
//
// # How it works
//
// Each tenant table has one policy, which compares the tenant column with a run-time parameter of
// the server, app.tenant_id. [NewConnector] wraps pgx's driver for database/sql: it sends the
// parameter with each statement, in the same write, as
//
//	SELECT set_config('app.tenant_id', 'acme', true)
//
// in front of the statement's own messages of the extended protocol, or as SET LOCAL in front of
// its text in the simple protocol. Up to the next Sync that is one implicit transaction: the
// setting holds for that statement, and is gone after it. There is nothing to reset, and nothing
// that could stay on the connection for the next tenant. In a transaction, too, each statement
// brings the tenant of its own context, so that a rollback to a savepoint or an SQL injection that
// sets the parameter does not outlast its statement. A statement without a tenant brings an empty
// setting, and the policies let nothing through.
//
// A text that may leave something in its session, such as a temporary table, SET without LOCAL, a
// prepared statement or an advisory lock, costs its connection: that is closed instead of handed
// back. Until then another tenant's statement on it fails with gormtenant.ErrOtherTenant. Behind a
// pooler such a text is refused. Docs/rls.md says what counts, and what remains.
//
// pgx's own code prepares, encodes and scans, in all of its query modes; sql.Conn.Raw gives a value
// with the method Conn() *pgx.Conn. What is done there, such as COPY and LISTEN, runs without a
// tenant.
//
// # Set-up
//
// Three roles: one that owns the tables and migrates, one for the application, and, if it works
// across tenants at all, one for that.
//
//	CREATE ROLE owner LOGIN PASSWORD '...';
//	CREATE ROLE app   LOGIN PASSWORD '...' NOSUPERUSER NOBYPASSRLS;
//	CREATE ROLE admin LOGIN PASSWORD '...' NOSUPERUSER BYPASSRLS;
//	GRANT USAGE ON SCHEMA public TO app, admin;
//	GRANT CREATE ON SCHEMA public TO owner;
//	ALTER DEFAULT PRIVILEGES FOR ROLE owner
//	  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app, admin;
//	ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT USAGE ON SEQUENCES TO app, admin;
//
// As owner, when the application is deployed: AutoMigrate, then [Enable], or the output of
// [Statements] in a migration. As app, when it starts: [Check]. Statements under
// gormtenant.Unscoped run on a pool of their own, as the role of [Admin]; without one they fail.
//
// # What it does not hold
//
//   - An SQL injection can set the parameter within its own statement, and so run as another
//     tenant. It outlasts nothing, but it is in. The policies stop mistakes and forgotten
//     conditions, not an author of SQL: pass values as arguments. What they do stop is an injection
//     that does not know of them.
//   - Superusers and roles with BYPASSRLS, and owners of tables without FORCE: Check finds them.
//   - Foreign-key and unique checks look at all rows: a tenant can learn that a key is taken. Put
//     the tenant into unique indexes and foreign keys; package tenanttest finds those without.
//   - Views run with the rights of their owner, unless they have security_invoker (PostgreSQL 15).
//   - TRUNCATE, which is a right of its own. Do not grant it.
//   - Functions that are SECURITY DEFINER.
//
// # Indexes
//
// The policy is a condition on a plain column, so an index that begins with the tenant column
// serves it. Operators that are not LEAKPROOF (LIKE, jsonb @>, array @>, @@, all of numeric) cannot
// use an index of their own before the policy has been checked: give such an index the tenant as
// its first column.
//
// # Poolers
//
// PgBouncer in transaction mode works with the query modes exec, cache_describe and simple_protocol
// of pgx (default_query_exec_mode in the DSN). The default one, cache_statement, keeps prepared
// statements on the connection and needs PgBouncer 1.21 or newer, with this package as without it;
// describe_exec takes two round trips for a statement and is not for poolers.
//
// # Citus
//
// With [Citus] a statement outside a transaction is sent as BEGIN, SET LOCAL, the statement and
// COMMIT, each a message of its own, in one round trip. The coordinator hands SET LOCAL on to its
// workers, which set_config would not reach. Give the option to Enable and Check too.
//
// # Lost connections
//
// driver.ErrBadConn, upon which database/sql sends a statement again, is returned only where
// nothing of the statement was sent. pgx alone also returns it for a statement without arguments
// whose answer was lost, which then runs twice.
//
// # Statements that cannot run in a transaction
//
// VACUUM, CREATE INDEX CONCURRENTLY, CREATE DATABASE and the like cannot follow a setting. They are
// work for the owner, on a pool of its own.
//
// To read it, begin with policy.go, the SQL; then connector.go, which brings the tenant; then
// check.go, which looks for holes. How the tenant travels is in internal/pgsession.
package rls
