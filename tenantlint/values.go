package tenantlint

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// value is something that a variable is given. Its expression is nil for the zero value, and what
// is ranged over for an element.
type value struct {
	ast.Expr
	// key is set where the variable is a key of the expression.
	key bool
}

// parameter says which function a variable is a parameter of.
type parameter struct {
	// function is the declared function, or nil.
	function *types.Func
	// callback is the call that the function literal is an argument of, or nil.
	callback *ast.CallExpr
	index    int
}

// values tells where variables and fields of a package get what they hold.
type values struct {
	*check
	given map[*types.Var][]value
	// elsewhere are the variables whose address is taken: anything may be written to them.
	elsewhere  map[*types.Var]bool
	parameters map[*types.Var]parameter
	calls      map[*types.Func][]*ast.CallExpr
	// written are the texts written to a strings.Builder.
	written map[*types.Var][]*ast.CallExpr
}

func findValues(c *check) *values {
	v := &values{
		check: c, given: make(map[*types.Var][]value), elsewhere: make(map[*types.Var]bool),
		parameters: make(map[*types.Var]parameter), calls: make(map[*types.Func][]*ast.CallExpr),
		written: make(map[*types.Var][]*ast.CallExpr),
	}
	kinds := []ast.Node{
		(*ast.AssignStmt)(nil), (*ast.ValueSpec)(nil), (*ast.RangeStmt)(nil),
		(*ast.KeyValueExpr)(nil), (*ast.UnaryExpr)(nil), (*ast.FuncDecl)(nil),
		(*ast.FuncLit)(nil), (*ast.CallExpr)(nil),
	}
	c.inspect.WithStack(kinds, func(n ast.Node, push bool, stack []ast.Node) bool {
		if push {
			v.see(n, stack)
		}
		return true
	})
	return v
}

func (v *values) see(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		v.assign(n.Lhs, n.Rhs)
	case *ast.ValueSpec:
		left := make([]ast.Expr, len(n.Names))
		for i, name := range n.Names {
			left[i] = name
		}
		v.assign(left, n.Values)
		if len(n.Values) == 0 {
			v.zero(n.Names)
		}
	case *ast.RangeStmt:
		v.give(n.Key, value{Expr: n.X, key: true})
		v.give(n.Value, value{Expr: n.X})
	case *ast.KeyValueExpr:
		if field := v.variable(n.Key); field != nil && field.IsField() {
			v.give(n.Key, value{Expr: n.Value})
		}
	case *ast.UnaryExpr:
		if variable := v.variable(n.X); n.Op == token.AND && variable != nil {
			v.elsewhere[variable] = true
		}
	case *ast.FuncDecl:
		fn, _ := v.TypesInfo.Defs[n.Name].(*types.Func)
		v.declare(n.Type, parameter{function: fn})
		if n.Recv != nil {
			v.declareList(n.Recv, parameter{function: fn, index: -1})
		}
	case *ast.FuncLit:
		var call *ast.CallExpr
		if len(stack) > 1 {
			if outer, ok := stack[len(stack)-2].(*ast.CallExpr); ok && outer.Fun != n {
				call = outer
			}
		}
		v.declare(n.Type, parameter{callback: call})
	case *ast.CallExpr:
		v.seeCall(n)
	}
}

func (v *values) seeCall(call *ast.CallExpr) {
	fn, ok := typeutil.Callee(v.TypesInfo, call).(*types.Func)
	if !ok {
		return
	}
	if fn.Pkg() == v.Pkg {
		v.calls[fn.Origin()] = append(v.calls[fn.Origin()], call)
	}
	if selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		variable := v.variable(selector.X)
		if variable != nil && isNamed(variable.Type(), "strings", "Builder") {
			v.written[variable] = append(v.written[variable], call)
		}
	}
	if fn.Pkg() != nil && fn.Pkg().Path() == "fmt" && len(call.Args) > 0 {
		if address, ok := call.Args[0].(*ast.UnaryExpr); ok {
			if b := v.variable(address.X); b != nil && isNamed(b.Type(), "strings", "Builder") {
				v.written[b] = append(v.written[b], call)
			}
		}
	}
}

func (v *values) assign(left, right []ast.Expr) {
	for i, l := range left {
		switch {
		case len(left) == len(right):
			v.give(l, value{Expr: right[i]})
		case len(right) == 1:
			v.give(l, value{Expr: right[0]})
		}
	}
}

func (v *values) give(to ast.Expr, what value) {
	if to == nil {
		return
	}
	if variable := v.variable(to); variable != nil {
		v.given[variable] = append(v.given[variable], what)
	}
}

// variable returns the variable or field that an expression names, or nil.
func (v *values) variable(e ast.Expr) *types.Var {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	default:
		return nil
	}
	variable, _ := v.TypesInfo.ObjectOf(id).(*types.Var)
	return variable
}

func (v *values) zero(names []*ast.Ident) {
	for _, name := range names {
		v.give(name, value{})
	}
}

func (v *values) declare(signature *ast.FuncType, p parameter) {
	v.declareList(signature.Params, p)
	if signature.Results != nil {
		for _, group := range signature.Results.List {
			v.zero(group.Names)
		}
	}
}

func (v *values) declareList(list *ast.FieldList, p parameter) {
	for _, group := range list.List {
		for _, name := range group.Names {
			if variable, ok := v.TypesInfo.Defs[name].(*types.Var); ok {
				v.parameters[variable] = p
			}
			p.index++
		}
		if len(group.Names) == 0 {
			p.index++
		}
	}
}
