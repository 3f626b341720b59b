package schemas

import (
	"context"
	"fmt"
	"strings"
)

// Confirmation returns the confirmation that [Provisioner.Deprovision] needs for the schema of that
// name.
func Confirmation(name string) string { return "DELETE_SCHEMA_" + name }

// Deprovision drops the schema of a tenant with all that is in it, and its role, in one
// transaction:
//
//	DROP SCHEMA "tenant_acme" CASCADE;
//	DROP OWNED BY "tenant_acme"; DROP ROLE "tenant_acme";              -- with Roles
//
// confirmation must be "DELETE_SCHEMA_" and the schema's name, as [Confirmation] returns it;
// otherwise nothing is done. A schema that does not exist is no error. A schema that is not the
// tenant's is [ErrNotOurs].
//
// What is not in the schema is not dropped. If something elsewhere depends on what is in it,
// Deprovision drops nothing and names what it found: a view, a foreign key, a table that inherits,
// a column of one of its types, a default, a trigger or a policy that calls one of its functions, a
// publication. Likewise if the role owns something elsewhere. The tables and views of the schema
// are locked before it looks.
func (s *Provisioner) Deprovision(ctx context.Context, id any, confirmation string) error {
	return s.on(ctx, id, func(o *owned) error {
		if confirmation != Confirmation(o.name) {
			return fmt.Errorf(
				"gormtenant: nothing was dropped: to drop the schema %q with all that is in it, "+
					"confirm with %q",
				o.name, Confirmation(o.name))
		}
		exists, err := o.exists(ctx, o.name)
		if err != nil {
			return err
		}
		if exists {
			if err := o.alone(ctx); err != nil {
				return err
			}
			if err := o.exec(ctx, "DROP SCHEMA "+quote(o.name)+" CASCADE"); err != nil {
				return err
			}
		}
		if !o.roles {
			return nil
		}
		return o.dropRole(ctx)
	})
}

// ownedElsewhere selects what the role $1 owns in this database, but for temporary and large
// objects, which are the tenant's own.
const ownedElsewhere = `
SELECT o.type || ' ' || o.identity
FROM pg_shdepend AS d, pg_identify_object(d.classid, d.objid, d.objsubid) AS o
WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = (
		SELECT oid FROM pg_roles WHERE rolname = $1)
	AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND d.deptype = 'o' AND o.type <> 'large object' AND coalesce(o.schema, '') !~ '^pg_temp'
ORDER BY 1`

// dropRole drops the schema's role and all that was granted to it elsewhere in the database. That
// takes the role's own rights, which a role with CREATEROLE may grant itself.
func (o *owned) dropRole(ctx context.Context) error {
	role := o.roleOf(o.name)
	exists, err := o.roleExists(ctx, role)
	if err != nil || !exists {
		return err
	}
	if err := o.nobodyElses(ctx, fmt.Sprintf("the role %q owns what is elsewhere", role),
		ownedElsewhere, role); err != nil {
		return err
	}
	for _, statement := range strings.Split(
		"GRANT ? TO CURRENT_USER;DROP OWNED BY ?;DROP ROLE ?", ";") {
		if err := o.exec(ctx, strings.ReplaceAll(statement, "?", quote(role))); err != nil {
			return err
		}
	}
	return nil
}
