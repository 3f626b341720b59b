package tenantlint

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

var background = rule{
	name: "background",
	doc: `context.Background() where there is a context.
What: WithContext(context.Background()), or context.TODO(), also through a variable, in a function
that is given a context or a request.
Why: it throws the tenant away: the statement fails with ErrNoTenant.
Do: pass the context of the function; context.WithoutCancel(ctx) keeps the tenant where the work
must outlive the request. The suggested fix passes the context.`,
	run: checkBackground,
}

func checkBackground(c *check) {
	c.each(func(call *ast.CallExpr, stack []ast.Node) {
		g, ok := c.gormCall(call)
		if !ok || len(g.Args) == 0 {
			return
		}
		arg := g.Args[0]
		if g.name == "Session" {
			arg, _, _ = c.sessionField(g, "Context")
		}
		if arg == nil || g.name != "WithContext" && g.name != "Session" && !g.generic {
			return
		}
		made, ok := c.fromBackground(arg, 0)
		if !ok {
			return
		}
		context, ok := c.contextOf(stack)
		if !ok {
			return
		}
		var fixes []analysis.SuggestedFix
		if context != "" && ast.Unparen(arg) == made {
			fixes = append(fixes, fix("pass the context", arg.Pos(), arg.End(), context))
		}
		c.report(arg, "this context has no tenant, while the function is given one that may: "+
			"pass that (context.WithoutCancel keeps its tenant and drops its end)", fixes...)
	})
}

// fromBackground returns the call that makes a context from nothing, if e is one that came of it
// and of functions of the package context only.
func (c *check) fromBackground(e ast.Expr, depth int) (ast.Expr, bool) {
	if depth > 5 {
		return nil, false
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, ok := c.TypesInfo.ObjectOf(e).(*types.Var)
		if !ok || len(c.values.given[v]) != 1 || c.values.given[v][0].Expr == nil {
			return nil, false
		}
		if _, isParameter := c.values.parameters[v]; isParameter {
			return nil, false
		}
		return c.fromBackground(c.values.given[v][0].Expr, depth+1)
	case *ast.CallExpr:
		path, name := c.function(e)
		switch {
		case path != "context":
			return nil, false
		case name == "Background" || name == "TODO":
			return e, true
		case len(e.Args) > 0:
			return c.fromBackground(e.Args[0], depth+1)
		}
	}
	return nil, false
}
