package schemas

import (
	"context"
	"fmt"
)

// Rename gives the schema of a tenant, and its role, another name:
//
//	ALTER SCHEMA "tenant_acme" RENAME TO "acme_inc";
//	ALTER ROLE "tenant_acme" RENAME TO "acme_inc";                     -- with Roles
//
// The tenant's ID does not change, so tell those who look for the schema: with [Names], or with the
// Name in the tenant's tenants.Placement. Until then the tenant's statements fail, because they
// find no table; none of them runs anywhere else. A name that is taken is [ErrNotOurs]. A schema
// that does not exist is [ErrNoSchema], unless the tenant's schema has the new name already.
func (s *Provisioner) Rename(ctx context.Context, id any, name string) error {
	if err := check(name); err != nil {
		return fmt.Errorf("gormtenant: schemas.Rename: %w", err)
	}
	if name == s.shared {
		return fmt.Errorf(
			"gormtenant: schemas.Rename: the schema %q is shared by all tenants", name)
	}
	return s.on(ctx, id, func(o *owned) error {
		from, err := o.exists(ctx, o.name)
		if err != nil {
			return err
		}
		to, err := o.exists(ctx, name)
		switch {
		case err != nil:
			return err
		case !from && to, name == o.name && from:
			return nil
		case !from:
			return fmt.Errorf("%w: schema %q", ErrNoSchema, o.name)
		case to:
			return fmt.Errorf(
				"gormtenant: the tenant has both a schema %q and a schema %q: drop one of them",
				o.name, name)
		}
		if err := o.exec(ctx, "ALTER SCHEMA "+quote(o.name)+" RENAME TO "+quote(name)); err != nil {
			return err
		}
		if !o.roles {
			return nil
		}
		if _, err := o.roleExists(ctx, o.roleOf(name)); err != nil {
			return err
		}
		return o.exec(ctx,
			"ALTER ROLE "+quote(o.roleOf(o.name))+" RENAME TO "+quote(o.roleOf(name)))
	})
}
