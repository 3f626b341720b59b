package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// ErrNotConfirmed is returned by [Mover.Remove] for a confirmation other than the one that it
// expects.
var ErrNotConfirmed = errors.New("gormtenant: the removal of the tenant's old rows is not " +
	"confirmed")

// Remove deletes the rows that the tenant left at a former placement, one of tenants.Tenant.Left:
// its rows in the shared tables, or its own schema or database with everything in it. The
// confirmation is DELETE_ROWS_, DELETE_SCHEMA_ or DELETE_DATABASE_ followed by the name of the
// tenant's place, such as "DELETE_SCHEMA_tenant_acme". Any other is [ErrNotConfirmed], whose text
// contains the right one, and nothing is done.
//
// The same call again finishes an interrupted one. The place where the tenant is now is never
// removed. Call Remove when every process has heard of the move: one that has not still reads the
// old rows, and after Remove it reads none. What it writes fails: in the shared tables for as long
// as [Fence] says, elsewhere because there is no such schema or database any more.
func (m *Mover) Remove(
	ctx context.Context, id string, former tenants.Placement, confirmation string,
) error {
	err := m.remove(ctx, id, former, confirmation)
	if err != nil {
		return prefix.Errorf("removing what a tenant left at %s: %w", former, err)
	}
	return nil
}

func (m *Mover) remove(
	ctx context.Context, id string, former tenants.Placement, confirmation string,
) error {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return err
	}
	if former, err = m.resolve(ctx, t, former); err != nil {
		return err
	}
	if here, err := m.resolve(ctx, t, t.Placement); err != nil || here == former {
		return errors.Join(err, errors.New("gormtenant: that is where the tenant is: it stays"))
	}
	if m.indexOf(ctx, t, former) < 0 {
		return errors.New("gormtenant: the tenant has left nothing there: " +
			"see its Left in the directory")
	}
	l, was := m.levels[former.Level], placedAt(t, former)
	want, err := l.confirmation(ctx, was)
	if err != nil {
		return err
	}
	if confirmation != want {
		return fmt.Errorf("%w: it takes %q", ErrNotConfirmed, want)
	}
	if err := l.discard(ctx, was, m, confirmation); err != nil {
		return err
	}
	_, err = m.directory.Place(ctx, id, func(t *tenants.Tenant) error {
		if i := m.indexOf(ctx, t, former); i >= 0 {
			t.Left = slices.Delete(slices.Clone(t.Left), i, i+1)
		}
		return nil
	})
	return err
}

// Confirmation returns the confirmation that [Mover.Remove] expects for a former placement. Show it
// to a person who confirms: a program that passes it on unseen confirms nothing.
func (m *Mover) Confirmation(
	ctx context.Context, id string, former tenants.Placement,
) (string, error) {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return "", err
	}
	if former, err = m.resolve(ctx, t, former); err != nil {
		return "", err
	}
	return m.levels[former.Level].confirmation(ctx, placedAt(t, former))
}

// indexOf returns the index of a placement among those that the tenant has left, -1 if it is none
// of them.
func (m *Mover) indexOf(ctx context.Context, t *tenants.Tenant, former tenants.Placement) int {
	return slices.IndexFunc(t.Left, func(p tenants.Placement) bool {
		full, err := m.resolve(ctx, t, p)
		return err == nil && full == former
	})
}
