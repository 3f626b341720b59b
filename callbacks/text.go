package callbacks

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
	"github.com/gormtenant/gormtenant/scopes"
)

// text looks at raw text in a clause where a condition or a column can stand. It refuses text that
// names a tenant's table, unless one of vars is scopes.ID, and text that could end the parentheses
// that the tenant's condition relies on.
func (w *walker) text(text string, vars []any) {
	if w.failed() || w.guard.config.AllowRawSQL || sqlscan.Simple(text) {
		return
	}
	w.names(text, vars)
	if problem := sqlscan.Problem(text, w.guard.dialect); problem != "" && !w.unscoped() {
		failBuild(w.stmt, w.stmt.Table, fmt.Errorf("%w: the text has %s, so that what is "+
			"beside it could be read wrongly: mend the text", gormtenant.ErrRawSQL, problem))
	}
	if !closesSubqueries(text) {
		failBuild(w.stmt, w.stmt.Table, errExtendsSubquery)
	}
}

var errExtendsSubquery = fmt.Errorf("%w: text behind a sub-query could extend its condition: "+
	"put the sub-query into parentheses of its own, as in (?)", gormtenant.ErrRawSQL)

// closesSubqueries says whether nothing in a text that was written for a look goes on with the
// condition that a sub-query ends with, as in (? OR 1 = 1).
func closesSubqueries(text string) bool {
	for {
		_, behind, found := strings.Cut(text, subqueryText)
		if !found {
			return true
		}
		text = behind
		behind = strings.TrimSpace(behind)
		if behind != "" && !strings.ContainsAny(behind[:1], "),") && !startsClause(behind) {
			return false
		}
	}
}

// unscoped says whether the statement crosses tenants.
func (w *walker) unscoped() bool {
	s, err := resolve(w.stmt.Context)
	return err == nil && s.unscoped
}

// tableText is text for what stands in a list of tables: the names there need no keyword.
func (w *walker) tableText(text string, vars []any) {
	if !w.guard.config.AllowRawSQL {
		w.names("FROM "+text, vars)
	}
	w.text(text, vars)
}

// joinText looks at a join that the caller wrote as text, and returns it with its sub-queries
// scoped.
func (w *walker) joinText(expr clause.Expression) clause.Expression {
	scoped, _ := w.expression(expr)
	if w.failed() || w.guard.config.AllowRawSQL {
		return scoped
	}
	var vars []any
	switch e := expr.(type) {
	case clause.Expr:
		vars = e.Vars
	case clause.NamedExpr:
		vars = e.Vars
	}
	text := w.render(scoped)
	w.names("FROM _ "+text, vars)
	w.joins(text)
	return scoped
}

// joins refuses text of a join that does not begin as one, which would go on with the condition of
// the join before it, or that leaves the table to the text behind it.
func (w *walker) joins(text string) {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimLeft(text, " \t\r\n")), " ")
	word = strings.TrimRight(strings.Fields(word + " .")[0], "(")
	switch word {
	case "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "OUTER", "STRAIGHT_JOIN",
		"ASOF", "GLOBAL", "ANY", "ALL", "SEMI", "ANTI", "ARRAY":
	default:
		if !strings.HasPrefix(word, ",") && !strings.HasPrefix(word, "/*") && w.scoped() {
			failBuild(w.stmt, w.stmt.Table, errNoJoin)
		}
	}
	w.whole(text, errNoJoin)
}

// whole refuses text of a list of tables that leaves the next table to the text behind it.
func (w *walker) whole(text string, err error) {
	words := strings.Fields(strings.ToUpper(text))
	if len(words) > 0 && slices.Contains(joinWords, words[len(words)-1]) && !w.unscoped() {
		failBuild(w.stmt, w.stmt.Table, err)
	}
}

// joinWords cannot be the end of a join.
var joinWords = []string{
	"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "OUTER", "STRAIGHT_JOIN", ",", "LATERAL", "ONLY",
}

var errNoJoin = fmt.Errorf("%w: the text given to Joins is not one whole join", gormtenant.ErrRawSQL)

// tableExpr looks at what the caller gave to Table, and scopes the sub-queries in it.
func (w *walker) tableExpr() {
	expr := w.stmt.TableExpr
	if expr == nil || isQuoted(expr.SQL, w.stmt.Table) {
		return
	}
	scoped := *expr
	var changed bool
	if scoped.Vars, changed = w.values(expr.Vars); changed {
		w.stmt.TableExpr = &scoped
	}
	text := w.render(scoped)
	if _, single := sqlscan.TableRef(text, w.guard.dialect); !single {
		w.tableText(text, expr.Vars)
	} else {
		w.text(text, expr.Vars)
	}
	w.whole(text, errTableText)
}

// names refuses text that names a table of tenants.
func (w *walker) names(text string, vars []any) {
	if strings.Contains(text, refused) {
		failBuild(w.stmt, w.stmt.Table, errSubquery)
	}
	if name := w.guard.tableIn(text); name != "" {
		if err := w.guard.vouched(w.stmt, "", name, vars); err != nil {
			failBuild(w.stmt, name, err)
		}
	}
}

// tableIn returns the first table of tenants that a fragment names, "" for none.
func (g *guard) tableIn(fragment string) string {
	found := ""
	sqlscan.Fragment(fragment, g.dialect, func(schema, name string) bool {
		if g.isTenants(schema, name) {
			found = name
		}
		return found == ""
	})
	return found
}

