-- The set-up of a server for all levels of isolation: shared tables behind row-level security,
-- schemas and databases of tenants' own, and moves between them. For PostgreSQL 14 to 18.
-- Run it once, as a superuser, in the application's new database:
--
--   createdb saas
--   psql -d saas --single-transaction -v ON_ERROR_STOP=1 -f setup.sql
--
-- and give each role a password: \password owner, and so on. Leave out what you do not use: the
-- role admin, the role provisioner, the schema shared.

-- Migrates everything, makes schemas and their roles, moves tenants. The policies hold it too.
CREATE ROLE owner LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE;
-- Serves requests. It is a member of the role of each schema, and has none of its rights unasked.
CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
-- Where Unscoped runs (rls.Admin). Only the service that needs it has the password.
CREATE ROLE admin LOGIN NOSUPERUSER BYPASSRLS;
-- Makes the databases of tenants, and their roles. From PostgreSQL 16 on, CREATEROLE is for the
-- roles that it made itself; that is all that it and owner need.
CREATE ROLE provisioner LOGIN NOSUPERUSER CREATEDB CREATEROLE;

-- Roles of tenants' databases could connect here, and everybody could make temporary tables, which
-- outlast a statement. Moves need some: those of the owner.
DO $$
BEGIN
	EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO owner, app, admin', current_database());
	EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO owner', current_database());
END
$$;

-- The databases of the server that PUBLIC may connect to. The provisioner works from postgres.
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO provisioner;

-- The shared tables: the level rows, the directory, quotas.
REVOKE CREATE ON SCHEMA public FROM PUBLIC; -- the default from PostgreSQL 15 on
GRANT USAGE, CREATE ON SCHEMA public TO owner;
GRANT USAGE ON SCHEMA public TO app, admin;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public
	GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app, admin;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public
	GRANT USAGE ON SEQUENCES TO app, admin;

-- At the level rows a statement finds its tables by this path. With a schema of its own a tenant
-- has another, which comes with each statement. No schema named app or tenant_... is on it.
ALTER ROLE app SET search_path = public, pg_temp;
ALTER ROLE admin SET search_path = public, pg_temp;

-- Tables that all tenants read, such as countries.
CREATE SCHEMA shared AUTHORIZATION owner;
GRANT USAGE ON SCHEMA shared TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA shared GRANT SELECT ON TABLES TO PUBLIC;
