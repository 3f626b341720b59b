package callbacks

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// buildValues makes sure that every row of an INSERT carries its tenant, whatever Select, Omit, a
// hook or the keys of a map made of the columns.
func buildValues(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	r := runOf(stmt)
	values, ok := c.Expression.(clause.Values)
	if r != nil && stmt.Error == nil && ok && r.own.table != nil && r.own.table.Field != nil {
		c.Expression = r.scopeValues(values)
	}
	write(c, stmt, prev)
}

// scopeValues returns values with the tenant in every row. The rows were made by GORM for this
// statement, so they can be changed in place.
func (r *run) scopeValues(values clause.Values) clause.Values {
	for _, field := range r.own.table.Fields {
		values = r.scopeColumn(values, field.DBName)
	}
	return values
}

// scopeColumn is scopeValues for one tenant column. A join table between keys that hold the tenant
// has two.
func (r *run) scopeColumn(values clause.Values, column string) clause.Values {
	t, at := r.own.table, -1
	for i := 0; i < len(values.Columns); i++ {
		if !isNamed(values.Columns[i].Name, column) {
			continue
		}
		if err := t.checkRows(values, i, r.bound); err != nil {
			failBuild(r.stmt, t.Name, err)
			return values
		}
		if at >= 0 { // the column again, in another case
			values = withoutColumn(values, i)
			i--
			continue
		}
		at = i
		values.Columns[i] = clause.Column{Name: column}
	}
	if at >= 0 || r.scope.unscoped {
		if at < 0 {
			failBuild(r.stmt, t.Name, gormtenant.ErrNoTenant)
		}
		return values
	}
	values.Columns = append(values.Columns, clause.Column{Name: column})
	if len(values.Values) == 0 {
		values.Values = [][]any{{}}
	}
	for i := range values.Values {
		values.Values[i] = append(values.Values[i], r.bound)
	}
	return values
}

// isNamed reports whether name, in whatever spelling, is that column.
func isNamed(name, column string) bool {
	return name == column || strings.EqualFold(bareName(name), column)
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
