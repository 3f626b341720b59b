package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// Erase removes a tenant: all its rows at every place that the directory knows of, where it is,
// what moves left behind or had begun to make, and in the end its entry. It is what the right to be
// forgotten asks for, as far as databases go: backups, logs and what the application keeps
// elsewhere are its own to erase. The rows of models without a tenant field stay.
//
// confirmation must be ERASE_TENANT_ and the name that is made of the ID, such as
// "ERASE_TENANT_tenant_acme"; otherwise the error is [ErrNotConfirmed], which names it, and nothing
// is done.
//
// The tenant is closed first, so that it is not served any more, and its writes to shared tables
// fail from before its rows go until [Fence] ends. The same call again goes on where one failed or
// was killed. When the entry is gone the error is tenants.ErrNotFound. It is [ErrBusy] while the
// tenant is moved.
func (r *Tenants) Erase(ctx context.Context, id, confirmation string) error {
	if err := r.erase(ctx, id, confirmation); err != nil {
		return prefix.Errorf("erasing a tenant: %w", err)
	}
	return nil
}

// EraseConfirmation returns the confirmation that [Tenants.Erase] expects. Show it to a person who
// confirms: a program that passes it on unseen confirms nothing.
func (r *Tenants) EraseConfirmation(id string) (string, error) {
	name, err := tenantname.Name(id)
	return "ERASE_TENANT_" + name, err
}

func (r *Tenants) erase(ctx context.Context, id, confirmation string) error {
	t, err := r.lookup(ctx, id)
	if err != nil {
		return err
	}
	want, err := r.EraseConfirmation(id)
	if err != nil {
		return err
	}
	if confirmation != want {
		return fmt.Errorf("%w: it takes %q", ErrNotConfirmed, want)
	}
	release, err := r.claim(ctx, t)
	if err != nil {
		return err
	}
	err = r.eraseRows(ctx, t)
	release()
	if err != nil {
		return err
	}
	err = r.registry.Delete(ctx, id, func(stored *tenants.Tenant) error {
		if stored.Placement != t.Placement || stored.Status != tenants.Closed {
			return ErrBusy // somebody has moved or opened it meanwhile
		}
		return nil
	})
	r.forget(t)
	return err
}

// claim makes this the only call that moves or erases the tenant, as far as its place is there.
func (r *Tenants) claim(ctx context.Context, t *tenants.Tenant) (func(), error) {
	at, err := r.resolve(ctx, t, t.Placement)
	if err != nil {
		return nil, err
	}
	here, err := r.open(ctx, t, at)
	if isGone(err) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	release := func() {}
	plan, err := r.planAt(ctx, t.ID, here.location)
	if err == nil {
		release, err = plan.Claim(ctx, here.location)
	}
	if err != nil {
		here.close(&err)
		return nil, err
	}
	end := func() {
		release()
		here.close(&err)
	}
	if at.Level == tenants.Database {
		end() // nobody may be connected to a database that is dropped
		return func() {}, nil
	}
	return end, nil
}

// isGone reports whether a place is not there.
func isGone(err error) bool {
	return errors.Is(err, schemas.ErrNoSchema) || errors.Is(err, databases.ErrNoDatabase)
}

// eraseRows removes the rows of a tenant that is not served any more, everywhere.
func (r *Tenants) eraseRows(ctx context.Context, t *tenants.Tenant) error {
	if err := r.registry.Close(ctx, t.ID); err != nil {
		return err
	}
	r.forget(t)
	places := slices.Clone(t.Left)
	if t.Moving != nil && !isRegistering(t) {
		places = append(places, *t.Moving)
	}
	for _, at := range append(places, t.Placement) {
		if err := r.eraseAt(ctx, t, at); err != nil {
			return fmt.Errorf("at %s: %w", at, err)
		}
	}
	return nil
}

// eraseAt removes the rows of a tenant at one place, or the place.
func (r *Tenants) eraseAt(ctx context.Context, t *tenants.Tenant, at tenants.Placement) error {
	at, err := r.resolve(ctx, t, at)
	if err != nil {
		return err
	}
	if at.Level == tenants.Rows {
		// What a mover that died has left there is in the way of the freeze.
		err := r.at(ctx, t, at, func(plan *transfer.Plan, here transfer.Location) error {
			frozen, err := plan.Freeze(ctx, here)
			if errors.Is(err, transfer.ErrMoved) {
				return nil // it is frozen for ever
			}
			if err != nil {
				return err
			}
			return frozen.Keep(ctx)
		})
		if err != nil {
			return err
		}
	}
	l, there := r.levels[at.Level], placedAt(t, at)
	confirmation, err := l.confirmation(ctx, there)
	if err != nil {
		return err
	}
	return l.discard(ctx, there, r.Mover, confirmation)
}
