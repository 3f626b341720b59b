package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

// Register enters a tenant in the directory and makes its place: nothing in the shared tables, a
// schema, or a database, with all that its provisioner makes there. t is completed as
// store.Store.Create completes it. When Register returns nil the tenant can be served.
//
// The entry comes first, which takes the tenant's names, and is suspended until the place is
// complete: a tenant that is not wanted active stays suspended. If a step fails, what was made is
// taken back, the entry too. If that fails, or the process is killed, the same call with the same
// ID, slug and placement goes on: give the tenant an ID then, rather than have one made. Until
// then the tenant is Moving to where it is.
//
// The error is that of the directory, such as store.ErrTaken, [ErrNoLevel], or that of making the
// place, such as schemas.ErrNotOurs.
func (r *Tenants) Register(ctx context.Context, t *tenants.Tenant) error {
	if t == nil {
		return errors.New("gormtenant: isolation.Tenants.Register needs a tenant")
	}
	if err := r.register(ctx, t); err != nil {
		return prefix.Errorf("registering a tenant at %s: %w", t.Placement, err)
	}
	return nil
}

func (r *Tenants) register(ctx context.Context, t *tenants.Tenant) error {
	if _, err := r.level(t.Placement); err != nil {
		return err // before anything is entered
	}
	wanted := t.Status
	if wanted == "" {
		wanted = tenants.Active
	}
	entered, err := r.enter(ctx, t)
	if err != nil {
		return err
	}
	if err := r.makePlace(ctx, entered); err != nil {
		return errors.Join(err, r.withdraw(ctx, entered.ID))
	}
	if wanted == tenants.Active {
		if err := r.registry.Resume(ctx, entered.ID); err != nil {
			return err
		}
	}
	placed, err := r.registry.Place(ctx, entered.ID, func(stored *tenants.Tenant) error {
		if !isRegistering(stored) {
			return nil
		}
		full, err := r.resolve(ctx, stored, stored.Placement)
		if full.Level != tenants.Rows { // its name is kept, as moves keep it
			stored.Placement = full
		}
		stored.Moving = nil
		return err
	})
	if err != nil {
		return err
	}
	r.forget(placed)
	*t = *placed
	return nil
}

// isRegistering reports whether a tenant has been entered, and its place may not be complete yet.
// No move goes to where the tenant is.
func isRegistering(t *tenants.Tenant) bool { return t.Moving != nil && *t.Moving == t.Placement }

// enter enters the tenant, or finds the entry of a call that was cut off.
func (r *Tenants) enter(ctx context.Context, t *tenants.Tenant) (*tenants.Tenant, error) {
	entry := *t
	if entry.ID != "" {
		switch found, err := r.registry.Lookup(ctx, entry.ID); {
		case err == nil && found.ID == entry.ID && isRegistering(found):
			if found.Slug != entry.Slug || found.Placement != entry.Placement {
				return nil, fmt.Errorf("%w: a registration of the ID %q with the slug %q at %s "+
					"was cut off: finish it with these, or Erase it", ErrUnfinished, found.ID,
					found.Slug, found.Placement)
			}
			return found, nil
		case err != nil && !errors.Is(err, tenants.ErrNotFound):
			return nil, err
		}
	}
	entry.Status, entry.Left = tenants.Suspended, nil
	if t.Status != "" && t.Status != tenants.Active {
		entry.Status = t.Status
	}
	moving := entry.Placement
	entry.Moving = &moving
	if err := r.registry.Create(ctx, &entry); err != nil {
		return nil, err
	}
	return &entry, nil
}

// makePlace makes the place of a tenant, ready to be written to.
func (r *Tenants) makePlace(ctx context.Context, t *tenants.Tenant) error {
	at, err := r.resolve(ctx, t, t.Placement)
	if err != nil {
		return err
	}
	if err := r.levels[at.Level].prepare(ctx, placedAt(t, at)); err != nil {
		return err
	}
	if at.Level != tenants.Rows {
		return nil
	}
	// A tenant of that ID may have been here, and been erased.
	return r.at(ctx, t, at, func(plan *transfer.Plan, here transfer.Location) error {
		return lift(ctx, plan, here)
	})
}

// at calls fn with an open place of the tenant.
func (m *Mover) at(
	ctx context.Context, t *tenants.Tenant, placement tenants.Placement,
	fn func(plan *transfer.Plan, here transfer.Location) error,
) (err error) {
	here, err := m.open(ctx, t, placement)
	if err != nil {
		return err
	}
	defer here.close(&err)
	plan, err := m.planAt(ctx, t.ID, here.location)
	if err != nil {
		return err
	}
	return fn(plan, here.location)
}

// withdraw deletes the entry of a tenant whose place could not be made. What made it has undone
// what it did there.
func (r *Tenants) withdraw(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	err := r.registry.Delete(ctx, id, func(t *tenants.Tenant) error {
		if !isRegistering(t) {
			return ErrBusy // another call has finished it meanwhile
		}
		return nil
	})
	if err != nil && !errors.Is(err, tenants.ErrNotFound) && !errors.Is(err, ErrBusy) {
		return fmt.Errorf("its entry in the directory is left, suspended: call Register again: %w",
			err)
	}
	return nil
}