// tableInStatement is tableIn for a whole statement, of which data definition names no rows.
func (g *guard) tableInStatement(statement string) string {
	found := ""
	sqlscan.Statement(statement, g.dialect, func(schema, name string) bool {
		if g.isTenants(schema, name) {
			found = name
		}
		return found == ""
	})
	return found
}

// isTenants says whether a name in raw text is a table of tenants. "*" is a name that cannot be
// read.
func (g *guard) isTenants(schema, name string) bool {
	return name == "*" || !isSystem(schema) && g.tables.View().Lookup(schema, name) != nil
}

// errSubquery is the error of a statement that holds the text of a sub-query that was refused.
// GORM dropped the sub-query's own error.
var errSubquery = fmt.Errorf("a sub-query was refused: %w", gormtenant.ErrNoTenant)

// isSystem says whether a schema holds the server's own tables, such as information_schema.tables.
func isSystem(schema string) bool {
	return strings.EqualFold(schema, "information_schema") || strings.EqualFold(schema, "pg_catalog")
}

// errNames is the refusal of raw SQL that names a table of tenants; it says which ways there are.
var errNames = fmt.Errorf("%w, and it names this table: "+
	"write the condition yourself with scopes.ID(ctx) as an argument (... WHERE tenant_id = ?), "+
	"or use gormtenant.Unscoped(ctx, reason), "+
	"or, where the database itself enforces isolation, tenantplugin.AllowRawSQL", gormtenant.ErrRawSQL)

// vouched decides on raw SQL that names a table of tenants: it passes where the statement is
// unscoped, or where an argument is the ID of its tenant.
func (g *guard) vouched(stmt *gorm.Statement, op, table string, vars []any) error {
	s, err := resolve(stmt.Context)
	if err != nil {
		return err
	}
	if s.unscoped {
		if op == "" {
			op = operation(stmt)
		}
		g.report(stmt, op, table, s.reason)
		return nil
	}
	if bound, ok := boundIn(vars); ok {
		id, err := bound.Tenant()
		if err == nil && !sameID(id, s.id) {
			err = gormtenant.ErrOtherTenant
		}
		return err
	}
	return errNames
}

// scoped says whether the statement is limited to a tenant in any of its tables.
func (w *walker) scoped() bool {
	s, err := resolve(w.stmt.Context)
	return err == nil && !s.unscoped && w.guard.touches(w.stmt)
}

// touches says whether one of the statement's tables is a tenant's.
func (g *guard) touches(stmt *gorm.Statement) bool {
	found := false
	err := g.targets(stmt, func(*table, string) { found = true })
	from, _ := stmt.Clauses["FROM"].Expression.(clause.From)
	for _, join := range from.Joins {
		found = found || g.tables.named(join.Table.Name) != nil
	}
	return found || err != nil
}

// boundIn returns the first scopes.ID among arguments.
func boundIn(vars []any) (bound scopes.BoundID, ok bool) {
	for _, v := range vars {
		switch arg := v.(type) {
		case scopes.BoundID:
			return arg, true
		case clause.Expr:
			bound, ok = boundIn(arg.Vars)
		case sql.NamedArg:
			bound, ok = boundIn([]any{arg.Value})
		case []any:
			bound, ok = boundIn(arg)
		case map[string]any:
			bound, ok = boundIn(slices.Collect(maps.Values(arg)))
		}
		if ok {
			return bound, true
		}
	}
	return scopes.BoundID{}, false
}

// lookKey is in the context of a statement into which text is written only to be looked at.
// Sub-queries write subqueryText there: they are looked at when they run.
type lookKey struct{}

// isLook says whether stmt is written only to be looked at.
func isLook(stmt *gorm.Statement) bool {
	return stmt.Context != nil && stmt.Context.Value(lookKey{}) != nil
}

// render returns the text that expr writes, for a look at it.
func (w *walker) render(expr clause.Expression) string {
	scratch := w.stmt.DB.Session(&gorm.Session{
		NewDB: true, Initialized: true, DryRun: true, Logger: logger.Discard,
	}).Statement
	scratch.Context = context.WithValue(w.stmt.Context, lookKey{}, true)
	scratch.Schema, scratch.Model = w.stmt.Schema, w.stmt.Model
	scratch.Table, scratch.TableExpr = w.stmt.Table, nil
	scratch.Dest, scratch.ReflectValue = w.stmt.Dest, w.stmt.ReflectValue
	scratch.Clauses = maps.Clone(w.stmt.Clauses)
	if expr != nil {
		expr.Build(scratch)
	}
	return scratch.SQL.String()
}

// writesSQL says whether one of vars becomes text rather than a bound argument, so that a table
// can be named by it: gorm.Expr("id IN (SELECT id FROM ?)", clause.Table{Name: "projects"}).
func writesSQL(vars []any) bool {
	for _, v := range vars {
		switch e := v.(type) {
		case clause.Table, clause.Column, []clause.Column, []clause.Table:
			return true
		case []any:
			if writesSQL(e) {
				return true
			}
		case list:
			if writesSQL(e) {
				return true
			}
		case clause.Expression:
			return true
		}
	}
	return false
}
