package callbacks

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// MySQL's upsert takes no condition, and is about every unique key of the table, whatever columns
// the caller names. So the condition is in each assignment:
//
//	ON DUPLICATE KEY UPDATE `name` = IF(`tenant_id` <=> ?, VALUES(`name`), `name`)
//
// DO NOTHING is `id` = `id` there, of a row of another tenant as well: that changes nothing, but
// the row counts as written, and RETURNING gives its key. So the keys are always looked up
// afterwards.

// upsertsByAssignment reports whether upserts are written as MySQL's.
func (r *run) upsertsByAssignment() bool { return r.guard.dialect == sqltext.MySQL }

// buildDuplicate is buildConflict for MySQL.
func (r *run) buildDuplicate(
	c clause.Clause, conflict clause.OnConflict, prev clause.ClauseBuilder,
) {
	r.nothing = r.nothing || conflict.DoNothing || len(conflict.DoUpdates) == 0
	guarded := make(clause.Set, len(conflict.DoUpdates))
	for i, a := range conflict.DoUpdates {
		guarded[i] = a
		if column, ok := a.Value.(clause.Column); !ok || column.Table == "excluded" ||
			column.Name != a.Column.Name {
			guarded[i].Value = guardedValue{r, a}
		}
	}
	conflict.DoUpdates = guarded
	c.Expression = conflict
	write(c, r.stmt, prev)
}

// guardedValue is what an upsert assigns to a column of a row of the tenant. In a row of another
// one the column stays as it is.
type guardedValue struct {
	run        *run
	assignment clause.Assignment
}

func (g guardedValue) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	t := g.run.own.table
	_, _ = stmt.WriteString("IF(")
	if t.Field == nil {
		t.writeCondition(stmt, stmt.Table, g.run.tenant())
	} else {
		stmt.WriteQuoted(clause.Column{Name: t.Field.DBName})
		_, _ = stmt.WriteString(" <=> ")
		bound, err := t.argument(g.run.tenant())
		if err != nil {
			failBuild(stmt, t.Name, err)
			return
		}
		stmt.AddVar(stmt, bound)
	}
	_, _ = stmt.WriteString(", ")
	if column, ok := g.assignment.Value.(clause.Column); ok && column.Table == "excluded" {
		_, _ = stmt.WriteString("VALUES(")
		stmt.WriteQuoted(clause.Column{Name: column.Name})
		_ = stmt.WriteByte(')')
	} else {
		stmt.AddVar(stmt, g.assignment.Value)
	}
	_, _ = stmt.WriteString(", ")
	stmt.WriteQuoted(g.assignment.Column)
	_ = stmt.WriteByte(')')
}

// insertNewRows makes a plain INSERT of the upsert that GORM makes of the rows of an association,
// where none of them has a key: nothing can be in their way by it. MySQL would take any unique key
// for it, and update a row that another database reports as an error.
func (r *run) insertNewRows() {
	stmt := r.stmt
	if !r.upsertsByAssignment() || !r.limits() || stmt.Schema == nil ||
		len(stmt.Schema.PrimaryFields) == 0 || !savesAssociation(stmt) {
		return
	}
	conflict, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if ok && !conflict.DoNothing && len(keysIn(stmt, stmt.Schema.PrimaryFields, allRows)) == 0 {
		delete(stmt.Clauses, "ON CONFLICT")
	}
}

// afterDuplicate looks, after an upsert on MySQL, whether a row of another tenant was in its way,
// by whichever key: the rows hold its key then, or it has one of theirs.
func (r *run) afterDuplicate(db *gorm.DB, values clause.Values) {
	stmt, t := r.stmt, r.own.table
	if r.ofJoins && r.nothing && !r.guard.config.AllowRawSQL || !r.limits() || t.Field == nil {
		return
	}
	var questions []question
	ask := func(columns []string, keys [][]any) {
		if len(keys) > 0 {
			look := r.lookup(t, columns)
			// Rows that were written since the transaction began to read are seen by an INSERT,
			// and by a read only if that locks them.
			look.memory, look.locks = nil, true
			questions = append(questions, question{look, distinct(keys)})
		}
	}
	if stmt.Schema != nil && len(stmt.Schema.PrimaryFields) > 0 {
		fields := stmt.Schema.PrimaryFields
		ask(names(fields), keysIn(stmt, fields, allRows))
	}
	for _, columns := range r.guard.uniqueKeys(t.Model) {
		keys, _ := t.keysIn(stmt, values, columns)
		ask(columns, keys)
	}
	foreign, err := anyForeign(questions)
	if err == nil && foreign {
		err = gormtenant.ErrOtherTenant
	}
	if err != nil {
		fail(db, "create", t.Name, err)
	}
}

// uniqueKeys returns the columns of each unique key that a model declares.
func (g *guard) uniqueKeys(model *schema.Schema) [][]string {
	if known, ok := g.uniques.Load(model); ok {
		return known.([][]string)
	}
	var keys [][]string
	add := func(columns []string) {
		if len(columns) > 0 && !slices.ContainsFunc(keys, func(key []string) bool {
			return slices.Equal(key, columns)
		}) {
			keys = append(keys, columns)
		}
	}
	add(model.PrimaryFieldDBNames)
	for _, index := range model.ParseIndexes() {
		if index.Class != "UNIQUE" {
			continue
		}
		columns := make([]string, 0, len(index.Fields))
		for _, option := range index.Fields {
			if option.Field == nil || option.Expression != "" {
				columns = nil
				break
			}
			columns = append(columns, option.DBName)
		}
		add(columns)
	}
	for _, unique := range model.ParseUniqueConstraints() {
		add([]string{unique.Field.DBName})
	}
	g.uniques.Store(model, keys)
	return keys
}
