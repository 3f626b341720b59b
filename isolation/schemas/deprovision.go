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
// tenant's is [ErrNotOurs]. If a view or a foreign key in another schema depends on it, Deprovision
// fails and names it.
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
			if err := o.independent(ctx); err != nil {
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

// independent fails if something in another schema would be dropped too.
func (o *owned) independent(ctx context.Context) error {
	var others string
	err := o.pool.QueryRowContext(ctx, `
WITH ours AS (
	SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname = $1
)
SELECT coalesce(string_agg(DISTINCT other, ', '), '') FROM (
	SELECT conrelid::regclass::text AS other FROM pg_constraint
	WHERE contype = 'f' AND confrelid IN (SELECT oid FROM ours)
		AND conrelid NOT IN (SELECT oid FROM ours)
	UNION ALL
	SELECT r.ev_class::regclass::text FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
	WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
		AND d.refobjid IN (SELECT oid FROM ours) AND r.ev_class NOT IN (SELECT oid FROM ours)
) AS o`, o.name).Scan(&others)
	if err != nil {
		return err
	}
	if others != "" {
		return fmt.Errorf(
			"gormtenant: nothing was dropped: other schemas depend on %q: drop first what refers "+
				"to it: %s", o.name, others)
	}
	return nil
}

// dropRole drops the schema's role and all that was granted to it elsewhere in the database. That
// takes the role's own rights, which a role with CREATEROLE may grant itself.
func (o *owned) dropRole(ctx context.Context) error {
	role := roleOf(o.name)
	exists, err := o.roleExists(ctx, role)
	if err != nil || !exists {
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
