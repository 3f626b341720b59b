package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// Clear deletes the tenant's rows at a place, in one transaction: what an attempt left that did not come to
// its end. In a place of the tenant's own that is all rows of the tables.
func (p *Plan) Clear(ctx context.Context, place Place) error {
	_, kind, err := place.pool()
	if err != nil {
		return err
	}
	if kind == onSQLite {
		return p.clearSQLite(ctx, place, false)
	}
	return p.clearPostgres(ctx, place, false)
}

// Remove deletes the tenant's rows at a place where they are not any more, as [Plan.Clear] does, past what
// Keep made to keep writes out, and then that too. It returns [ErrBusy] while the place is frozen.
func (p *Plan) Remove(ctx context.Context, place Place) error {
	_, kind, err := place.pool()
	if err != nil {
		return err
	}
	if kind == onSQLite {
		return p.clearSQLite(ctx, place, true)
	}
	f, found, err := fenced(ctx, p, place)
	if err != nil {
		return err
	}
	if err := p.clearPostgres(ctx, place, true); err != nil || found == "" {
		f.close(ctx)
		return err
	}
	return f.thaw(ctx)
}

// guard looks for what would be deleted though it is not the tenant's: in a place that is said to be the
// tenant's own, and is not, and by foreign keys that delete or change the rows that refer to a deleted one.
func (p *Plan) guard(ctx context.Context, e end, shared bool, literal func(string) string) error {
	if !shared {
		return p.foreign(ctx, e, false, literal)
	}
	references, err := e.cascades(ctx)
	if err != nil {
		return err
	}
	for _, r := range references {
		var tenants string // which rows of the child go as well
		for _, s := range e.spots() {
			if s.at == r.child {
				tenants = " AND NOT (" + s.where + ")"
			}
		}
		n, err := e.count(ctx, r.child, "EXISTS (SELECT 1 FROM "+r.parent.at+" AS "+parentAlias+" WHERE "+r.on+" AND ("+r.parent.where+"))"+tenants)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("gormtenant: %d rows of %s, which are not the tenant's, would be deleted or changed with the rows of %s "+
				"that they refer to: mend them first", n, r.child, r.parent.name)
		}
	}
	return nil
}

// reference is a foreign key by which rows are deleted or changed with the row that they refer to.
type reference struct {
	child  string
	parent *spot
	on     string // the condition between a row of the child and one of the parent
}

// parentAlias stands for the parent's table in the condition of a reference.
const parentAlias = "gormtenant_parent"

// clearPostgres deletes from all tables in one statement: then it does not matter which refer to which, as
// the server looks at foreign keys when it has ended, and the rows of join tables still have their owners.
func (p *Plan) clearPostgres(ctx context.Context, place Place, remove bool) error {
	e, err := openPostgres(ctx, p, place, "BEGIN")
	if err != nil {
		return err
	}
	defer e.close(ctx)
	if remove {
		if err := e.exec(ctx, "SELECT set_config('"+bypass+"', '"+p.digest()+"', true)"); err != nil {
			return err
		}
	}
	if err := p.guard(ctx, e, place.Shared, pgsession.Literal); err != nil {
		return err
	}
	deletes := make([]string, len(e.list))
	for i, s := range e.list {
		deletes[i] = fmt.Sprintf("rows_%d AS (DELETE FROM %s WHERE %s)", i, s.at, s.where)
	}
	if err := e.exec(ctx, "WITH "+strings.Join(deletes, ", ")+" SELECT", "COMMIT"); err != nil {
		return fmt.Errorf("gormtenant: deleting the tenant's rows: %w", err)
	}
	return nil
}

// clearSQLite deletes from join tables first, whose rows are found by their owners. Foreign keys are looked
// at when all is done.
func (p *Plan) clearSQLite(ctx context.Context, place Place, remove bool) error {
	e, err := openSQLite(ctx, p, place, true)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	if remove {
		if err := e.unfence(ctx, p.digest()); err != nil {
			return err
		}
	}
	if err := p.guard(ctx, e, place.Shared, literalSQLite); err != nil {
		return err
	}
	for _, joins := range []bool{true, false} {
		for _, s := range e.list {
			if (s.column == "") != joins {
				continue
			}
			if err := e.exec(ctx, "DELETE FROM "+s.at+" WHERE "+s.where); err != nil {
				return fmt.Errorf("gormtenant: deleting the tenant's rows of %s: %w", s.name, err)
			}
		}
	}
	return e.exec(ctx, "COMMIT")
}
