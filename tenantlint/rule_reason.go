package tenantlint

import (
	"go/ast"
	"go/constant"
	"strings"
)

var noReason = rule{
	name: "reason",
	doc: `Unscoped without a reason.
What: gormtenant.Unscoped or scopes.Unscoped with a constant that is empty or blank.
Why: the statements fail with ErrNoReason, and an audit log would not say why somebody crossed.
Do: say what for: "monthly invoicing".`,
	run: checkReason,
}

func checkReason(c *check) {
	c.each(func(call *ast.CallExpr, _ []ast.Node) {
		path, name := c.function(call)
		if name != "Unscoped" || path != rootPath && path != scopesPath || len(call.Args) == 0 {
			return
		}
		reason := call.Args[len(call.Args)-1]
		value := c.TypesInfo.Types[reason].Value
		if value == nil || value.Kind() != constant.String ||
			strings.TrimSpace(constant.StringVal(value)) != "" {
			return
		}
		c.report(reason, "Unscoped without a reason makes its statements fail with ErrNoReason: "+
			"say what for")
	})
}
