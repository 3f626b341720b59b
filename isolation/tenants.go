package isolation

import (
	"context"
	"errors"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// Registry is a directory in which tenants are entered and deleted, such as a store.Store.
type Registry interface {
	Directory
	tenants.Lister
	// Create enters a tenant, and completes it.
	Create(ctx context.Context, t *tenants.Tenant) error
	// Resume makes a suspended tenant active.
	Resume(ctx context.Context, id string) error
	// Close makes a tenant closed.
	Close(ctx context.Context, id string) error
	// Delete deletes the entry of a tenant, if allow returns nil for it.
	Delete(ctx context.Context, id string, allow func(t *tenants.Tenant) error) error
}

// Tenants is the whole life of tenants: each call does what has to be done in the directory, at the
// tenant's place and in the caches together. It is a [Mover] too, so it belongs in an operator's
// tool, or in the part of an application that registers tenants. It is safe for concurrent use,
// also by several processes.
//
// Every call may be repeated. One that fails has undone what it did, or says what is left; one
// whose process was killed is finished by the same call.
type Tenants struct {
	*Mover
	registry Registry
}

// NewTenants returns what [NewMover] does, with the rest of a tenant's life. One level is enough,
// if it is [SharedTables] or [OwnSchemas].
//
//	all, err := isolation.NewTenants(directory, []any{&Project{}, &Task{}},
//		isolation.SharedTables(owner), isolation.OwnDatabases(provisioner))
//	err = all.Register(ctx, &tenants.Tenant{Slug: "acme",
//		Placement: tenants.Placement{Level: tenants.Database}})
func NewTenants(directory Registry, models []any, options ...MoverOption) (*Tenants, error) {
	if directory == nil {
		return nil, errors.New("gormtenant: isolation.NewTenants needs the directory itself, " +
			"such as a store.Store")
	}
	m, err := newMover(directory, models)
	if err != nil {
		return nil, err
	}
	err = option.Apply("isolation.NewTenants", options, func(o MoverOption) error {
		return o.apply(m)
	})
	if err != nil {
		return nil, err
	}
	if m.parser() == nil {
		return nil, errors.New("gormtenant: isolation.NewTenants needs the level SharedTables or " +
			"OwnSchemas: the models are parsed as its *gorm.DB names them")
	}
	return &Tenants{Mover: m, registry: directory}, nil
}

// SharedMigrations are those of the shared tables, which [Tenants.MigrateAll] applies. Their
// versions are kept in the table gormtenant_migrations there. Defaults to none: then MigrateAll
// makes the library's own tables there and no others.
func SharedMigrations(list ...migrations.Migration) MoverOption {
	return moverOption(func(m *Mover) error {
		m.sharedMigrations = append(m.sharedMigrations, list...)
		return migrations.Check(m.sharedMigrations)
	})
}
