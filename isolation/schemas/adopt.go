package schemas

import (
	"context"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// Adopt makes a schema that exists, and that this package did not make, the tenant's: one with the
// tenant's name, as [Names] or the tenant's Placement gives it. In one transaction it does what
// [Provisioner.Provision] does around the tables,
//
//	COMMENT ON SCHEMA "tenant_acme" IS 'gormtenant:acme';
//	CREATE ROLE "tenant_acme" NOLOGIN; GRANT ...             -- with Roles
//	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "tenant_acme" TO ...
//
// and records the [Migrations] up to version as applied without running them, since their tables
// are there; "" is for none. Provision and MigrateAll apply the rest. The role of [NewProvisioner]
// has to own the schema and its tables. It may be repeated.
//
// A schema that does not exist is [ErrNoSchema]. One with the mark of another tenant, or with a
// comment of its own, is [ErrNotOurs]: drop the comment if the schema is the tenant's.
func (s *Provisioner) Adopt(ctx context.Context, id any, version string) error {
	return s.on(ctx, id, func(o *owned) error {
		text, found, err := o.commentOf(ctx, o.name)
		switch {
		case err != nil:
			return err
		case !found:
			return ErrNoSchema
		case text != "" && text != mark+o.text:
			return fmt.Errorf("%w: schema %q has the comment %q: to adopt it, run COMMENT ON "+
				"SCHEMA %s IS NULL", ErrNotOurs, o.name, text, quote(o.name))
		}
		if err := o.mark(ctx); err != nil {
			return err
		}
		if err := o.admit(ctx); err != nil {
			return err
		}
		current, err := o.enter(ctx)
		if err != nil {
			return err
		}
		if current != o.name {
			return errNotUsable(o.name)
		}
		if version != "" {
			_, err = migrations.Record(
				gormtenant.WithTenant(ctx, id), o.tx, o.migrations, version)
		} else {
			_, err = migrations.Apply(ctx, o.tx, nil) // makes the table of versions
		}
		if err != nil {
			return err
		}
		return o.grant(ctx)
	})
}
