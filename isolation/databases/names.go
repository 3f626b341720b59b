package databases

import (
	"context"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/tenants"
)

// find returns the database of the tenant in ctx. Its name is "" if it is made from the ID: making
// it for each statement would cost more than all the rest.
func find(ctx context.Context) (asked Database, err error) {
	id, ok := gormtenant.FromContext(ctx)
	if !ok {
		return asked, missing(ctx)
	}
	if asked.Tenant, err = tenantname.TextOf(id); err != nil {
		return asked, err
	}
	if t, ok := tenants.FromContext(ctx); ok && t.Placement.Level == tenants.Database {
		asked.Name, asked.Server = t.Placement.Name, t.Placement.Server
	}
	return asked, nil
}

// missing returns why ctx has no tenant.
func missing(ctx context.Context) error {
	switch _, unscoped, err := gormtenant.UnscopedReason(ctx); {
	case err != nil:
		return err
	case unscoped:
		return errUnscoped
	}
	_, err := gormtenant.Require(ctx)
	return err
}

// named returns the database with its name.
func (d Database) named() (_ Database, err error) {
	if d.Name == "" {
		d.Name, err = tenantname.Name(d.Tenant)
		return d, err
	}
	if err := tenantname.CheckName(d.Name); err != nil {
		return d, fmt.Errorf("gormtenant: the database in the tenant's placement: %w", err)
	}
	return d, nil
}
