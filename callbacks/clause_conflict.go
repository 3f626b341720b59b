package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// buildConflict limits an upsert to the tenant's rows:
//
//	ON CONFLICT ("id") DO UPDATE SET "name"="excluded"."name" WHERE "projects"."tenant_id" = $3
//
// The tenant column is never among what is set. A row of another tenant with the same key stays as
// it is; afterInsert tells the caller.
func buildConflict(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	r := runOf(stmt)
	conflict, ok := c.Expression.(clause.OnConflict)
	if r == nil || stmt.Error != nil || !ok || !r.limits() {
		write(c, stmt, prev)
		return
	}
	r.scopeConflict(&conflict)
	if stmt.Error != nil {
		return
	}
	if r.upsertsByAssignment() {
		r.buildDuplicate(c, conflict, prev)
		return
	}
	if conflict.DoNothing {
		conflict.Where = clause.Where{} // DO NOTHING takes none.
		c.Expression = conflict
		write(c, stmt, prev)
		return
	}
	guarded := &upsertCondition{run: r, exprs: conflict.Where.Exprs}
	conflict.Where = clause.Where{Exprs: []clause.Expression{guarded}}
	c.Expression = conflict
	write(c, stmt, prev)
	if !guarded.built {
		failBuild(stmt, r.own.table.Name, errUpsert)
	}
}

// scopeConflict takes the tenant column out of what an upsert sets.
func (r *run) scopeConflict(conflict *clause.OnConflict) {
	if conflict.DoNothing {
		return
	}
	stmt, t, id := r.stmt, r.own.table, r.scope.id
	kept := make(clause.Set, 0, len(conflict.DoUpdates))
	for _, a := range conflict.DoUpdates {
		if !t.isColumn(stmt, a.Column.Name) {
			kept = append(kept, a)
		} else if !t.staysTenant(a.Value, id) {
			failBuild(stmt, t.Name, gormtenant.ErrTenantChange)
		}
	}
	if err := r.checkAssignedReferences(kept); err != nil {
		failBuild(stmt, t.Name, err)
	}
	if len(kept) == 0 && len(conflict.DoUpdates) > 0 {
		kept = t.sameValue(stmt)
		for i := range kept { // excluded has the column too
			kept[i].Value = clause.Column{Table: stmt.Table, Name: kept[i].Column.Name}
		}
	}
	conflict.DoUpdates = kept
}

// staysTenant reports whether an upsert's assignment to the tenant column leaves it as it is: the
// value of the inserted row, which is the tenant's, or the tenant itself.
func (t *table) staysTenant(value, id any) bool {
	if column, ok := value.(clause.Column); ok {
		return strings.EqualFold(column.Table, "excluded") &&
			strings.EqualFold(column.Name, t.Field.DBName)
	}
	bound, err := t.bind(id)
	return err == nil && t.isTenant(value, bound)
}

// upsertCondition is the WHERE of an upsert. The column is qualified: it is ambiguous with the one
// of excluded.
type upsertCondition struct {
	run   *run
	exprs []clause.Expression
	built bool
}

func (u *upsertCondition) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	u.built = true
	writeGiven(stmt, u.exprs)
	u.run.own.table.writeCondition(stmt, stmt.Table, u.run.tenant())
}
