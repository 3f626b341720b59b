package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// buildWhere writes the tenant's condition of the statement's own table around what the caller
// wrote:
//
//	WHERE (everything the caller wrote) AND "projects"."tenant_id" = $1
//
// The parentheses are always there. GORM sets them only around raw text that has " OR " or " AND "
// in it, with single spaces: a lone Or, or an OR on a line of its own, would let every tenant's
// rows through.
func buildWhere(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	where, ok := c.Expression.(clause.Where)
	if !ok || stmt.Error != nil {
		write(c, stmt, prev)
		return
	}
	r := runOf(stmt)
	if len(where.Exprs) == 0 && r != nil && r.own.table != nil && mustHaveCondition(r) {
		_ = stmt.AddError(gorm.ErrMissingWhereClause)
		return
	}
	if r == nil || !r.limits() && len(r.left) == 0 || ownIsReplaced(stmt, r.op) ||
		ownIsExtended(stmt) {
		if len(where.Exprs) > 0 || r == nil || !r.addedWhere {
			write(c, stmt, prev)
		}
		return
	}
	cond := condition{run: r, exprs: where.Exprs}
	if isPlain(c) && prev == nil {
		_, _ = stmt.WriteString("WHERE ")
		cond.Build(stmt)
		return
	}
	kept := cond // The plain path keeps its condition off the heap.
	c.Name = "WHERE"
	c.Expression = clause.Where{Exprs: []clause.Expression{&kept}}
	write(c, stmt, prev)
}

// mustHaveCondition reports whether a statement changes rows and GORM would refuse it without a
// condition. The tenant is not a condition.
func mustHaveCondition(r *run) bool {
	return !r.stmt.AllowGlobalUpdate && (r.op == "update" || r.op == "delete")
}

// isPlain reports whether c is written as its name and its expression and nothing else.
func isPlain(c clause.Clause) bool {
	return c.Builder == nil && c.BeforeExpression == nil &&
		c.AfterNameExpression == nil && c.AfterExpression == nil
}

// ownIsReplaced reports whether a FROM clause of the caller names other tables in the place of the
// statement's own.
func ownIsReplaced(stmt *gorm.Statement, op string) bool {
	from, _ := stmt.Clauses["FROM"].Expression.(clause.From)
	for _, t := range from.Tables {
		if t.Name == clause.CurrentTable {
			return t.Alias != ""
		}
	}
	return len(from.Tables) > 0 && op != "update"
}

// ownIsExtended reports whether a right or full join keeps rows of the joined table that match none
// of the statement's own, which a condition in WHERE would drop. The gate knows better than to put
// it there.
func ownIsExtended(stmt *gorm.Statement) bool {
	from, _ := stmt.Clauses["FROM"].Expression.(clause.From)
	for _, join := range from.Joins {
		kind := string(join.Type)
		if e, ok := join.Expression.(clause.NamedExpr); ok {
			kind = e.SQL
		} else if join.Expression != nil {
			return true
		}
		if kind = strings.ToUpper(kind); strings.Contains(kind, "RIGHT") ||
			strings.Contains(kind, "FULL") {
			return true
		}
	}
	return false
}

// condition is the expression of a WHERE with the tenant's condition in it.
type condition struct {
	run   *run
	exprs []clause.Expression // what the caller wrote
}

// Build writes the condition.
func (c *condition) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok || stmt.Error != nil {
		return
	}
	writeGiven(stmt, c.exprs)
	if len(c.run.left) > 0 {
		c.run.own.table.writeNotLeft(stmt, c.run.own.alias, c.run.left)
		return
	}
	c.run.own.table.writeCondition(stmt, c.run.own.alias, c.run.tenant())
}

// writeGiven writes what the caller wrote, as one operand, in front of the tenant's condition.
func writeGiven(stmt *gorm.Statement, exprs []clause.Expression) {
	if len(exprs) > 0 {
		_ = stmt.WriteByte('(')
		clause.Where{Exprs: exprs}.Build(stmt)
		_, _ = stmt.WriteString(") AND ")
	}
}
