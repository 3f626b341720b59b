package callbacks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// isStandard says whether a clause has a builder of ours.
func isStandard(name string) bool {
	switch name {
	case "INSERT", "VALUES", "ON CONFLICT", "SELECT", "UPDATE", "DELETE", "SET", "FROM":
		return true
	}
	return follows(name)
}

// follows says whether a clause comes at or after WHERE, where text in front of it would be read as
// part of the condition.
func follows(name string) bool {
	switch name {
	case "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "FOR", "RETURNING":
		return true
	}
	return false
}

// buildHead writes the first clause of a statement. It also looks at the clauses that nobody else
// looks at, because a caller or a plugin named them in BuildClauses.
func (g *guard) buildHead(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	own := stmt.TableExpr
	defer func() { stmt.TableExpr = own }()
	c.Expression = w.clause(c.Expression)
	w.surroundings(c)
	if !buildsAsEver(stmt) {
		w.extraClauses()
		// Again: a hook or another plugin can have set them since.
		if err := g.hasWhere(stmt, operation(stmt)); err != nil && w.scoped() {
			failBuild(stmt, stmt.Table, err)
		}
	}
	if !w.failed() {
		write(c, stmt, prev)
	}
}

// extraClauses looks at the clauses that the caller named in BuildClauses and that GORM has not.
func (w *walker) extraClauses() {
	for _, name := range w.stmt.BuildClauses {
		if isStandard(name) {
			continue
		}
		if extra, ok := w.stmt.Clauses[name]; ok {
			w.extraClause(extra)
		}
	}
}

