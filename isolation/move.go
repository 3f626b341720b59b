package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/meter"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

var (
	// ErrBusy is returned where the tenant is being moved by somebody else.
	ErrBusy = transfer.ErrBusy
	// ErrUnfinished is returned where a move of the tenant to another place was cut off: finish it by the same
	// call that began it, or call it off by a move to where the tenant is.
	ErrUnfinished = errors.New("gormtenant: another move of the tenant was cut off")
	// ErrOccupied is returned where the tenant cannot move in: its rows of an earlier stay are still there, rows
	// that nobody knows of, or others' rows with the same keys. Nothing was written.
	ErrOccupied = errors.New("gormtenant: the tenant cannot move there")
)

// IsMoving says whether err is that of a write of a tenant that is being moved, or of one in a process that
// does not know yet that it has moved. The same write, in a new transaction, will succeed in a moment.
func IsMoving(err error) bool { return transfer.IsFrozen(err) }

// Report says what a move did.
type Report struct {
	// Rows is how many rows were copied.
	Rows int64
	// Frozen is for how long the tenant could not write.
	Frozen time.Duration
}

// Move moves the tenant of that ID, with all its rows, to another placement, while everybody works on:
// others as ever, the tenant itself too, but its writes fail with an error that [IsMoving] knows from the
// beginning of the copy until the directory was switched.
//
// It makes the schema or the database if need be, freezes the tenant's writes at the old place, copies table
// by table, compares counts and checksums, and switches the directory. The old rows stay, where nobody can
// change them, until [Mover.Remove].
//
// Where anything fails, the tenant is where it was and can write, and nothing is left at the new place but
// the empty schema or database. Where the process is killed, the tenant can write again as soon as the server
// notices, after at most 30 seconds; the same call again finishes the move, and a move to where the tenant is
// calls it off. The error is [ErrBusy] where another moves the tenant at the same time, [ErrUnfinished],
// [ErrOccupied], or tenants.ErrNotFound.
func (m *Mover) Move(ctx context.Context, id string, to tenants.Placement) (Report, error) {
	report, err := m.move(ctx, id, to)
	if err != nil {
		return report, fmt.Errorf("gormtenant: moving a tenant to %s: %w", to, err)
	}
	return report, nil
}

func (m *Mover) move(ctx context.Context, id string, to tenants.Placement) (report Report, err error) {
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
	if from == to {
		return report, m.stay(ctx, t)
	}
	j := &journey{Mover: m, id: id, from: from, to: to}
	if j.plan, err = transfer.Read(m.parser(), id, m.models...); err != nil {
		return report, err
	}
	if err := j.mayGo(ctx, t); err != nil {
		return report, err
	}
	if j.source, err = m.open(ctx, t, from); err != nil {
		return report, err
	}
	defer j.source.close(&err)
	if err := m.homes[to.Level].prepare(ctx, at(t, to)); err != nil {
		return report, err
	}
	if j.target, err = m.open(ctx, t, to); err != nil {
		return report, err
	}
	defer j.target.close(&err)
	return j.run(ctx, t)
}

// lookup asks the directory itself. A slug or a domain will not do.
func (m *Mover) lookup(ctx context.Context, id string) (*tenants.Tenant, error) {
	t, err := m.directory.Lookup(ctx, id)
	if err == nil && t.ID != id {
		err = tenants.ErrNotFound
	}
	return t, err
}

// journey is one move.
type journey struct {
	*Mover
	id             string
	from, to       tenants.Placement
	plan           *transfer.Plan
	source, target *site
	resumed        bool // an earlier attempt may have left rows
}

