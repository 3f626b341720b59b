package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

var (
	// ErrBusy is returned while another call or process moves the tenant.
	ErrBusy = transfer.ErrBusy
	// ErrUnfinished is returned if a move of the tenant to another place was interrupted: its
	// process is gone. The same call finishes it, and a move to where the tenant is cancels it.
	ErrUnfinished = errors.New("gormtenant: another move of the tenant was cut off")
	// ErrOccupied is returned if the target already has rows of the tenant, from an earlier move or
	// of unknown origin, or rows of other tenants with the same keys. Nothing was written.
	ErrOccupied = errors.New("gormtenant: the tenant cannot move there")
)

// IsMoving reports whether err is the error of a write by a tenant that is being moved, or in a
// process that has not heard yet that it was; the text says which. The same write, in a new
// transaction, soon succeeds.
func IsMoving(err error) bool { return transfer.IsFrozen(err) }

// Report is what a move did.
type Report struct {
	// Rows is how many rows were copied.
	Rows int64
	// Frozen is how long the tenant's writes were blocked.
	Frozen time.Duration
}

// Move moves the tenant with that ID, and all its rows, to another placement. Meanwhile everybody
// works on, the tenant too; only at the end its writes fail, with an error for which [IsMoving]
// returns true, until the directory is switched.
//
// Move creates the schema or the database if needed, copies the tenant's rows table by table while
// triggers note which of them change, and compares counts and checksums. Then it blocks the
// tenant's writes at the old place, copies and compares what has changed, and switches the
// directory. With SQLite at one side, or a table without a primary key, all is copied while writes
// are blocked. The old rows stay behind, and the tenant cannot change them, until [Mover.Remove].
//
// If anything fails, the tenant is where it was and can write, and the new place holds at most an
// empty schema or database. If the process is killed, the tenant can write again as soon as the
// server notices, after at most 30 seconds. The same call again finishes the move, and a move to
// where the tenant is cancels it.
//
// The error is [ErrBusy], [ErrUnfinished], [ErrOccupied], tenants.ErrNotFound for an id that is no
// tenant's ID, or an error of a database.
func (m *Mover) Move(ctx context.Context, id string, to tenants.Placement) (Report, error) {
	report, err := m.move(ctx, id, to)
	if err != nil {
		return report, prefix.Errorf("moving a tenant to %s: %w", to, err)
	}
	return report, nil
}

func (m *Mover) move(
	ctx context.Context, id string, to tenants.Placement,
) (report Report, err error) {
	t, err := m.lookup(ctx, id)
	if err != nil {
		return report, err
	}
	if to, err = m.resolve(ctx, t, to); err != nil {
		return report, err
	}
	from, err := m.resolve(ctx, t, t.Placement)
	if err != nil {
		return report, err
	}
	source, err := m.open(ctx, t, from)
	if err != nil {
		return report, err
	}
	defer source.close(&err)
	if err := refuseCitus(ctx, source.location); err != nil {
		return report, err
	}
	mv := &move{Mover: m, id: id, from: from, to: to, source: source}
	if mv.plan, err = m.planAt(ctx, id, source.location); err != nil {
		return report, err
	}
	release, err := mv.plan.Claim(ctx, source.location)
	if err != nil {
		return report, err
	}
	defer release()
	// Another move may have ended, or have been cut off, before this one had its claim.
	if t, err = m.lookup(ctx, id); err != nil {
		return report, err
	}
	if now, err := m.resolve(ctx, t, t.Placement); err != nil || now != from {
		return report, errors.Join(ErrBusy, err)
	}
	if isRegistering(t) {
		return report, fmt.Errorf("%w: its registration was cut off: call Register again, or Erase",
			ErrUnfinished)
	}
	if from == to {
		return report, m.resume(ctx, t)
	}
	if err := mv.admit(ctx, t); err != nil {
		return report, err
	}
	if err := m.levels[to.Level].prepare(ctx, placedAt(t, to)); err != nil {
		return report, err
	}
	if mv.target, err = m.open(ctx, t, to); err != nil {
		return report, err
	}
	defer mv.target.close(&err)
	if err := refuseCitus(ctx, mv.target.location); err != nil {
		return report, err
	}
	if err := makeOwn(ctx, source.location, mv.target.location); err != nil {
		return report, err
	}
	return mv.run(ctx, t)
}

