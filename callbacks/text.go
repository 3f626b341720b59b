package callbacks

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
	"github.com/gormtenant/gormtenant/scopes"
)

// text looks at raw text in a clause where a condition or a column can stand. It refuses text that
// names a tenant's table, unless an argument is scopes.ID, and text that could end the parentheses
// that the tenant's condition relies on.
func (w *walker) text(text string, vars []any) {
	if w.failed() || w.guard.config.AllowRawSQL {
		return
	}
	if writesSQL(vars) {
		text = w.render(clause.Expr{SQL: text, Vars: neutral(vars)})
	}
	w.names(text, vars)
	if problem := sqlscan.Problem(text, w.guard.dialect); problem != "" && !w.failed() && w.scoped() {
		failBuild(w.stmt, w.stmt.Table, fmt.Errorf("%w: the text has %s, so that the tenant's "+
			"condition beside it could be read wrongly: mend the text", gormtenant.ErrRawSQL, problem))
	}
}

// tableText is text for what stands in a list of tables: the names there need no keyword.
func (w *walker) tableText(text string, vars []any) {
	if w.guard.config.AllowRawSQL {
		return
	}
	if writesSQL(vars) {
		text = w.render(clause.Expr{SQL: text, Vars: neutral(vars)})
	}
	w.names("FROM "+text, vars)
	w.text(text, nil)
}

// joinText looks at a join that the caller wrote as text, and returns it with its sub-queries
// scoped.
func (w *walker) joinText(expr clause.Expression) clause.Expression {
	scoped := expr
	var vars []any
	switch e := expr.(type) {
	case clause.Expr:
		vars = e.Vars
		scoped, _ = w.expression(e)
	case clause.NamedExpr:
		vars = e.Vars
		scoped, _ = w.expression(e)
	default:
		w.unknown(expr)
	}
	if !w.failed() && !w.guard.config.AllowRawSQL {
		w.names("FROM _ "+w.render(neutralExpression(expr)), vars)
	}
	return scoped
}

// tableExpr looks at what the caller gave to Table, and scopes the sub-queries in it.
func (w *walker) tableExpr() {
	expr := w.stmt.TableExpr
	if expr == nil || isQuoted(expr.SQL, w.stmt.Table) {
		return
	}
	if _, single := sqlscan.TableRef(expr.SQL, w.guard.dialect); !single {
		w.tableText(expr.SQL, expr.Vars)
	}
	if vars, changed := w.values(expr.Vars); changed {
		scoped := *expr
		scoped.Vars = vars
		w.stmt.TableExpr = &scoped
	}
	w.text(expr.SQL, nil)
}

// names refuses text that names a table of tenants.
func (w *walker) names(text string, vars []any) {
	if strings.Contains(text, refused) {
		failBuild(w.stmt, w.stmt.Table, errSubquery)
	}
	if name := w.guard.tableIn(text); name != "" && !w.failed() {
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
	return name == "*" || !isSystem(schema) && g.tables.namedInText(name) != nil
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
	"or, where the database itself enforces isolation, plugin.AllowRawSQL", gormtenant.ErrRawSQL)

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
	for _, v := range vars {
		bound, ok := v.(scopes.BoundID)
		if !ok {
			continue
		}
		id, err := bound.Tenant()
		if err != nil {
			return err
		}
		if !sameID(id, s.id) {
			return gormtenant.ErrOtherTenant
		}
		return nil
	}
	return errNames
}

// scoped says whether the statement is limited to a tenant in any of its tables.
func (w *walker) scoped() bool {
	s, err := resolve(w.stmt.Context)
	if err != nil || s.unscoped {
		return false
	}
	found := false
	err = w.guard.targets(w.stmt, func(*table, string) { found = true })
	from, _ := w.stmt.Clauses["FROM"].Expression.(clause.From)
	for _, join := range from.Joins {
		found = found || w.guard.tables.named(lastPart(join.Table.Name)) != nil
	}
	return found || err != nil
}

// render returns the text that expr writes, for a look at it.
func (w *walker) render(expr clause.Expression) string {
	scratch := w.stmt.DB.Session(&gorm.Session{
		NewDB: true, Initialized: true, DryRun: true, Logger: logger.Discard,
	}).Statement
	scratch.Context = w.stmt.Context
	scratch.Schema, scratch.Model = w.stmt.Schema, w.stmt.Model
	scratch.Table, scratch.TableExpr = w.stmt.Table, nil
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
		case clause.Table, clause.Column, []clause.Column:
			return true
		case []any:
			if writesSQL(e) {
				return true
			}
		case genericChain, gorm.Valuer:
		case clause.Expression:
			return true
		}
	}
	return false
}

// neutral returns vars without sub-queries, which are looked at by themselves.
func neutral(vars []any) []any {
	out := make([]any, len(vars))
	for i, v := range vars {
		switch e := v.(type) {
		case *gorm.DB, genericChain, *subquery, *chain, gorm.Valuer, scopes.BoundID:
			out[i] = clause.Expr{SQL: "NULL"}
		case []any:
			out[i] = neutral(e)
		case clause.Expression:
			out[i] = neutralExpression(e)
		default:
			out[i] = v
		}
	}
	return out
}

func neutralExpression(expr clause.Expression) clause.Expression {
	switch e := expr.(type) {
	case clause.Expr:
		e.Vars = neutral(e.Vars)
		return e
	case clause.NamedExpr:
		e.Vars = neutral(e.Vars)
		return e
	case clause.AndConditions:
		exprs := make([]clause.Expression, len(e.Exprs))
		for i := range e.Exprs {
			exprs[i] = neutralExpression(e.Exprs[i])
		}
		e.Exprs = exprs
		return e
	}
	return expr
}
