package isolation

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// level is what a Mover needs from one level of isolation. The tenants passed to it have the
// placement in question, with its name filled in.
type level interface {
	// name returns the name of the tenant's place, "" in the shared tables.
	name(ctx context.Context, t *tenants.Tenant) (string, error)
	// makeable returns what would make prepare fail where the place is not there.
	makeable(ctx context.Context, t *tenants.Tenant) error
	// prepare creates the place if needed. It may be repeated.
	prepare(ctx context.Context, t *tenants.Tenant) error
	// open opens the place as its owner. done closes it.
	open(ctx context.Context, t *tenants.Tenant) (at transfer.Location, done func() error,
		err error)
	// confirmation returns the confirmation that discard expects.
	confirmation(ctx context.Context, t *tenants.Tenant) (string, error)
	// discard removes the tenant's old rows, or its own place with them. It may be repeated.
	discard(ctx context.Context, t *tenants.Tenant, m *Mover, confirmation string) error
}

func noop() error { return nil }

// rowsLevel is the level of shared tables.
type rowsLevel struct{ db *gorm.DB }

func (l rowsLevel) parser() *gorm.DB { return l.db }

func (rowsLevel) name(context.Context, *tenants.Tenant) (string, error) { return "", nil }

func (rowsLevel) prepare(context.Context, *tenants.Tenant) error { return nil }

func (rowsLevel) makeable(context.Context, *tenants.Tenant) error { return nil }

func (l rowsLevel) open(
	ctx context.Context, _ *tenants.Tenant,
) (transfer.Location, func() error, error) {
	db := l.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	return transfer.Location{DB: db, Shared: true}, noop, nil
}

func (rowsLevel) confirmation(_ context.Context, t *tenants.Tenant) (string, error) {
	name, err := tenantname.Name(t.ID)
	return "DELETE_ROWS_" + name, err
}

func (l rowsLevel) discard(
	ctx context.Context, t *tenants.Tenant, m *Mover, _ string,
) error {
	at, _, err := l.open(ctx, t)
	if err != nil {
		return err
	}
	plan, err := m.planAt(ctx, t.ID, at)
	if err != nil {
		return err
	}
	return plan.Bury(ctx, at, m.fence)
}

// schemaLevel is the level of a schema for each tenant.
type schemaLevel struct{ *schemas.Provisioner }

func (l schemaLevel) parser() *gorm.DB { return l.Owner() }

// named returns a context in which the tenant's schema has the name from its placement.
func named(ctx context.Context, t *tenants.Tenant) context.Context {
	if t.Placement.Name == "" {
		return ctx
	}
	return tenantname.WithSchema(ctx, t.ID, t.Placement.Name)
}

func (l schemaLevel) name(ctx context.Context, t *tenants.Tenant) (string, error) {
	return l.Name(named(ctx, t), t.ID)
}

func (l schemaLevel) prepare(ctx context.Context, t *tenants.Tenant) error {
	return l.Provision(named(ctx, t), t.ID)
}

func (l schemaLevel) makeable(ctx context.Context, t *tenants.Tenant) error {
	return l.Check(named(ctx, t), t.ID)
}

func (l schemaLevel) open(
	ctx context.Context, t *tenants.Tenant,
) (transfer.Location, func() error, error) {
	exists, err := l.Exists(named(ctx, t), t.ID)
	if err == nil && !exists {
		err = schemas.ErrNoSchema
	}
	if err != nil {
		return transfer.Location{}, nil, err
	}
	name, err := l.name(ctx, t)
	return transfer.Location{DB: l.Owner().WithContext(ctx), Schema: name}, noop, err
}

func (l schemaLevel) confirmation(ctx context.Context, t *tenants.Tenant) (string, error) {
	name, err := l.name(ctx, t)
	return schemas.Confirmation(name), err
}

func (l schemaLevel) discard(
	ctx context.Context, t *tenants.Tenant, _ *Mover, confirmation string,
) error {
	return l.Deprovision(named(ctx, t), t.ID, confirmation)
}

// databaseLevel is the level of a database for each tenant.
type databaseLevel struct{ provisioner Provisioner }

func (databaseLevel) name(_ context.Context, t *tenants.Tenant) (string, error) {
	if t.Placement.Name != "" {
		return t.Placement.Name, tenantname.CheckName(t.Placement.Name)
	}
	return tenantname.Name(t.ID)
}

func (l databaseLevel) prepare(ctx context.Context, t *tenants.Tenant) error {
	return l.provisioner.Provision(ctx, t)
}

func (l databaseLevel) makeable(ctx context.Context, t *tenants.Tenant) error {
	if c, ok := l.provisioner.(checker); ok {
		return c.Check(ctx, t)
	}
	return nil
}

func (l databaseLevel) open(
	ctx context.Context, t *tenants.Tenant,
) (transfer.Location, func() error, error) {
	db, err := l.provisioner.Open(ctx, t)
	if err != nil {
		return transfer.Location{}, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return transfer.Location{}, nil, prefix.Errorf("the database of the tenant: %w", err)
	}
	return transfer.Location{DB: db}, pool.Close, nil
}

func (l databaseLevel) confirmation(ctx context.Context, t *tenants.Tenant) (string, error) {
	name, err := l.name(ctx, t)
	return "DELETE_DATABASE_" + name, err
}

func (l databaseLevel) discard(
	ctx context.Context, t *tenants.Tenant, _ *Mover, confirmation string,
) error {
	return l.provisioner.Deprovision(ctx, t, confirmation)
}

// placedAt returns the tenant as it would be at another placement.
func placedAt(t *tenants.Tenant, placement tenants.Placement) *tenants.Tenant {
	there := *t
	there.Placement, there.Moving, there.Left = placement.Normal(), nil, nil
	return &there
}

// resolve returns a placement with its level and its name filled in.
func (m *Mover) resolve(
	ctx context.Context, t *tenants.Tenant, placement tenants.Placement,
) (tenants.Placement, error) {
	l, err := m.level(placement)
	if err != nil {
		return placement, err
	}
	full := placement.Normal()
	if full.Name, err = l.name(ctx, placedAt(t, full)); err != nil {
		return placement, prefix.Errorf("the placement %s: %w", placement, err)
	}
	return full, nil
}

// endpoint is an open place, the source or the target of a move.
type endpoint struct {
	location transfer.Location
	done     func() error
}

func (m *Mover) open(
	ctx context.Context, t *tenants.Tenant, placement tenants.Placement,
) (*endpoint, error) {
	l, err := m.level(placement)
	if err != nil {
		return nil, err
	}
	e := &endpoint{}
	if e.location, e.done, err = l.open(ctx, placedAt(t, placement)); err != nil {
		return nil, prefix.Errorf("opening the place of the tenant, %s: %w", placement, err)
	}
	return e, nil
}

// close closes the place, and joins its error to err.
func (e *endpoint) close(err *error) { *err = errors.Join(*err, e.done()) }