// lookup asks the directory, which also finds tenants by their slugs and domains: those are
// refused.
func (m *Mover) lookup(ctx context.Context, id string) (*tenants.Tenant, error) {
	t, err := m.directory.Lookup(ctx, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the tenant with the ID %q: %w", id, err)
	case t.ID != id:
		return nil, fmt.Errorf("%w that has the ID %q: that is the slug or a domain of the tenant "+
			"whose ID is %q: pass the ID", tenants.ErrNotFound, id, t.ID)
	}
	return t, nil
}

// move is one move.
type move struct {
	*Mover
	id             string
	from, to       tenants.Placement
	plan           *transfer.Plan
	source, target *endpoint
	resumed        bool // an interrupted attempt may have left rows at the target
}

// admit refuses a move that cannot begin, and finds out whether it resumes an interrupted one.
func (mv *move) admit(ctx context.Context, t *tenants.Tenant) error {
	for _, former := range t.Left {
		if full, err := mv.resolve(ctx, t, former); err == nil && full == mv.to {
			return fmt.Errorf("%w: its old rows are still at %s: remove them first, with Remove",
				ErrOccupied, former)
		}
	}
	if t.Moving == nil {
		return nil
	}
	moving, err := mv.resolve(ctx, t, *t.Moving)
	if err == nil && moving != mv.to {
		err = fmt.Errorf("%w, to %s: finish it by the same call, or cancel it by a move to %s",
			ErrUnfinished, moving, mv.from)
	}
	mv.resumed = true
	return err
}

// run does the move between the two open places.
func (mv *move) run(ctx context.Context, t *tenants.Tenant) (report Report, err error) {
	if err := mv.announce(ctx); err != nil {
		return report, err
	}
	following, err := mv.follow(ctx)
	if errors.Is(err, ErrBusy) {
		return report, err // the move of the other goes on, so nothing is cancelled
	}
	if err != nil {
		return report, mv.callOff(ctx, err)
	}
	if err := mv.stillMine(ctx); err != nil {
		return report, mv.stop(ctx, following, err)
	}
	shown := mv.shown(&report)
	defer shown.finish()
	if err := following.Prepare(ctx, shown.progress); err != nil {
		return report, mv.stop(ctx, following, mv.callOff(ctx, mv.taken(ctx, err)))
	}
	began := time.Now()
	frozen, err := mv.freeze(ctx, following)
	if errors.Is(err, ErrBusy) {
		return report, err
	}
	if err != nil {
		return report, mv.callOff(ctx, err)
	}
	thaw := func(err error) error {
		thawed := frozen.Thaw(context.WithoutCancel(ctx))
		if errors.Is(thawed, transfer.ErrLeft) {
			thawed = nil // the triggers left do nothing, and the next move drops them
		}
		return errors.Join(err, thawed)
	}
	if err := mv.stillMine(ctx); err != nil {
		return report, thaw(err)
	}
	if err := following.Finish(ctx, shown.progress); err != nil {
		return report, thaw(mv.callOff(ctx, mv.taken(ctx, err)))
	}
	switched, err := mv.change(ctx, frozen)
	switch {
	case err != nil && !switched:
		return report, thaw(mv.callOff(ctx, err))
	case err != nil: // the tenant may be at the target already: writes at the source would be lost
		return report, errors.Join(err, frozen.Keep(context.WithoutCancel(ctx)))
	}
	report.Frozen = time.Since(began)
	mv.forget(t)
	if err := frozen.Keep(ctx); err != nil {
		return report, fmt.Errorf("the tenant has moved, but writes at its old place are not "+
			"blocked for ever yet: "+
			"call Move again: %w", err)
	}
	if err := lift(ctx, mv.plan, mv.target.location); err != nil {
		return report, fmt.Errorf("the tenant has moved, but the fence of an earlier removal "+
			"still blocks its writes: call Move again: %w", err)
	}
	return report, nil
}

// announce records the target in the directory before anything is written there. From then on, rows
// of the tenant found at the target are known to be the rest of an attempt.
func (mv *move) announce(ctx context.Context) error {
	if err := mv.fits(ctx); err != nil {
		if errors.Is(err, ErrOccupied) && mv.overtaken(ctx) {
			return ErrBusy // the rows are of another move
		}
		return err
	}
	_, err := mv.directory.Place(ctx, mv.id, func(t *tenants.Tenant) error {
		if now, err := mv.resolve(ctx, t, t.Placement); err != nil || now != mv.from {
			return errors.Join(ErrBusy, err)
		}
		if t.Moving != nil && *t.Moving != mv.to {
			return ErrBusy
		}
		moving := mv.to
		t.Moving = &moving
		return nil
	})
	return err
}

