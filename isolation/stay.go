package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

// stay finishes what moves of the tenant were cut off in: it calls off one that has not come to its end, and
// sees to it that nobody can write where the tenant was before.
func (m *Mover) stay(ctx context.Context, t *tenants.Tenant) error {
	if t.Moving != nil {
		if err := m.callOff(ctx, t); err != nil {
			return err
		}
	}
	for _, left := range t.Left {
		if err := m.shut(ctx, t, left); err != nil {
			return err
		}
	}
	return nil
}

// callOff removes what an unfinished move has brought to where it was going, and lets the tenant write where
// it is.
func (m *Mover) callOff(ctx context.Context, t *tenants.Tenant) (err error) {
	plan, err := transfer.Read(m.parser(), t.ID, m.models...)
	if err != nil {
		return err
	}
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
	// Whoever has frozen the tenant is at work, and does not want to be called off.
	if err := plan.Thaw(ctx, here.place); err != nil && !errors.Is(err, transfer.ErrLeft) {
		return err
	}
	if err := plan.Clear(ctx, there.place); err != nil {
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

// shut sees to it that nobody can write at a place that the tenant has left.
func (m *Mover) shut(ctx context.Context, t *tenants.Tenant, left tenants.Placement) (err error) {
	plan, err := transfer.Read(m.parser(), t.ID, m.models...)
	if err != nil {
		return err
	}
	there, err := m.open(ctx, t, left)
	if err != nil {
		return err
	}
	defer there.close(&err)
	frozen, err := plan.Freeze(ctx, there.place)
	if errors.Is(err, transfer.ErrMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	return frozen.Keep(ctx)
}

// parser returns what the models are read with: their names have to be the same at all levels.
func (m *Mover) parser() *gorm.DB {
	for _, level := range []tenants.Level{tenants.Rows, tenants.Schema} {
		if h, ok := m.homes[level].(interface{ parser() *gorm.DB }); ok {
			return h.parser()
		}
	}
	return nil // never: of two levels one is of the two
}

// ErrNotConfirmed is returned by [Mover.Remove] where the confirmation is not the one that it takes.
var ErrNotConfirmed = errors.New("gormtenant: the removal of the tenant's old rows is not confirmed")

// Remove removes what the tenant has left at a place that it has moved out of, one of tenants.Tenant.Left:
// its rows in the shared tables, or the schema or database of its own with all that is in it. The
// confirmation is DELETE_ROWS_, DELETE_SCHEMA_ or DELETE_DATABASE_ with the name of the tenant's place behind
// it, as in "DELETE_SCHEMA_tenant_acme"; another is [ErrNotConfirmed], which names it, and nothing is done.
//
// The same call again finishes what was cut off. Where the tenant is now is never removed. Call it when every
// process has heard of the move: one that has not reads the old rows still, and after Remove it reads none.
func (m *Mover) Remove(ctx context.Context, id string, left tenants.Placement, confirmation string) error {
	err := m.remove(ctx, id, left, confirmation)
	if err != nil {
		return fmt.Errorf("gormtenant: removing what a tenant left at %s: %w", left, err)
	}
	return nil
}

func (m *Mover) remove(ctx context.Context, id string, left tenants.Placement, confirmation string) error {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return err
	}
	if left, err = m.resolve(ctx, t, left); err != nil {
		return err
	}
	if here, err := m.resolve(ctx, t, t.Placement); err != nil || here == left {
		return errors.Join(err, errors.New("gormtenant: that is where the tenant is: it stays"))
	}
	if m.indexOf(ctx, t, left) < 0 {
		return errors.New("gormtenant: the tenant has left nothing there: see its Left in the directory")
	}
	h, was := m.homes[left.Level], at(t, left)
	want, err := h.confirmation(ctx, was)
	if err != nil {
		return err
	}
	if confirmation != want {
		return fmt.Errorf("%w: it takes %q", ErrNotConfirmed, want)
	}
	plan, err := transfer.Read(m.parser(), id, m.models...)
	if err != nil {
		return err
	}
	if err := h.discard(ctx, was, plan, confirmation); err != nil {
		return err
	}
	_, err = m.directory.Place(ctx, id, func(t *tenants.Tenant) error {
		if i := m.indexOf(ctx, t, left); i >= 0 {
			t.Left = slices.Delete(slices.Clone(t.Left), i, i+1)
		}
		return nil
	})
	return err
}

// Confirmation returns what [Mover.Remove] takes as the confirmation for a place. Ask for it where a person is to
// confirm; what passes it on unseen might as well not ask.
func (m *Mover) Confirmation(ctx context.Context, id string, left tenants.Placement) (string, error) {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return "", err
	}
	if left, err = m.resolve(ctx, t, left); err != nil {
		return "", err
	}
	return m.homes[left.Level].confirmation(ctx, at(t, left))
}

// indexOf returns which of the places that the tenant has left is that one, -1 if none is.
func (m *Mover) indexOf(ctx context.Context, t *tenants.Tenant, left tenants.Placement) int {
	return slices.IndexFunc(t.Left, func(p tenants.Placement) bool {
		full, err := m.resolve(ctx, t, p)
		return err == nil && full == left
	})
}
