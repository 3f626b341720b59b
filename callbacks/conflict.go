package callbacks

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

var errUpsert = fmt.Errorf("%w: this database's upsert takes no condition, so the row of another "+
	"tenant with the same key could be overwritten: look the row up first, then create or update it",
	gormtenant.ErrUnsupported)

// buildConflict limits an upsert to the tenant's rows:
//
//	ON CONFLICT ("id") DO UPDATE SET "name"="excluded"."name" WHERE "projects"."tenant_id" = $3
//
// The tenant column is never among what is set. A row of another tenant with the same key stays as
// it is; afterInsert tells the caller.
func (g *guard) buildConflict(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	w.surroundings(c)
	own, err := g.target(stmt)
	if err != nil {
		failBuild(stmt, stmt.Table, err)
		return
	}
	conflict, ok := c.Expression.(clause.OnConflict)
	if !ok {
		w.unknown(c.Expression)
		if own.table != nil {
			failBuild(stmt, own.table.Name, errUpsert)
		}
	} else {
		w.conflict(&conflict, own.table != nil && !w.unscoped())
	}
	s, err := resolve(stmt.Context)
	if own.table == nil || s.unscoped && err == nil {
		if !w.failed() {
			if ok {
				c.Expression = conflict
			}
			write(c, stmt, prev)
		}
		return
	}
	if err != nil {
		failBuild(stmt, own.table.Name, err)
	}
	g.scopeConflict(&w, own.table, s, &conflict)
	if w.failed() {
		return
	}
	if conflict.DoNothing {
		conflict.Where = clause.Where{} // DO NOTHING takes none.
		c.Expression = conflict
		write(c, stmt, prev)
		return
	}
	guarded := &upsertCondition{table: own.table, exprs: conflict.Where.Exprs, id: s.id}
	conflict.Where = clause.Where{Exprs: []clause.Expression{guarded}}
	c.Expression = conflict
	write(c, stmt, prev)
	if !guarded.built {
		failBuild(stmt, own.table.Name, errUpsert)
	}
}

// conflict looks at the raw text in an upsert and scopes the sub-queries in it.
func (w *walker) conflict(conflict *clause.OnConflict, ofTenant bool) {
	w.columns(conflict.Columns)
	w.text(conflict.OnConstraint, nil)
	conflict.Where.Exprs, _ = w.expressions(conflict.Where.Exprs)
	conflict.TargetWhere.Exprs, _ = w.expressions(conflict.TargetWhere.Exprs)
	if len(conflict.DoUpdates) > 0 {
		conflict.DoUpdates, _ = w.assignments(conflict.DoUpdates, ofTenant)
	}
}

// scopeConflict takes the tenant column out of what an upsert sets.
func (g *guard) scopeConflict(w *walker, t *table, s scope, conflict *clause.OnConflict) {
	if conflict.OnConstraint != "" && !isIdentifier(conflict.OnConstraint) {
		failBuild(w.stmt, t.Name, fmt.Errorf("%w: OnConstraint is more than a name", gormtenant.ErrRawSQL))
	}
	if conflict.DoNothing {
		return
	}
	kept := make(clause.Set, 0, len(conflict.DoUpdates))
	for _, a := range conflict.DoUpdates {
		switch {
		case t.isColumn(w.stmt, a.Column.Name):
			if !t.staysTenant(a.Value, s.id) {
				failBuild(w.stmt, t.Name, gormtenant.ErrTenantChange)
			}
		case a.Column.Raw && !isIdentifier(a.Column.Name):
			failBuild(w.stmt, t.Name, fmt.Errorf("%w: a raw column in DoUpdates is more than a name",
				gormtenant.ErrRawSQL))
		default:
			kept = append(kept, a)
		}
	}
	if err := g.checkAssignedReferences(w.stmt, t, s.id, kept); err != nil {
		failBuild(w.stmt, t.Name, err)
	}
	if len(kept) == 0 && len(conflict.DoUpdates) > 0 {
		kept = t.sameValue(w.stmt)
		for i := range kept { // excluded has the column too
			kept[i].Value = clause.Column{Table: w.stmt.Table, Name: kept[i].Column.Name}
		}
	}
	conflict.DoUpdates = kept
}

// staysTenant says whether an upsert's assignment to the tenant column leaves it as it is: the
// value of the inserted row, which is the tenant's, or the tenant itself.
func (t *table) staysTenant(value, id any) bool {
	if column, ok := value.(clause.Column); ok {
		return strings.EqualFold(column.Table, "excluded") && strings.EqualFold(column.Name, t.Field.DBName)
	}
	bound, err := t.bind(id)
	return err == nil && t.isTenant(value, bound)
}

// upsertCondition is the WHERE of an upsert. The column is qualified: it is ambiguous with the one
// of excluded.
type upsertCondition struct {
	table *table
	exprs []clause.Expression
	id    any
	built bool
}

func (u *upsertCondition) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	u.built = true
	writeGiven(stmt, u.exprs)
	u.table.writeCondition(stmt, stmt.Table, u.id)
}