// mayGo refuses a move that cannot begin, and finds out whether it is one that was cut off.
func (j *journey) mayGo(ctx context.Context, t *tenants.Tenant) error {
	for _, left := range t.Left {
		if full, err := j.resolve(ctx, t, left); err == nil && full == j.to {
			return fmt.Errorf("%w: its rows of an earlier stay are still at %s: take them away with Remove", ErrOccupied, left)
		}
	}
	if t.Moving == nil {
		return nil
	}
	moving, err := j.resolve(ctx, t, *t.Moving)
	if err == nil && moving != j.to {
		err = fmt.Errorf("%w, to %s: finish that one by the same call, or call it off by a move to %s", ErrUnfinished, moving, j.from)
	}
	j.resumed = true
	return err
}

// run does the move, whose places are open.
func (j *journey) run(ctx context.Context, t *tenants.Tenant) (report Report, err error) {
	if err := j.announce(ctx); err != nil {
		return report, err
	}
	frozen, err := j.freeze(ctx)
	if errors.Is(err, ErrBusy) {
		return report, err // the other's move goes on
	}
	if err != nil {
		return report, j.callOff(ctx, err)
	}
	began := time.Now()
	thaw := func(err error) error {
		thawed := frozen.Thaw(context.WithoutCancel(ctx))
		if errors.Is(thawed, transfer.ErrLeft) {
			thawed = nil // they do nothing, and go with the next move
		}
		return errors.Join(err, thawed)
	}
	if err := j.stillMine(ctx); err != nil {
		return report, thaw(err)
	}
	if report.Rows, err = j.copy(ctx); err != nil {
		return report, thaw(j.callOff(ctx, err))
	}
	switched, err := j.change(ctx, frozen)
	switch {
	case err != nil && !switched:
		return report, thaw(j.callOff(ctx, err))
	case err != nil: // nothing is lost as long as nobody can write where the tenant may not be any more
		return report, errors.Join(err, frozen.Keep(context.WithoutCancel(ctx)))
	}
	report.Frozen = time.Since(began)
	j.forget(t)
	if err := frozen.Keep(ctx); err != nil {
		return report, fmt.Errorf("gormtenant: the tenant has moved, but its old place is still to be closed to writes: "+
			"call Move again: %w", err)
	}
	return report, nil
}

// announce writes into the directory where the tenant is being moved to, before anything is written there:
// from then on what is found there may be taken for the rest of an attempt.
func (j *journey) announce(ctx context.Context) error {
	if err := j.fits(ctx); err != nil {
		if errors.Is(err, ErrOccupied) && j.overtaken(ctx) {
			return ErrBusy // the rows are another move's
		}
		return err
	}
	_, err := j.directory.Place(ctx, j.id, func(t *tenants.Tenant) error {
		if now, err := j.resolve(ctx, t, t.Placement); err != nil || now != j.from {
			return errors.Join(ErrBusy, err)
		}
		if t.Moving != nil && *t.Moving != j.to {
			return ErrUnfinished
		}
		moving := j.to
		t.Moving = &moving
		return nil
	})
	return err
}

// freeze keeps the tenant from writing where it is.
func (j *journey) freeze(ctx context.Context) (*transfer.Frozen, error) {
	frozen, err := j.plan.Freeze(ctx, j.source.place)
	if !errors.Is(err, transfer.ErrMoved) {
		return frozen, err
	}
	// Closed to writes for good, by a move after which it was not known whether the directory was switched:
	// it was not, unless somebody else has moved the tenant just now.
	if err := j.stillMine(ctx); err != nil {
		return nil, err
	}
	if err := j.plan.Thaw(ctx, j.source.place); err != nil && !errors.Is(err, transfer.ErrLeft) {
		return nil, err
	}
	return j.plan.Freeze(ctx, j.source.place)
}

// stillMine looks whether another move was over before this one had the tenant's writes frozen.
func (j *journey) stillMine(ctx context.Context) error {
	t, err := j.lookup(ctx, j.id)
	if err != nil {
		return err
	}
	now, err := j.resolve(ctx, t, t.Placement)
	if err == nil && (now != j.from || t.Moving == nil || *t.Moving != j.to) {
		err = ErrBusy
	}
	return err
}

