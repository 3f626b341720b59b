package callbacks

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// buildWhere writes the tenant's condition around what the caller wrote:
//
//	WHERE (everything the caller wrote) AND "projects"."tenant_id" = $1
//
// The parentheses are always there. GORM sets them only around raw text that has " OR " or " AND "
// in it, with single spaces: a lone Or, or an OR on a line of its own, would let every tenant's
// rows through.
func (g *guard) buildWhere(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	where, ok := c.Expression.(clause.Where)
	if ok {
		arrange(where.Exprs)
		where.Exprs, _ = w.expressions(where.Exprs)
	} else {
		where.Exprs = []clause.Expression{w.unknown(c.Expression)}
	}
	w.surroundings(c)
	if w.failed() {
		return
	}
	cond := condition{guard: g, exprs: where.Exprs}
	if !cond.needed(stmt) {
		if ok {
			c.Expression = where
		}
		write(c, stmt, prev)
		return
	}
	if cond.err == nil && len(where.Exprs) == 0 && mustHaveCondition(stmt) {
		_ = stmt.AddError(gorm.ErrMissingWhereClause)
		return
	}
	if isPlain(c) && prev == nil {
		_, _ = stmt.WriteString("WHERE ")
		cond.Build(stmt)
		return
	}
	built := cond // The plain path keeps its condition off the heap.
	c.Expression = clause.Where{Exprs: []clause.Expression{&built}}
	write(c, stmt, prev)
	if !built.built {
		failBuild(stmt, stmt.Table, errBuilderDropsCondition)
	}
}

// arrange puts the first condition that is no lone Or in front, as clause.Where.Build is about to. GORM
// does it in the caller's slice, so that the next statement with the same conditions reads them in
// that order: a group that begins with an Or means something else within other conditions. What is
// built here can be a copy.
func arrange(exprs []clause.Expression) {
	if len(exprs) == 1 {
		if and, ok := exprs[0].(clause.AndConditions); ok {
			exprs = and.Exprs
		}
	}
	for i, expr := range exprs {
		if or, ok := expr.(clause.OrConditions); !ok || len(or.Exprs) > 1 {
			if i > 0 {
				exprs[0], exprs[i] = exprs[i], exprs[0]
			}
			return
		}
	}
}

var errBuilderDropsCondition = fmt.Errorf("%w: another clause builder did not write the condition "+
	"that it was given", gormtenant.ErrUnsupported)

// mustHaveCondition says whether stmt changes rows and GORM would refuse it without a condition.
// The tenant is not a condition.
func mustHaveCondition(stmt *gorm.Statement) bool {
	return !stmt.AllowGlobalUpdate && operation(stmt) != "query"
}

// isPlain says whether c is written as its name and its expression and nothing else.
func isPlain(c clause.Clause) bool {
	return c.Builder == nil && c.BeforeExpression == nil &&
		c.AfterNameExpression == nil && c.AfterExpression == nil
}

// finishWhere writes a WHERE of its own for a statement that has none. It is called by the builder
// of the clause in front of it.
func (g *guard) finishWhere(stmt *gorm.Statement) {
	_, has := stmt.Clauses["WHERE"]
	left := !buildsAsEver(stmt) && !slices.Contains(stmt.BuildClauses, "WHERE")
	if has && !left || stmt.Error != nil {
		return
	}
	cond := condition{guard: g}
	needed := cond.needed(stmt)
	if needed && left {
		failBuild(stmt, stmt.Table, errNoWhere)
		return
	}
	if cond.scope.reason == probe {
		_, _ = stmt.WriteString(" WHERE 1 = 0")
		return
	}
	if needed && (stmt.AllowGlobalUpdate || operation(stmt) == "query") {
		_, _ = stmt.WriteString(" WHERE ")
		cond.Build(stmt)
	}
}

// condition is the expression of a WHERE with the tenant's condition in it.
type condition struct {
	guard *guard
	exprs []clause.Expression // what the caller wrote
	scope scope
	one   target   // the first table to be limited
	more  []target // the others; mostly there are none
	err   error
	built bool
}