// stillMine returns ErrBusy if another move ended before this one had blocked the tenant's writes.
func (mv *move) stillMine(ctx context.Context) error {
	t, err := mv.lookup(ctx, mv.id)
	if err != nil {
		return err
	}
	now, err := mv.resolve(ctx, t, t.Placement)
	if err == nil && (now != mv.from || t.Moving == nil || *t.Moving != mv.to) {
		err = ErrBusy
	}
	return err
}

// overtaken reports whether another move of the tenant began or ended since this one looked.
func (mv *move) overtaken(ctx context.Context) bool {
	t, err := mv.lookup(ctx, mv.id)
	if err != nil {
		return false
	}
	now, err := mv.resolve(ctx, t, t.Placement)
	return err == nil && (now != mv.from || t.Moving != nil && !mv.resumed)
}

// fits returns ErrOccupied if the target has rows of the tenant of unknown origin, or rows of other
// tenants with the same keys.
func (mv *move) fits(ctx context.Context) error {
	found, err := mv.plan.Collisions(ctx, mv.source.location, mv.target.location)
	if err != nil {
		return err
	}
	var texts []string
	for _, c := range found {
		if !c.Leftover || !mv.resumed {
			texts = append(texts, c.String())
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrOccupied, strings.Join(texts, "; "))
}

// margin is how long before the lease of the freeze ends the directory must have been switched.
const margin = 10 * time.Second

// change switches the directory. switched is also true if the outcome is unknown.
func (mv *move) change(ctx context.Context, frozen *transfer.Frozen) (switched bool, err error) {
	if mv.target.location.Shared {
		restore, err := mv.plan.Shorten(ctx, mv.target.location)
		if err != nil {
			return false, err
		}
		defer func() {
			if !switched {
				err = errors.Join(err, restore(context.WithoutCancel(ctx)))
			}
		}()
	}
	until, err := frozen.Hold(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithDeadline(ctx, until.Add(-margin))
	defer cancel()
	_, err = mv.directory.Place(ctx, mv.id, func(t *tenants.Tenant) error {
		now, err := mv.resolve(ctx, t, t.Placement)
		if err != nil || now != mv.from || t.Moving == nil || *t.Moving != mv.to {
			return errors.Join(ErrBusy, err)
		}
		t.Placement, t.Moving = mv.to, nil
		t.Left = append(slices.Clone(t.Left), mv.from)
		return nil
	})
	if err == nil || errors.Is(err, ErrBusy) {
		return err == nil, err
	}
	// If the connection was lost, the commit may have succeeded. A second change waits for the
	// first to end, and sees its outcome.
	asking, stop := context.WithDeadline(context.WithoutCancel(ctx), until.Add(-margin/2))
	defer stop()
	_, asked := mv.directory.Place(asking, mv.id, func(t *tenants.Tenant) error {
		switched = t.Placement == mv.to
		return nil
	})
	switch {
	case asked != nil:
		return true, fmt.Errorf("it is not known whether the directory was switched, "+
			"and the tenant cannot write until Move is called again: %w", errors.Join(err, asked))
	case switched:
		return true, nil
	}
	return false, err
}

// callOff undoes the copy and the announcement after err. If that fails too, the same call of Move
// again goes on from there.
func (mv *move) callOff(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if cleared := mv.plan.Clear(ctx, mv.target.location); cleared != nil {
		return errors.Join(err, cleared)
	}
	_, placed := mv.directory.Place(ctx, mv.id, func(t *tenants.Tenant) error {
		if t.Moving != nil && *t.Moving == mv.to {
			t.Moving = nil
		}
		return nil
	})
	return errors.Join(err, placed)
}

// rollbackTimeout bounds the undoing of a move that failed.
const rollbackTimeout = 30 * time.Second

// forget drops the tenant from the caches of this process.
func (m *Mover) forget(t *tenants.Tenant) {
	for _, cache := range m.caches {
		cache.Invalidate(append([]string{t.ID, t.Slug}, t.Domains...)...)
	}
}
