package isolation

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

// resume cleans up after interrupted moves: it cancels an unfinished one, and blocks writes at
// every former placement.
func (m *Mover) resume(ctx context.Context, t *tenants.Tenant) error {
	if t.Moving != nil {
		if err := m.callOff(ctx, t); err != nil {
			return err
		}
	}
	if err := m.liftHere(ctx, t); err != nil {
		return err
	}
	for _, former := range t.Left {
		if err := m.sealSource(ctx, t, former); err != nil {
			return err
		}
	}
	return nil
}

// callOff removes the rows that an unfinished move brought to its target, and lets the tenant write
// where it is.
func (m *Mover) callOff(ctx context.Context, t *tenants.Tenant) (err error) {
	here, err := m.open(ctx, t, t.Placement)
	if err != nil {
		return err
	}
	defer here.close(&err)
	there, err := m.open(ctx, t, *t.Moving)
	if err != nil {
		return err
	}
	defer there.close(&err)
	plan, err := m.planAt(ctx, t.ID, here.location)
	if err != nil {
		return err
	}
	// This fails with ErrBusy while another mover holds the freeze: its move goes on.
	if err := plan.Thaw(ctx, here.location); err != nil && !errors.Is(err, transfer.ErrLeft) {
		return err
	}
	if plan, err = m.planAt(ctx, t.ID, there.location); err != nil {
		return err
	}
	if err := plan.Clear(ctx, there.location); err != nil {
		return err
	}
	_, err = m.directory.Place(ctx, t.ID, func(stored *tenants.Tenant) error {
		if stored.Moving != nil && *stored.Moving == *t.Moving && stored.Placement == t.Placement {
			stored.Moving = nil
			return nil
		}
		return ErrBusy
	})
	return err
}

// lift drops the fence that Remove left in shared tables, now that the tenant is back.
func lift(ctx context.Context, plan *transfer.Plan, at transfer.Location) error {
	if !at.Shared {
		return nil
	}
	err := plan.Thaw(ctx, at)
	if errors.Is(err, transfer.ErrLeft) {
		return nil // the triggers left do nothing
	}
	return err
}

// liftHere lets the tenant write where it is.
func (m *Mover) liftHere(ctx context.Context, t *tenants.Tenant) error {
	return m.at(ctx, t, t.Placement, func(plan *transfer.Plan, here transfer.Location) error {
		return lift(ctx, plan, here)
	})
}

// sealSource blocks writes at a former placement of the tenant.
func (m *Mover) sealSource(
	ctx context.Context, t *tenants.Tenant, former tenants.Placement,
) error {
	return m.at(ctx, t, former, func(plan *transfer.Plan, there transfer.Location) error {
		frozen, err := plan.Freeze(ctx, there)
		if errors.Is(err, transfer.ErrMoved) {
			return nil
		}
		if err != nil {
			return err
		}
		return frozen.Keep(ctx)
	})
}

// parser returns the *gorm.DB that the models are parsed with: their names have to be the same at
// all levels.
func (m *Mover) parser() *gorm.DB {
	for _, level := range []tenants.Level{tenants.Rows, tenants.Schema} {
		if h, ok := m.levels[level].(interface{ parser() *gorm.DB }); ok {
			return h.parser()
		}
	}
	return nil // never: of two levels, one is rows or schemas
}