// isHead says whether a clause begins a statement.
func isHead(name string) bool {
	switch name {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

// buildTail writes the clause with that name, which comes after WHERE.
func (g *guard) buildTail(name string, c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	c.Expression = w.clause(c.Expression)
	w.surroundings(c)
	if c.Name != name && c.Expression != nil && !namesItself(c.Expression) {
		w.extraClause(c)
	}
	if !w.failed() {
		write(c, stmt, prev)
	}
}

// namesItself says whether an expression of GORM's writes the name of its clause, so that the
// clause has none.
func namesItself(expr clause.Expression) bool {
	switch expr.(type) {
	case clause.Limit, clause.GroupBy:
		return true
	}
	return false
}

// clause looks at the expression of a clause and returns it with its sub-queries scoped.
func (w *walker) clause(expr clause.Expression) clause.Expression {
	switch e := expr.(type) {
	case clause.Select:
		w.columns(e.Columns)
	case clause.Limit, nil:
	case clause.OrderBy:
		for i := range e.Columns {
			w.column(e.Columns[i].Column)
		}
		if scoped, changed := w.expression(e.Expression); changed {
			e.Expression = scoped
			return e
		}
	case clause.GroupBy:
		w.columns(e.Columns)
		if having, changed := w.expressions(e.Having); changed {
			e.Having = having
			return e
		}
	case clause.Returning:
		w.columns(e.Columns)
	case clause.Locking:
		w.text(e.Strength, nil)
		w.text(e.Options, nil)
		if e.Table.Raw && !isIdentifier(e.Table.Name+e.Table.Alias) && !w.unscoped() {
			failBuild(w.stmt, w.stmt.Table, fmt.Errorf("%w: a raw table is more than a name", gormtenant.ErrRawSQL))
		}
	case clause.Insert:
		w.tableExpr()
		w.alias()
		w.modifier(e.Modifier, e.Table)
	case clause.Update:
		w.tableExpr()
		w.modifier(e.Modifier, e.Table)
	case clause.Delete:
		w.modifier(e.Modifier, clause.Table{})
	default:
		if scoped, changed := w.expression(expr); changed {
			return scoped
		}
	}
	return expr
}

// harmless are the modifiers of INSERT, UPDATE and DELETE that touch no other row. OR REPLACE is
// not among them: it deletes the row that is in the way, whoever it belongs to.
var harmless = []string{
	"", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "LOW_PRIORITY IGNORE",
	"OR IGNORE", "OR ABORT", "OR FAIL", "OR ROLLBACK", "ONLY",
}

// modifier refuses a modifier that is not known to be harmless, and another table than the
// statement's own.
func (w *walker) modifier(modifier string, named clause.Table) {
	w.text(modifier, nil)
	if named.Raw {
		w.tableText(named.Name, nil)
	}
	own, err := w.guard.target(w.stmt)
	other := named.Name != "" && named.Name != clause.CurrentTable &&
		(named.Alias != "" || named.Name != w.stmt.Table)
	if t := w.guard.tables.named(named.Name); other && t != nil {
		own.table = t
	}
	s, _ := resolve(w.stmt.Context)
	switch {
	case err != nil:
		failBuild(w.stmt, w.stmt.Table, err)
	case own.table == nil || s.unscoped:
	case other:
		failBuild(w.stmt, own.table.Name, fmt.Errorf("%w: a clause names another table than the "+
			"statement: use Model or Table", gormtenant.ErrUnsupported))
	case !slices.Contains(harmless, strings.ToUpper(strings.Join(strings.Fields(modifier), " "))):
		failBuild(w.stmt, own.table.Name, fmt.Errorf("%w: a modifier of the statement can touch the "+
			"rows of other tenants", gormtenant.ErrUnsupported))
	}
}

// alias refuses an INSERT into a table under an alias that is the name of a tenant's table: SQLite's
// dialect writes the alias for the table.
func (w *walker) alias() {
	own, err := w.guard.target(w.stmt)
	named := w.guard.tables.named(w.stmt.Table)
	if err == nil && named != nil && (own.table == nil || own.table.Name != named.Name) {
		failBuild(w.stmt, named.Name, fmt.Errorf("%w: an alias is the name of this table: use another",
			gormtenant.ErrUnsupported))
	}
}

// surroundings looks at what a clause has around its expression: optimizer hints and comments, or
// text that changes its meaning.
func (w *walker) surroundings(c clause.Clause) {
	if isPlain(c) && (c.Name == "" || isStandard(c.Name)) {
		return
	}
	if c.Builder != nil {
		w.unknown(c)
	}
	if c.Name != "" && !isStandard(c.Name) {
		w.extraClause(c)
	}
	for _, expr := range []clause.Expression{
		c.BeforeExpression, c.AfterNameExpression, c.AfterExpression,
	} {
		w.unknown(expr)
	}
	if w.failed() || !w.scoped() {
		return
	}
	var near []clause.Expression // what is written right beside a condition
	switch {
	case c.Name == "SELECT":
	case follows(c.Name) && c.Name != "WHERE":
		near = []clause.Expression{c.BeforeExpression}
	default:
		near = []clause.Expression{c.BeforeExpression, c.AfterNameExpression, c.AfterExpression}
	}
	for _, expr := range near {
		if expr == nil {
			continue
		}
		text := w.render(expr)
		if !isComment(text) && (follows(c.Name) || !indexHint.MatchString(text)) {
			failBuild(w.stmt, w.stmt.Table, errExtendsWhere)
		}
	}
}

var errExtendsWhere = fmt.Errorf("%w: text behind the condition could extend it: "+
	"put it into Where", gormtenant.ErrRawSQL)

// extraClause looks at a clause of a name that GORM does not have.
func (w *walker) extraClause(c clause.Clause) {
	text := w.render(c)
	w.text(text, nil)
	inserts := operation(w.stmt) == "create" && !isComment(text) // UNION SELECT makes rows
	if w.scoped() && (inserts || !startsClause(text)) {
		failBuild(w.stmt, w.stmt.Table, errExtendsWhere)
	}
}

// startsClause says whether text begins a clause of its own, rather than going on with a condition.
func startsClause(text string) bool {
	return startsWith(text, "UNION", "INTERSECT", "EXCEPT", "WINDOW", "WITH", "QUALIFY", "OFFSET",
		"FETCH", "OPTION", "SETTINGS", "FOR", "LOCK", "GROUP", "HAVING", "ORDER", "LIMIT", "RETURNING")
}

func startsWith(text string, words ...string) bool {
	text = strings.ToUpper(strings.TrimSpace(text))
	for _, word := range words {
		if rest, ok := strings.CutPrefix(text, word); ok && (rest == "" || strings.ContainsAny(rest[:1], " \t\r\n(")) {
			return true
		}
	}
	return text == "" || isComment(text)
}

// indexHint is what may stand behind a table's name.
var indexHint = regexp.MustCompile(
	"(?i)^\\s*((USE|FORCE|IGNORE)\\s+(INDEX|KEY)|INDEXED\\s+BY|NOT\\s+INDEXED)[\\w\\s,()`\"]*$")

// isComment says whether text is one comment and nothing else.
func isComment(text string) bool {
	inner, ok := strings.CutPrefix(strings.TrimSpace(text), "/*")
	if !ok {
		return strings.TrimSpace(text) == ""
	}
	inner, ok = strings.CutSuffix(inner, "*/")
	return ok && !strings.Contains(inner, "*/")
}
