package tenantlint

import (
	"go/ast"

	"golang.org/x/tools/go/analysis"
)

var noContext = rule{
	name: "context",
	doc: `a statement that does not get the context which its function has.
What: a call such as db.Find in a function that is given a context.Context or a request, on a
*gorm.DB that no WithContext has given it to.
Why: the tenant is in the context. Without it the statement fails with ErrNoTenant; before
gormtenant is switched on it reads every tenant's rows, and is not cancelled with its request.
Do: db.WithContext(ctx).Find(...). The suggested fix writes it.`,
	run: checkContext,
}

// runs are the methods that send a statement.
var runs = map[string]bool{
	"Create": true, "CreateInBatches": true, "Save": true, "First": true, "Take": true,
	"Last": true, "Find": true, "FindInBatches": true, "FirstOrInit": true, "FirstOrCreate": true,
	"Update": true, "Updates": true, "UpdateColumn": true, "UpdateColumns": true, "Delete": true,
	"Count": true, "Row": true, "Rows": true, "Scan": true, "Pluck": true, "Exec": true,
	"Transaction": true, "Begin": true, "Connection": true, "Association": true,
}

func checkContext(c *check) {
	c.each(func(call *ast.CallExpr, stack []ast.Node) {
		g, ok := c.gormCall(call)
		if !ok || g.generic || !runs[g.name] {
			return
		}
		context, ok := c.contextOf(stack)
		if !ok {
			return
		}
		earlier := false
		root := c.chain(g.receiver, func(g gormCall) { earlier = earlier || runs[g.name] })
		if earlier || c.carries(g.receiver) != no {
			return
		}
		var fixes []analysis.SuggestedFix
		if context != "" {
			fixes = append(fixes, fix("pass the context", root.End(), root.End(),
				".WithContext("+context+")"))
		}
		c.report(root, g.name+" runs without the context that this function is given, and so "+
			"without its tenant: call WithContext first", fixes...)
	})
}
