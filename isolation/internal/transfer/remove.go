package transfer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// Clear deletes the tenant's rows at a place, in one transaction: the rest of an unfinished
// attempt. In a place of the tenant's own it deletes all rows of the tables. Triggers of the
// application are off: on Postgres, others wait until the end to write to shared tables that have
// any for DELETE or UPDATE.
func (p *Plan) Clear(ctx context.Context, loc Location) error {
	_, dialect, err := loc.pool()
	if err != nil {
		return err
	}
	if dialect == onSQLite {
		return p.clearSQLite(ctx, loc, false, 0)
	}
	return p.clearPostgres(ctx, loc, false)
}

// Remove deletes the tenant's rows at a place that it has left, as [Plan.Clear] does, in spite of
// the triggers of Keep, and then drops those. It returns [ErrBusy] while the place is frozen.
func (p *Plan) Remove(ctx context.Context, loc Location) error { return p.Bury(ctx, loc, 0) }

// Bury is Remove, except that the triggers outlast the rows by fence: a process that has not heard
// of the move must not write where nobody looks. They let in what [Plan.Copy] brings.
func (p *Plan) Bury(ctx context.Context, loc Location, fence time.Duration) error {
	_, dialect, err := loc.pool()
	if err != nil {
		return err
	}
	if dialect == onSQLite {
		return p.clearSQLite(ctx, loc, true, fence)
	}
	f, found, err := fenced(ctx, p, loc)
	if err != nil {
		return err
	}
	if err := p.clearPostgres(ctx, loc, true); err != nil || found == "" {
		f.close(ctx)
		return err
	}
	if fence > 0 {
		return f.bury(ctx, fence)
	}
	return f.thaw(ctx)
}

// restore takes back what Shorten did.
type restore = func(ctx context.Context) error

// Shorten makes what [Plan.Bury] left end by itself as soon as [Frozen.Hold] would: before the
// directory is switched to this place, so that the tenant can write there even if the mover dies
// before it drops it. restore takes that back.
func (p *Plan) Shorten(
	ctx context.Context, loc Location,
) (restore func(ctx context.Context) error, err error) {
	_, dialect, err := loc.pool()
	if err != nil {
		return nil, err
	}
	if dialect == onPostgres {
		return shortenPostgres(ctx, p, loc)
	}
	return shortenSQLite(ctx, p, loc)
}

// guard fails if rows that are not the tenant's would be deleted: in a place that is wrongly said
// to be the tenant's own, or by foreign keys that delete or change the rows that refer to a deleted
// one.
func (p *Plan) guard(ctx context.Context, e side, shared bool, literal func(string) string) error {
	if !shared {
		return p.foreign(ctx, e, false, literal)
	}
	references, err := e.references(ctx)
	if err != nil {
		return err
	}
	for _, r := range references {
		if !r.acts {
			continue
		}
		n, err := r.strangers(ctx, e)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("gormtenant: %d rows of %s, which are not the tenant's, "+
				"would be deleted or changed with the rows of %s "+
				"that they refer to: fix them first", n, r.child, r.parent.name)
		}
	}
	return nil
}

// reference is a foreign key of the database.
type reference struct {
	child   string // as SQL
	name    string // of the child, "" if it is in another schema
	parent  *locatedTable
	columns []tenanttable.ColumnPair
	acts    bool // rows are deleted or changed with the row that they refer to
}

// strangers counts the rows that refer to a row of the tenant and are not the tenant's.
func (r reference) strangers(ctx context.Context, e side) (int64, error) {
	var tenants string // which rows of the child go as well
	for _, s := range e.tables() {
		if s.qualifiedName == r.child {
			tenants = " AND (" + s.where + ") IS NOT TRUE"
		}
	}
	// The condition on the parent names its columns without the table where it has a tenant column.
	on := make([]string, len(r.columns))
	for i, c := range r.columns {
		on[i] = "key_" + strconv.Itoa(i) + " = " + r.child + "." + quoted(c.Foreign)
	}
	keys := make([]string, len(r.columns))
	for i, c := range r.columns {
		keys[i] = quoted(c.Primary) + " AS key_" + strconv.Itoa(i)
	}
	return e.count(ctx, r.child, "EXISTS (SELECT 1 FROM (SELECT "+strings.Join(keys, ", ")+
		" FROM "+r.parent.qualifiedName+" WHERE "+r.parent.where+") AS "+parentAlias+" WHERE "+
		strings.Join(each(on, func(term string) string { return parentAlias + "." + term }),
			" AND ")+")"+tenants)
}

// parentAlias stands for the parent's table in the condition of a reference.
const parentAlias = "gormtenant_parent"

// clearPostgres deletes from all tables in one statement: then it does not matter which refer to
// which, as the server looks at foreign keys when it has ended, and the rows of join tables still
// have their owners.
func (p *Plan) clearPostgres(ctx context.Context, loc Location, remove bool) error {
	e, err := openPostgres(ctx, p, loc, "BEGIN")
	if err != nil {
		return err
	}
	defer e.close(ctx)
	pass := arrival
	if remove {
		pass = bypass
	}
	if err := e.pass(ctx, p, pass); err != nil {
		return err
	}
	if err := p.guard(ctx, e, loc.Shared, pgsession.Literal); err != nil {
		return err
	}
	q, err := e.triggersOf(ctx, onDelete|onUpdate) // a foreign key may update
	if err != nil {
		return err
	}
	if err := e.silence(ctx, q); err != nil {
		return err
	}
	deletes := make([]string, len(e.list))
	for i, s := range e.list {
		deletes[i] = fmt.Sprintf("rows_%d AS (DELETE FROM %s WHERE %s)", i, s.qualifiedName,
			s.where)
	}
	if err := e.exec(ctx, "WITH "+strings.Join(deletes, ", ")+" SELECT"); err != nil {
		return fmt.Errorf("gormtenant: deleting the tenant's rows: %w", err)
	}
	if err := e.unsilence(ctx, q); err != nil {
		return err
	}
	return e.exec(ctx, "COMMIT")
}

// clearSQLite deletes first from tables whose rows are found by their owners. Foreign keys
// are looked at when all is done.
func (p *Plan) clearSQLite(
	ctx context.Context, loc Location, remove bool, fence time.Duration,
) error {
	e, err := openSQLite(ctx, p, loc, true)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	lift := e.arrive
	if remove {
		lift = e.unfence
	}
	if err := lift(ctx, p.digest()); err != nil {
		return err
	}
	if err := p.guard(ctx, e, loc.Shared, literalSQLite); err != nil {
		return err
	}
	back, err := e.silence(ctx)
	if err != nil {
		return err
	}
	for _, joins := range []bool{true, false} {
		for _, s := range slices.Backward(e.list) {
			if (s.column == "") != joins {
				continue
			}
			if err := e.exec(ctx, "DELETE FROM "+s.qualifiedName+" WHERE "+s.where); err != nil {
				return fmt.Errorf("gormtenant: deleting the tenant's rows of %s: %w", s.name, err)
			}
		}
	}
	if fence > 0 {
		if err := e.bury(ctx, p, loc, fence); err != nil {
			return err
		}
	}
	if err := e.arrived(ctx, p.digest()); err != nil {
		return err
	}
	return e.exec(ctx, append(back, "COMMIT")...)
}