// overtaken says whether another move of the tenant began, or ended, since this one looked.
func (j *journey) overtaken(ctx context.Context) bool {
	t, err := j.lookup(ctx, j.id)
	if err != nil {
		return false
	}
	now, err := j.resolve(ctx, t, t.Placement)
	return err == nil && (now != j.from || t.Moving != nil && !j.resumed)
}

// fits refuses a place with rows of the tenant that nobody knows of, and one where its keys are taken.
func (j *journey) fits(ctx context.Context) error {
	found, err := j.plan.Collisions(ctx, j.source.place, j.target.place)
	if err != nil {
		return err
	}
	var texts []string
	for _, c := range found {
		if !c.Leftover || !j.resumed {
			texts = append(texts, c.String())
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrOccupied, strings.Join(texts, "; "))
}

// copy brings the rows, and looks at them.
func (j *journey) copy(ctx context.Context) (rows int64, err error) {
	if err := j.plan.Clear(ctx, j.target.place); err != nil {
		return 0, err
	}
	shown := meter.New(j.progress, "rows", 0, false)
	defer shown.Finish()
	counts := map[string]int64{}
	err = j.plan.Copy(ctx, j.source.place, j.target.place, func(table string, n int64) {
		shown.Add(n - counts[table])
		rows += n - counts[table]
		counts[table] = n
	})
	if err != nil {
		// A row that came since the place was looked at may have a key that is taken there.
		if taken := j.fits(ctx); errors.Is(taken, ErrOccupied) {
			return rows, taken
		}
		return rows, err
	}
	return rows, j.plan.Compare(ctx, j.source.place, j.target.place)
}

// margin is how long before the end of the freeze's lease the directory has to have been switched.
const margin = 10 * time.Second

// change switches the directory. switched is true also where it is not known.
func (j *journey) change(ctx context.Context, frozen *transfer.Frozen) (switched bool, err error) {
	until, err := frozen.Hold(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithDeadline(ctx, until.Add(-margin))
	defer cancel()
	_, err = j.directory.Place(ctx, j.id, func(t *tenants.Tenant) error {
		now, err := j.resolve(ctx, t, t.Placement)
		if err != nil || now != j.from || t.Moving == nil || *t.Moving != j.to {
			return errors.Join(ErrBusy, err)
		}
		t.Placement, t.Moving = j.to, nil
		t.Left = append(slices.Clone(t.Left), j.from)
		return nil
	})
	if err == nil || errors.Is(err, ErrBusy) {
		return err == nil, err
	}
	// Whether it was committed may not be known where the connection was lost. Another change waits for
	// that one to end, and sees what came of it.
	asking, stop := context.WithDeadline(context.WithoutCancel(ctx), until.Add(-margin/2))
	defer stop()
	_, asked := j.directory.Place(asking, j.id, func(t *tenants.Tenant) error {
		switched = t.Placement == j.to
		return nil
	})
	switch {
	case asked != nil:
		return true, fmt.Errorf("gormtenant: it is not known whether the directory was switched, "+
			"and the tenant cannot write until Move is called again: %w", errors.Join(err, asked))
	case switched:
		return true, nil
	}
	return false, err
}

// callOff takes back what was brought and announced, because of err. Where that fails too, the same call
// again goes on.
func (j *journey) callOff(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if cleared := j.plan.Clear(ctx, j.target.place); cleared != nil {
		return errors.Join(err, cleared)
	}
	_, placed := j.directory.Place(ctx, j.id, func(t *tenants.Tenant) error {
		if t.Moving != nil && *t.Moving == j.to {
			t.Moving = nil
		}
		return nil
	})
	return errors.Join(err, placed)
}

// patience is how long to try to take back what was done.
const patience = 30 * time.Second

// forget makes the caches of this process ask for the tenant again.
func (m *Mover) forget(t *tenants.Tenant) {
	for _, cache := range m.caches {
		cache.Invalidate(append([]string{t.ID, t.Slug}, t.Domains...)...)
	}
}
