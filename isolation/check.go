package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

// Check returns what would make [Mover.Move] of the tenant with that ID fail, all of it joined; nil
// if nothing is known that would. It writes nothing, freezes nobody, and makes no schema and no
// database. It looks for
//
//   - a tenant that is not there, is being moved, or has left rows where it is to go
//     ([ErrUnfinished], [ErrOccupied]);
//   - tables and columns that are missing on either side, or of other types;
//   - shared tables that Citus has distributed, where distribute.Isolate is for the tenant;
//   - rows that belong to the tenant only in part;
//   - rows and keys that are taken there ([ErrOccupied]);
//   - rights that the roles of the levels lack, to switch triggers off too, and policies that hide
//     rows from them;
//   - a schema or a database of that name that is not the tenant's.
//
// Of a schema or a database that is yet to be made it can look at the name and the rights only.
// What the tenant writes meanwhile, full disks and lost connections can make a move fail all the
// same. It reads what is unique of each of the tenant's rows where it goes to shared tables, and so
// takes longer with more of them.
func (m *Mover) Check(ctx context.Context, tenant string, to tenants.Placement) error {
	if err := m.check(ctx, tenant, to); err != nil {
		return prefix.Errorf("checking a move to %s: %w", to, err)
	}
	return nil
}

func (m *Mover) check(ctx context.Context, id string, to tenants.Placement) (err error) {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return err
	}
	full, err := m.resolve(ctx, t, to)
	if err != nil {
		return err
	}
	from, err := m.resolve(ctx, t, t.Placement)
	if err != nil {
		return err
	}
	if isRegistering(t) {
		return fmt.Errorf("%w: its registration was cut off: call Register again, or Erase",
			ErrUnfinished)
	}
	if from == full {
		return nil
	}
	mv := &move{Mover: m, id: id, from: from, to: full}
	errs := []error{mv.admit(ctx, t)}
	if mv.source, err = m.open(ctx, t, from); err != nil {
		return errors.Join(append(errs, err)...)
	}
	defer mv.source.close(&err)
	errs = append(errs, refuseCitus(ctx, mv.source.location))
	if mv.plan, err = m.planAt(ctx, id, mv.source.location); err != nil {
		return errors.Join(append(errs, err)...)
	}
	errs = append(errs, mv.plan.CheckSource(ctx, mv.source.location),
		mv.checkTarget(ctx, placedAt(t, full)))
	return errors.Join(errs...)
}

// checkTarget looks at the place that the tenant is to go to, or at whether it can be made.
func (mv *move) checkTarget(ctx context.Context, there *tenants.Tenant) (err error) {
	mv.target, err = mv.open(ctx, there, mv.to)
	if isGone(err) {
		return mv.levels[mv.to.Level].makeable(ctx, there)
	}
	if err != nil {
		return err
	}
	defer mv.target.close(&err)
	if err := refuseCitus(ctx, mv.target.location); err != nil {
		return err
	}
	if err := mv.hasTables(ctx); err != nil {
		return err
	}
	return errors.Join(mv.plan.CheckTarget(ctx, mv.source.location, mv.target.location),
		mv.fits(ctx))
}

// hasTables looks for the library's own tables, which a move would make. Without them the rest
// cannot be looked at.
func (mv *move) hasTables(ctx context.Context) error {
	needed, err := hasOwn(ctx, mv.source.location)
	if err != nil || !needed {
		return err
	}
	has, err := hasOwn(ctx, mv.target.location)
	if err != nil || has {
		return err
	}
	// The move makes it: look at the tables of the application only.
	mv.plan, err = transfer.Read(mv.parser(), mv.id, mv.models...)
	return err
}

// checker is a [Provisioner] that can tell whether it can make a database.
type checker interface {
	// Check returns what would make Provision fail, as far as that can be known.
	Check(ctx context.Context, t *tenants.Tenant) error
}
