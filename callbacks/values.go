package callbacks

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// buildValues makes sure that every row of an INSERT carries its tenant, whatever Select, Omit, a
// hook or the keys of a map made of the columns.
func (g *guard) buildValues(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
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
	values, ok := c.Expression.(clause.Values)
	if !ok {
		w.unknown(c.Expression)
		if own.table != nil {
			failBuild(stmt, own.table.Name, fmt.Errorf("%w: VALUES is no clause.Values",
				gormtenant.ErrUnsupported))
		}
	} else {
		if own.table != nil && own.table.Field != nil {
			values = own.table.scopeValues(stmt, values)
		}
		w.columns(values.Columns)
		w.rows(&values)
		c.Expression = values
	}
	if w.failed() {
		return
	}
	if s, _ := resolve(stmt.Context); s.unscoped && own.table != nil {
		g.report(stmt, "create", own.table.Name, s.reason)
	}
	write(c, stmt, prev)
}

// rows scopes the sub-queries among the values.
func (w *walker) rows(values *clause.Values) {
	copied := false
	for i, row := range values.Values {
		scoped, changed := w.values(row)
		if !changed {
			continue
		}
		if !copied {
			values.Values, copied = slices.Clone(values.Values), true
		}
		values.Values[i] = scoped
	}
}

// scopeValues returns values with the tenant in every row. The rows were made by GORM for this
// statement, so they can be changed in place.
func (t *table) scopeValues(stmt *gorm.Statement, values clause.Values) clause.Values {
	s, err := resolve(stmt.Context)
	var bound any
	if err == nil && !s.unscoped {
		bound, err = t.bind(s.id)
	}
	if err != nil {
		failBuild(stmt, t.Name, err)
		return values
	}
	at := -1
	for i := 0; i < len(values.Columns); i++ {
		if !t.isColumn(stmt, values.Columns[i].Name) {
			continue
		}
		if err := t.checkRows(values, i, bound); err != nil {
			failBuild(stmt, t.Name, err)
			return values
		}
		if at >= 0 { // the column again, in another case
			values = withoutColumn(values, i)
			i--
			continue
		}
		at = i
		values.Columns[i] = clause.Column{Name: t.Field.DBName}
	}
	if at >= 0 || s.unscoped {
		if at < 0 {
			failBuild(stmt, t.Name, gormtenant.ErrNoTenant)
		}
		return values
	}
	values.Columns = append(values.Columns, clause.Column{Name: t.Field.DBName})
	if len(values.Values) == 0 {
		values.Values = [][]any{{}}
	}
	for i := range values.Values {
		values.Values[i] = append(values.Values[i], bound)
	}
	return values
}

// checkRows checks one spelling of the tenant column in every row, and fills it where it is empty.
// bound is nil where the statement is unscoped: then every row must say whose it is.
func (t *table) checkRows(values clause.Values, column int, bound any) error {
	for i := range values.Values {
		value := values.Values[i][column]
		switch {
		case bound == nil && isZero(value):
			return gormtenant.ErrNoTenant
		case bound == nil:
		case isZero(value):
			values.Values[i][column] = bound
		case !t.isTenant(value, bound):
			return gormtenant.ErrOtherTenant
		}
	}
	return nil
}

func withoutColumn(values clause.Values, column int) clause.Values {
	values.Columns = slices.Delete(values.Columns, column, column+1)
	for i := range values.Values {
		values.Values[i] = slices.Delete(values.Values[i], column, column+1)
	}
	return values
}
