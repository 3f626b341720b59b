package tenantlint

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// gormCall is a call of a method of *gorm.DB, or of the types behind gorm.G.
type gormCall struct {
	*ast.CallExpr
	name string
	// receiver is what the method is called on.
	receiver ast.Expr
	// generic is set for a method of what gorm.G returns.
	generic bool
}

func (c *check) gormCall(call *ast.CallExpr) (gormCall, bool) {
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return gormCall{}, false
	}
	fn, ok := typeutil.Callee(c.TypesInfo, call).(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Pkg().Path() != gormPath {
		return gormCall{}, false
	}
	receiver := fn.Signature().Recv()
	if receiver == nil {
		return gormCall{}, false
	}
	named, ok := element(receiver.Type()).(*types.Named)
	if !ok {
		return gormCall{}, false
	}
	found := gormCall{CallExpr: call, name: fn.Name(), receiver: ast.Unparen(selector.X)}
	switch name := named.Obj().Name(); {
	case name == "DB":
		return found, true
	case strings.HasSuffix(name, "Interface") && named.TypeArgs().Len() > 0:
		found.generic = true
		return found, true
	}
	return gormCall{}, false
}

// function returns the package's path and the name of the function that is called, not a method.
func (c *check) function(call *ast.CallExpr) (path, name string) {
	fn, ok := typeutil.Callee(c.TypesInfo, call).(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Signature().Recv() != nil {
		return "", ""
	}
	return fn.Pkg().Path(), fn.Name()
}

// chain walks from a call to what its chain of *gorm.DB methods begins with, and calls f for each
// call that it passes.
func (c *check) chain(e ast.Expr, f func(gormCall)) (root ast.Expr) {
	for {
		e = ast.Unparen(e)
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return e
		}
		g, ok := c.gormCall(call)
		if !ok || g.generic {
			return e
		}
		if f != nil {
			f(g)
		}
		e = g.receiver
	}
}

func isDB(t types.Type) bool { return t != nil && isNamed(t, gormPath, "DB") }

// sessionField returns the value of a field of the gorm.Session that a call of Session is given.
// known is false if the argument is no literal.
func (c *check) sessionField(g gormCall, name string) (value ast.Expr, fields int, known bool) {
	if len(g.Args) != 1 {
		return nil, 0, false
	}
	e := ast.Unparen(g.Args[0])
	if address, ok := e.(*ast.UnaryExpr); ok {
		e = ast.Unparen(address.X)
	}
	literal, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil, 0, false
	}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == name {
				value = pair.Value
			}
		}
	}
	return value, len(literal.Elts), true
}
