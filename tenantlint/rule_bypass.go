package tenantlint

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

var bypass = rule{
	name: "bypass",
	doc: `ways past the plugin, in a package that has or uses models of tenants.
What: statements on the *sql.DB that db.DB() returns, or that pool handed to something else;
Session with a Context of its own; Session with NewDB on a chain that has scopes.
Why: the plugin sees nothing of what runs on the pool. NewDB drops scopes.Tenant and
scopes.Unscoped with the rest of the chain. A context in Session escapes whoever looks for
WithContext.
Do: db.Raw and db.Exec, or row-level security in the server; WithContext, which the suggested fix
writes. What only sets the pool up, such as SetMaxOpenConns, is no finding.`,
	run: checkBypass,
}

func checkBypass(c *check) {
	if !c.models.touchesTenants() {
		return
	}
	pools := make(map[*types.Var]bool)
	for v, values := range c.values.given {
		for _, value := range values {
			call, ok := value.Expr.(*ast.CallExpr)
			if ok && isNamed(v.Type(), "database/sql", "DB") {
				g, ok := c.gormCall(call)
				pools[v] = pools[v] || ok && g.name == "DB"
			}
		}
	}
	c.each(func(call *ast.CallExpr, _ []ast.Node) {
		if g, ok := c.gormCall(call); ok && g.name == "Session" {
			c.checkSession(g)
			return
		}
		c.checkPool(call, pools)
	})
}

// checkPool reports a statement on a pool that db.DB() returned, and who else gets that.
func (c *check) checkPool(call *ast.CallExpr, pools map[*types.Var]bool) {
	const advice = ": use db.Raw and db.Exec with scopes.ID, or row-level security in the server"
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok &&
		pools[c.values.variable(selector.X)] && sends(selector.Sel.Name) {
		c.report(call, selector.Sel.Name+" on what db.DB() returns runs past the plugin, which "+
			"scopes nothing there"+advice)
		return
	}
	if c.TypesInfo.Types[call.Fun].IsBuiltin() {
		return
	}
	for _, arg := range call.Args {
		if pools[c.values.variable(arg)] {
			c.report(arg, "what gets the pool of db.DB() runs its statements past the plugin, "+
				"which scopes nothing there"+advice)
		}
	}
}

// sends reports whether a method of *sql.DB runs statements or hands out what does.
func sends(method string) bool {
	for _, prefix := range []string{"Query", "Exec", "Prepare", "Begin", "Conn"} {
		if rest, ok := strings.CutPrefix(method, prefix); ok &&
			(rest == "" || rest == "Row" || strings.HasSuffix(rest, "Context") || rest == "Tx") {
			return true
		}
	}
	return false
}

func (c *check) checkSession(g gormCall) {
	if value, fields, _ := c.sessionField(g, "Context"); value != nil {
		var fixes []analysis.SuggestedFix
		if fields == 1 {
			name := ast.Unparen(g.Fun).(*ast.SelectorExpr).Sel
			fixes = append(fixes,
				analysis.SuggestedFix{Message: "call WithContext", TextEdits: []analysis.TextEdit{
					{Pos: name.Pos(), End: value.Pos(), NewText: []byte("WithContext(")},
					{Pos: value.End(), End: g.Rparen},
				}})
		}
		c.report(g.Args[0], "Session changes the context, and with it the tenant, where nobody "+
			"looks for it: call WithContext", fixes...)
		return
	}
	value, _, _ := c.sessionField(g, "NewDB")
	if value == nil || types.ExprString(value) != "true" {
		return
	}
	scoped := false
	root := c.chain(g.receiver, func(g gormCall) { scoped = scoped || c.isScoped(g) })
	if v := c.values.variable(root); v != nil {
		for _, value := range c.values.given[v] {
			if value.Expr != nil {
				c.chain(value.Expr, func(g gormCall) { scoped = scoped || c.isScoped(g) })
			}
		}
	}
	if scoped {
		c.report(g.Args[0], "NewDB drops the scope that says whose the statement is: put the "+
			"tenant, or Unscoped, into the context")
	}
}

// isScoped reports whether a call of Scopes says whose the statement is.
func (c *check) isScoped(g gormCall) bool {
	if g.name != "Scopes" {
		return false
	}
	for _, arg := range g.Args {
		if call, ok := ast.Unparen(arg).(*ast.CallExpr); ok {
			if path, _ := c.function(call); path == scopesPath {
				return true
			}
		}
	}
	return false
}
