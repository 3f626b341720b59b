package schemas

import (
	"context"

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// MigrateAll applies the pending [Migrations] in the schemas of all tenants that [Provisioner.List]
// yields, several at a time, each in one transaction. migrations.All describes its options, and how
// it goes on, stops and reports. A process that is killed leaves each schema at its old version or
// at the new one; the same call again does the rest. Two processes that migrate at once wait for
// each other at each schema; the second finds the work done. Schemas that isolation.Mover has moved
// their tenants away from are left out.
func (s *Provisioner) MigrateAll(ctx context.Context, options ...migrations.Option) error {
	var total int
	row := s.db.Statement.ConnPool.QueryRowContext(
		ctx, "SELECT count(DISTINCT id) FROM ("+inUse+") AS o")
	if err := row.Scan(&total); err != nil {
		return err
	}
	options = append([]migrations.Option{migrations.Total(total)}, options...)
	return migrations.All(ctx, lived{s}, s.Migrate, options...)
}

// Migrate applies the pending [Migrations] in the schema of one tenant, and returns their versions.
// The schema is the one in the tenant's Placement, if that has the level tenants.Schema. MigrateAll
// calls it for each tenant. Use it with migrations.All and another list of tenants, such as a
// directory where only some have schemas.
func (s *Provisioner) Migrate(ctx context.Context, t *tenants.Tenant) (
	applied []string, err error,
) {
	ctx = placed(ctx, t)
	return s.inParts(ctx, t.ID, func(o *owned) ([]string, error) {
		if err := o.mustExist(ctx); err != nil {
			return nil, err
		}
		return o.migrate(ctx)
	})
}

func (o *owned) mustExist(ctx context.Context) error {
	exists, err := o.exists(ctx, o.name)
	if err == nil && !exists {
		err = ErrNoSchema
	}
	return err
}

// placed is ctx with the schema in the tenant's Placement, if that has the level tenants.Schema.
func placed(ctx context.Context, t *tenants.Tenant) context.Context {
	if t.Placement.Level == tenants.Schema && t.Placement.Name != "" {
		ctx = tenantname.WithSchema(ctx, t.ID, t.Placement.Name)
	}
	return ctx
}
