package isolation

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/place"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// home is a level of isolation as a mover needs it. The placement of the tenant that it is given is the one
// that is meant, with its name.
type home interface {
	// name returns the name of the tenant's place, "" if it has none of its own.
	name(ctx context.Context, t *tenants.Tenant) (string, error)
	// prepare makes the place ready for rows. It may be repeated.
	prepare(ctx context.Context, t *tenants.Tenant) error
	// open opens it as its owner, until done is called.
	open(ctx context.Context, t *tenants.Tenant) (at transfer.Place, done func() error, err error)
	// confirmation is what discard has to be given.
	confirmation(ctx context.Context, t *tenants.Tenant) (string, error)
	// discard removes the tenant's old rows, and the place if it is the tenant's own. It may be repeated.
	discard(ctx context.Context, t *tenants.Tenant, plan *transfer.Plan, confirmation string) error
}

func nothing() error { return nil }

// rowsHome are the shared tables.
type rowsHome struct{ db *gorm.DB }

func (h rowsHome) parser() *gorm.DB { return h.db }

func (rowsHome) name(context.Context, *tenants.Tenant) (string, error) { return "", nil }

func (rowsHome) prepare(context.Context, *tenants.Tenant) error { return nil }

func (h rowsHome) open(ctx context.Context, _ *tenants.Tenant) (transfer.Place, func() error, error) {
	db := h.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	return transfer.Place{DB: db, Shared: true}, nothing, nil
}

func (rowsHome) confirmation(_ context.Context, t *tenants.Tenant) (string, error) {
	name, err := place.Name(t.ID)
	return "DELETE_ROWS_" + name, err
}

func (h rowsHome) discard(ctx context.Context, t *tenants.Tenant, plan *transfer.Plan, _ string) error {
	at, _, err := h.open(ctx, t)
	if err != nil {
		return err
	}
	return plan.Remove(ctx, at)
}

// schemaHome are schemas of tenants' own.
type schemaHome struct{ *schemas.Provisioner }

func (h schemaHome) parser() *gorm.DB { return h.Owner() }

// named returns a context in which the tenant's schema has the name of its placement.
func named(ctx context.Context, t *tenants.Tenant) context.Context {
	if t.Placement.Name == "" {
		return ctx
	}
	return place.WithSchema(ctx, t.ID, t.Placement.Name)
}

func (h schemaHome) name(ctx context.Context, t *tenants.Tenant) (string, error) {
	return h.Name(named(ctx, t), t.ID)
}

func (h schemaHome) prepare(ctx context.Context, t *tenants.Tenant) error {
	return h.Provision(named(ctx, t), t.ID)
}

func (h schemaHome) open(ctx context.Context, t *tenants.Tenant) (transfer.Place, func() error, error) {
	exists, err := h.Exists(named(ctx, t), t.ID)
	if err == nil && !exists {
		err = schemas.ErrNoSchema
	}
	if err != nil {
		return transfer.Place{}, nil, err
	}
	name, err := h.name(ctx, t)
	return transfer.Place{DB: h.Owner().WithContext(ctx), Schema: name}, nothing, err
}

func (h schemaHome) confirmation(ctx context.Context, t *tenants.Tenant) (string, error) {
	name, err := h.name(ctx, t)
	return schemas.Confirmation(name), err
}

func (h schemaHome) discard(ctx context.Context, t *tenants.Tenant, _ *transfer.Plan, confirmation string) error {
	return h.Deprovision(named(ctx, t), t.ID, confirmation)
}

// databaseHome are databases of tenants' own.
type databaseHome struct{ provisioner Provisioner }

func (databaseHome) name(_ context.Context, t *tenants.Tenant) (string, error) {
	if t.Placement.Name != "" {
		return t.Placement.Name, place.CheckName(t.Placement.Name)
	}
	return place.Name(t.ID)
}

func (h databaseHome) prepare(ctx context.Context, t *tenants.Tenant) error {
	return h.provisioner.Provision(ctx, t)
}

func (h databaseHome) open(ctx context.Context, t *tenants.Tenant) (transfer.Place, func() error, error) {
	db, err := h.provisioner.Open(ctx, t)
	if err != nil {
		return transfer.Place{}, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return transfer.Place{}, nil, fmt.Errorf("gormtenant: the database of the tenant: %w", err)
	}
	return transfer.Place{DB: db}, pool.Close, nil
}

func (h databaseHome) confirmation(ctx context.Context, t *tenants.Tenant) (string, error) {
	name, err := h.name(ctx, t)
	return "DELETE_DATABASE_" + name, err
}

func (h databaseHome) discard(ctx context.Context, t *tenants.Tenant, _ *transfer.Plan, confirmation string) error {
	return h.provisioner.Deprovision(ctx, t, confirmation)
}

// at returns the tenant as it would be at another placement.
func at(t *tenants.Tenant, placement tenants.Placement) *tenants.Tenant {
	there := *t
	there.Placement, there.Moving, there.Left = placement.Normal(), nil, nil
	return &there
}

// resolve returns a placement with its level and its name written out.
func (m *Mover) resolve(ctx context.Context, t *tenants.Tenant, placement tenants.Placement) (tenants.Placement, error) {
	h, err := m.home(placement)
	if err != nil {
		return placement, err
	}
	full := placement.Normal()
	if full.Name, err = h.name(ctx, at(t, full)); err != nil {
		return placement, fmt.Errorf("gormtenant: the placement %s: %w", placement, err)
	}
	return full, nil
}

// site is a place that is open.
type site struct {
	home   home
	tenant *tenants.Tenant // with the placement that is meant
	place  transfer.Place
	done   func() error
}

func (m *Mover) open(ctx context.Context, t *tenants.Tenant, placement tenants.Placement) (*site, error) {
	h, err := m.home(placement)
	if err != nil {
		return nil, err
	}
	s := &site{home: h, tenant: at(t, placement)}
	if s.place, s.done, err = h.open(ctx, s.tenant); err != nil {
		return nil, fmt.Errorf("gormtenant: opening the place of the tenant, %s: %w", placement, err)
	}
	return s, nil
}

// close closes the place, and adds what goes wrong to err.
func (s *site) close(err *error) { *err = errors.Join(*err, s.done()) }
