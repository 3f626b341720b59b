package schemas

import (
	"context"
	"errors"
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
// A migration with Outside divides it: what is before it is committed, then it runs, on a
// connection whose path is the same, and then what is after it.
//
// For a tenant that has its schema, Provision applies the pending migrations, and grants what is
// missing. A schema or a role of its name that is not the tenant's is [ErrNotOurs].
func (s *Provisioner) Provision(ctx context.Context, id any) error {
	_, err := s.inParts(ctx, id, func(o *owned) ([]string, error) {
		exists, err := o.exists(ctx, o.name)
		if err != nil {
			return nil, err
		}
		if !exists {
			if err := o.exec(ctx, "CREATE SCHEMA "+quote(o.name)); err != nil {
				return nil, err
			}
			if err := o.mark(ctx); err != nil {
				return nil, err
			}
		}
		if err := o.admit(ctx); err != nil {
			return nil, err
		}
		return o.migrate(gormtenant.WithTenant(ctx, id))
	})
	return err
}

// mark records whose schema it is.
func (o *owned) mark(ctx context.Context) error {
	return o.exec(
		ctx, "COMMENT ON SCHEMA "+quote(o.name)+" IS "+pgsession.Literal(mark+o.text))
}

// migrate applies what is pending, up to what has to run outside of the transaction.
func (o *owned) migrate(ctx context.Context) (applied []string, err error) {
	current, err := o.enter(ctx)
	if err != nil {
		return nil, err
	}
	if current != o.name { // or the tables would be made in the schema that all share
		return nil, errNotUsable(o.name)
	}
	applied, err = migrations.Apply(ctx, o.tx, o.migrations)
	if errors.Is(err, migrations.ErrOutside) {
		o.unfinished, err = true, nil
	}
	if err != nil || len(applied) == 0 {
		return applied, err
	}
	return applied, o.grant(ctx)
}

func errNotUsable(name string) error {
	return fmt.Errorf("gormtenant: schema %q: the role of schemas.NewProvisioner may not use it: "+
		"let it own the schema", name)
}
