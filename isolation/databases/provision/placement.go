package provision

import (
	"context"
	"fmt"
	"iter"

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// databaseOf returns the database in a tenant's placement.
func databaseOf(t *tenants.Tenant) (databases.Database, error) {
	if t == nil {
		return databases.Database{}, tenants.ErrNotFound
	}
	if err := t.Placement.Validate(); err != nil {
		return databases.Database{}, err
	}
	if level := t.Placement.Normal().Level; level != tenants.Database {
		return databases.Database{}, fmt.Errorf(
			"gormtenant: the placement of the tenant is of the level %s: give one of the level %s",
			level, tenants.Database)
	}
	name, err := tenantname.Name(t.ID)
	if err != nil {
		return databases.Database{}, err
	}
	if t.Placement.Name != "" {
		name = t.Placement.Name
		if err := tenantname.CheckName(name); err != nil {
			return databases.Database{},
				fmt.Errorf("gormtenant: the placement of the tenant: %w", err)
		}
	}
	return databases.Database{Tenant: t.ID, Name: name, Server: t.Placement.Server}, nil
}

// only lists the tenants of a lister for which keep returns true.
func only(lister tenants.Lister, keep func(t *tenants.Tenant) bool) tenants.Lister {
	if lister == nil {
		return nil
	}
	return kept{lister, keep}
}

type kept struct {
	lister tenants.Lister
	keep   func(t *tenants.Tenant) bool
}

func (k kept) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for t, err := range k.lister.List(ctx, after) {
			if err == nil && t != nil && !k.keep(t) {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
}
