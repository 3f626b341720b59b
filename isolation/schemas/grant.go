package schemas

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

const (
	tableRights    = "SELECT, INSERT, UPDATE, DELETE"
	sequenceRights = "USAGE, SELECT"
	// inheritIsGranted is the first version of Postgres where each membership records whether it is
	// inherited (https://www.postgresql.org/docs/16/sql-grant.html).
	inheritIsGranted = 160000
)

// user returns the role that reads and writes the tables, "" for the owner.
func (o *owned) user() string {
	if o.roles {
		return o.roleOf(o.name)
	}
	return o.login
}

// admit grants the rights in the schema to the role that reads and writes the tables. It makes that
// role first if it is the tenant's own.
func (o *owned) admit(ctx context.Context) error {
	if o.roles {
		if err := o.makeRole(ctx); err != nil {
			return err
		}
	}
	if o.user() == "" {
		return nil
	}
	schema, role := quote(o.name), quote(o.user())
	for _, statement := range []string{
		"GRANT USAGE ON SCHEMA " + schema + " TO " + role,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT " + tableRights +
			" ON TABLES TO " + role,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT " + sequenceRights +
			" ON SEQUENCES TO " + role,
	} {
		if err := o.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// makeRole makes the schema's role, and makes the role that logs in a member of it.
func (o *owned) makeRole(ctx context.Context) error {
	role := o.roleOf(o.name)
	exists, err := o.roleExists(ctx, role)
	if err != nil {
		return err
	}
	if !exists && o.application != "" { // it may be there from before it was named
		former, err := o.roleExists(ctx, o.name)
		if err != nil && !errors.Is(err, ErrNotOurs) {
			return err
		}
		if former {
			exists = true
			if err := o.exec(ctx,
				"ALTER ROLE "+quote(o.name)+" RENAME TO "+quote(role)); err != nil {
				return err
			}
		}
	}
	if !exists {
		if err := o.exec(ctx, "CREATE ROLE "+quote(role)+" NOLOGIN"); err != nil {
			return err
		}
		var database string
		if err := o.pool.QueryRowContext(ctx, "SELECT current_database()").Scan(
			&database); err != nil {
			return err
		}
		if err := o.exec(
			ctx, "COMMENT ON ROLE "+quote(role)+" IS "+pgsession.Literal(
				mark+database)); err != nil {
			return err
		}
	}
	return o.join(ctx, role)
}

// join makes the role that logs in a member of the tenant's role. It can switch to that role then,
// but has none of its rights before it does.
func (o *owned) join(ctx context.Context, role string) error {
	var version int
	var there, inherits, owner bool
	err := o.pool.QueryRowContext(ctx,
		"SELECT current_setting('server_version_num')::int, count(*) > 0, "+
			"coalesce(bool_or(rolinherit), false), $1 = current_user::text "+
			"FROM pg_roles WHERE rolname = $1", o.login).Scan(&version, &there, &inherits, &owner)
	switch {
	case err != nil:
		return err
	case !there:
		return fmt.Errorf("gormtenant: schemas.Login(%q): there is no such role", o.login)
	case owner:
		return errors.New(
			"gormtenant: schemas.Login: with Roles the application must not log in as the owner " +
				"of the schemas, " +
				"whom no right is denied")
	case version < inheritIsGranted && inherits:
		return fmt.Errorf(
			"gormtenant: schemas.Login(%q): the role inherits the rights of all tenants' roles: "+
				"run ALTER ROLE %s NOINHERIT", o.login, quote(o.login))
	}
	without := ""
	if version >= inheritIsGranted {
		without = " WITH INHERIT FALSE, SET TRUE"
	}
	return o.exec(ctx, "GRANT "+quote(role)+" TO "+quote(o.login)+without)
}

// grant grants the rights on tables that migrations may have made as another owner, and revokes
// those on the table of versions.
func (o *owned) grant(ctx context.Context) error {
	if o.user() == "" {
		return nil
	}
	schema, role := quote(o.name), quote(o.user())
	for _, statement := range []string{
		"GRANT " + tableRights + " ON ALL TABLES IN SCHEMA " + schema + " TO " + role,
		"GRANT " + sequenceRights + " ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + role,
		"REVOKE ALL ON " + schema + ".gormtenant_migrations FROM " + role,
	} {
		if err := o.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
