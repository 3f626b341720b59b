package tenantlint

import (
	"go/ast"
	"go/token"
	"go/types"
)

// contextOf returns how the innermost function around a node that is given a context gets at it,
// such as "ctx" or "r.Context()". The text is "" if the function gave it no name, or another
// variable has that name by now.
func (c *check) contextOf(stack []ast.Node) (text string, ok bool) {
	pos := stack[len(stack)-1].Pos()
	for i := len(stack) - 1; i >= 0; i-- {
		var signature *ast.FuncType
		switch f := stack[i].(type) {
		case *ast.FuncDecl:
			signature = f.Type
		case *ast.FuncLit:
			signature = f.Type
		default:
			continue
		}
		for _, group := range signature.Params.List {
			suffix, ok := c.contextType(c.TypesInfo.TypeOf(group.Type))
			if !ok {
				continue
			}
			if len(group.Names) == 0 || group.Names[0].Name == "_" {
				return "", true
			}
			return c.visible(group.Names[0], pos, suffix), true
		}
	}
	return "", false
}

func (c *check) visible(name *ast.Ident, pos token.Pos, suffix string) string {
	scope := c.Pkg.Scope().Innermost(pos)
	if scope == nil {
		return ""
	}
	if _, found := scope.LookupParent(name.Name, pos); found != c.TypesInfo.Defs[name] {
		return ""
	}
	return name.Name + suffix
}

// contextType reports whether a value of type t brings the context of a request, and what to write
// behind it to get that.
func (c *check) contextType(t types.Type) (suffix string, ok bool) {
	switch {
	case t == nil:
		return "", false
	case isNamed(t, "context", "Context"):
		return "", true
	case isNamed(t, "net/http", "Request"):
		return ".Context()", true
	case isDB(t):
		return "", false
	}
	if request := method(t, "Request"); request != nil &&
		request.Signature().Results().Len() == 1 &&
		isNamed(request.Signature().Results().At(0).Type(), "net/http", "Request") {
		return ".Request().Context()", true // echo.Context
	}
	if !isContext(t) {
		return "", false
	}
	object, _, _ := types.LookupFieldOrMethod(t, true, nil, "Request")
	if field, ok := object.(*types.Var); ok && isNamed(field.Type(), "net/http", "Request") {
		return ".Request.Context()", true // *gin.Context
	}
	return "", true
}

// isContext reports whether t has the methods of context.Context.
func isContext(t types.Type) bool {
	for _, name := range []string{"Deadline", "Done", "Err", "Value"} {
		if method(t, name) == nil {
			return false
		}
	}
	return true
}

// holdsContext reports whether a struct has a field that is a context.
func (c *check) holdsContext(t types.Type) bool {
	if t == nil {
		return false
	}
	if _, ok := c.contextType(t); ok {
		return true
	}
	body, ok := element(t).Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for i := range body.NumFields() {
		if _, ok := c.contextType(body.Field(i).Type()); ok {
			return true
		}
	}
	return false
}