// needed says whether stmt reads or writes tables of tenants, and must be limited to one.
func (c *condition) needed(stmt *gorm.Statement) bool {
	c.err = c.guard.targets(stmt, func(t *table, alias string) {
		if c.one.table == nil {
			c.one = target{t, alias}
		} else {
			c.more = append(c.more, target{t, alias})
		}
	})
	needed := c.one.table != nil
	if c.err == nil && needed {
		c.scope, c.err = resolve(stmt.Context)
	}
	if c.err != nil {
		name := stmt.Table
		if needed {
			name = c.one.table.Name
		}
		failBuild(stmt, name, c.err)
		return true
	}
	return needed && !c.scope.unscoped
}

// Build writes the condition.
func (c *condition) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok || stmt.Error != nil {
		return
	}
	c.built = true
	writeGiven(stmt, c.exprs)
	c.one.table.writeCondition(stmt, c.one.alias, c.scope.id)
	for _, other := range c.more {
		_, _ = stmt.WriteString(clause.AndWithSpace)
		other.table.writeCondition(stmt, other.alias, c.scope.id)
	}
}

// writeGiven writes what the caller wrote, as one operand, in front of the tenant's condition.
func writeGiven(stmt *gorm.Statement, exprs []clause.Expression) {
	if len(exprs) > 0 {
		_ = stmt.WriteByte('(')
		clause.Where{Exprs: exprs}.Build(stmt)
		_, _ = stmt.WriteString(") AND ")
	}
}

// writeCondition writes what holds for the rows of t that are the tenant's.
func (t *table) writeCondition(stmt *gorm.Statement, alias string, id any) {
	if t.Field != nil {
		t.writeEqual(stmt, alias, id)
		return
	}
	for i, side := range t.referring() {
		if i > 0 {
			_, _ = stmt.WriteString(clause.AndWithSpace)
		}
		side.writeExists(stmt, alias, id)
	}
}

func (t *table) writeEqual(stmt *gorm.Statement, alias string, id any) {
	bound, err := t.bind(id)
	if err != nil {
		failBuild(stmt, t.Name, err)
		return
	}
	if alias == t.Name {
		_, _ = stmt.WriteString(t.Column)
	} else {
		stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: t.Field.DBName})
	}
	_, _ = stmt.WriteString(" = ")
	if _, ok := bound.(string); ok {
		stmt.Vars = append(stmt.Vars, bound)
		stmt.DB.BindVarTo(stmt, stmt, bound)
	} else {
		stmt.AddVar(stmt, bound)
	}
}

// writeExists writes that the row that the key of alias names is the tenant's. A row of a
// polymorphic key that names a row of another kind passes.
func (r *reference) writeExists(stmt *gorm.Statement, alias string, id any) {
	if r.TypeField != nil {
		_ = stmt.WriteByte('(')
		stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: r.TypeField.DBName})
		_, _ = stmt.WriteString(" <> ")
		stmt.AddVar(stmt, r.TypeValue)
		_, _ = stmt.WriteString(clause.OrWithSpace)
		defer func() { _ = stmt.WriteByte(')') }()
	}
	_, _ = stmt.WriteString("EXISTS (SELECT 1 FROM ")
	stmt.WriteQuoted(r.Target.Qualified())
	_, _ = stmt.WriteString(" WHERE ")
	for i := range r.ForeignKeys {
		stmt.QuoteTo(stmt, clause.Column{Table: r.Target.Name, Name: r.PrimaryKeys[i].DBName})
		_, _ = stmt.WriteString(" = ")
		stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: r.ForeignKeys[i].DBName})
		_, _ = stmt.WriteString(clause.AndWithSpace)
	}
	(*table)(r.Target).writeEqual(stmt, r.Target.Name, id)
	_ = stmt.WriteByte(')')
}

// hasClause says whether stmt will write the clause with that name.
func hasClause(stmt *gorm.Statement, clauses []string, name string) bool {
	_, ok := stmt.Clauses[name]
	return ok && slices.Contains(clauses, name)
}
