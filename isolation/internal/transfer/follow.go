package transfer

import (
	"context"
)

// Following is a move whose rows are copied in two parts: those that are there while the tenant
// works on, and what it has changed since while it is frozen. It is not safe for concurrent use.
//
// That needs two places on Postgres, a primary key in each table, and in shared tables a foreign
// key of the database to each row that says whose another row is. Elsewhere all is copied while the
// tenant is frozen, by the same calls.
type Following struct {
	plan     *Plan
	from, to Location
	log      *frozenPostgres // nil where changes cannot be followed
	full     bool            // all rows must be copied while the tenant is frozen
}

// Follow begins to note which rows the tenant changes at a place. It creates triggers as Freeze
// does, which write the keys of changed rows to a table. Unlike a look at the rows themselves
// (xmin), which has to read all of them and cannot see what was deleted, this costs the tenant some
// microseconds for each row that it writes, and the mover nothing for those that it does not.
// Unlike logical decoding it needs no right but the owner's. While rows are followed the tenant
// cannot TRUNCATE.
//
// The errors are those of Freeze. One of Freeze and Stop must be called.
func (p *Plan) Follow(ctx context.Context, from, to Location) (*Following, error) {
	if err := apart(from, to); err != nil {
		return nil, err
	}
	f := &Following{plan: p, from: from, to: to, full: true}
	_, source, err := from.pool()
	if err != nil {
		return nil, err
	}
	_, target, err := to.pool()
	if err != nil {
		return nil, err
	}
	if source != onPostgres || target != onPostgres {
		return f, nil
	}
	f.log, err = followPostgres(ctx, p, from)
	f.full = f.log == nil
	return f, err
}

// rounds is how often changes are taken over before the freeze, and fewChanges how many rows may be
// left to it: some ten milliseconds' work.
const (
	rounds     = 10
	fewChanges = 200
)

// Prepare copies the rows to the target, where it deletes what an attempt left, and compares both.
// Then it takes over what has changed meanwhile, until little is left. The tenant writes on. It
// does nothing where changes are not followed.
func (f *Following) Prepare(ctx context.Context, progress func(table string, rows int64)) error {
	if f.full {
		return nil
	}
	if err := f.plan.Clear(ctx, f.to); err != nil {
		return err
	}
	if err := f.copyAsOfNow(ctx, progress); err != nil {
		return err
	}
	before := int64(-1)
	for range rounds {
		n, err := f.catchUp(ctx)
		if err != nil || f.full || n <= fewChanges || before >= 0 && n >= before {
			return err
		}
		before = n
	}
	return nil
}

// copyAsOfNow copies the rows as one snapshot has them, and compares the copy with that snapshot.
func (f *Following) copyAsOfNow(
	ctx context.Context, progress func(table string, rows int64),
) error {
	source, err := f.plan.open(ctx, f.from)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	if err := f.plan.copyFrom(ctx, source, f.from, f.to, progress); err != nil {
		return err
	}
	target, err := f.plan.open(ctx, f.to)
	if err != nil {
		return err
	}
	defer target.close(ctx)
	return compareSides(ctx, source, target)
}

// Freeze is [Plan.Freeze] for a place that is followed.
func (f *Following) Freeze(ctx context.Context) (*Frozen, error) {
	if f.log == nil {
		return f.plan.Freeze(ctx, f.from)
	}
	log := f.log
	f.log = nil
	if err := log.refreeze(ctx, f.plan, f.from); err != nil {
		return nil, err
	}
	return &Frozen{log}, nil
}

// Finish copies what is left to copy while the tenant is frozen, and compares it: rows that were
// not changed since they were compared are as they were. Where a change cannot be taken over by
// itself, such as two rows that exchange a unique value, it copies everything anew.
func (f *Following) Finish(ctx context.Context, progress func(table string, rows int64)) error {
	if !f.full {
		if _, err := f.catchUp(ctx); err != nil {
			return err
		}
	}
	if !f.full {
		return nil
	}
	if err := f.plan.Clear(ctx, f.to); err != nil {
		return err
	}
	if err := f.plan.Copy(ctx, f.from, f.to, progress); err != nil {
		return err
	}
	return f.plan.Compare(ctx, f.from, f.to)
}

// Stop ends the following without a freeze. What it returns means what it means for Thaw.
func (f *Following) Stop(ctx context.Context) error {
	if f.log == nil {
		return nil
	}
	log := f.log
	f.log = nil
	return log.thaw(ctx)
}
