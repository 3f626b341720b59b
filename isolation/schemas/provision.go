package schemas

import (
	"context"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// Provision makes the schema of a tenant, with all that belongs to it, in one transaction:
//
//	CREATE SCHEMA "tenant_acme";
//	COMMENT ON SCHEMA "tenant_acme" IS 'gormtenant:acme';
//	CREATE ROLE "tenant_acme" NOLOGIN;                       -- with Roles
//	GRANT "tenant_acme" TO "app";                            -- with Roles, without INHERIT
//	GRANT USAGE ON SCHEMA "tenant_acme" TO "tenant_acme";    -- without Roles, to that of Login
//	...                                                      -- and its tables, present and future
//	SET LOCAL search_path = "tenant_acme", "shared", "pg_temp";
//	...                                                      -- Migrations
//
// For a tenant that has its schema, Provision applies the pending migrations, and grants what is
// missing. A schema or a role of its name that is not the tenant's is [ErrNotOurs].
func (s *Provisioner) Provision(ctx context.Context, id any) error {
	return s.on(ctx, id, func(o *owned) error {
		exists, err := o.exists(ctx, o.name)
		if err != nil {
			return err
		}
		if !exists {
			if err := o.exec(ctx, "CREATE SCHEMA "+quote(o.name)); err != nil {
				return err
			}
			if err := o.exec(
				ctx, "COMMENT ON SCHEMA "+quote(o.name)+" IS "+pgsession.Literal(
					mark+o.text)); err != nil {
				return err
			}
		}
		if err := o.admit(ctx); err != nil {
			return err
		}
		_, err = o.migrate(gormtenant.WithTenant(ctx, id))
		return err
	})
}

// migrate applies what is pending.
func (o *owned) migrate(ctx context.Context) (applied []string, err error) {
	current, err := o.enter(ctx)
	if err != nil {
		return nil, err
	}
	if current != o.name { // or the tables would be made in the schema that all share
		return nil, fmt.Errorf(
			"gormtenant: schema %q: the role of schemas.NewProvisioner may not use it: let it "+
				"own the schema", o.name)
	}
	if applied, err = migrations.Apply(ctx, o.tx, o.migrations); err != nil || len(applied) == 0 {
		return applied, err
	}
	return applied, o.grant(ctx)
}
