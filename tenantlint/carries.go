package tenantlint

import (
	"go/ast"
	"go/types"
	"slices"
)

// answer reports whether a *gorm.DB has been given a context.
type answer int

const (
	unsure answer = iota
	no
	yes
)

// carrier finds out which *gorm.DB carries a context.
type carrier struct {
	*check
	seen map[*types.Var]bool
}

// carries reports whether the *gorm.DB in e was made by WithContext, or comes from something that
// had a context at hand. What begins a transaction without one is reported there, once, and so the
// transaction itself counts as one that has it.
func (c *check) carries(e ast.Expr) answer {
	return (&carrier{check: c, seen: make(map[*types.Var]bool)}).of(e)
}

func (c *carrier) of(e ast.Expr) answer {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		return c.call(e)
	case *ast.Ident:
		if v, ok := c.TypesInfo.ObjectOf(e).(*types.Var); ok {
			return c.variable(v)
		}
	case *ast.SelectorExpr:
		return c.field(e)
	}
	return unsure
}

func (c *carrier) call(e *ast.CallExpr) answer {
	g, ok := c.gormCall(e)
	if !ok || g.generic {
		return c.other(e)
	}
	switch g.name {
	case "WithContext", "Begin":
		return yes
	case "Session":
		value, _, known := c.sessionField(g, "Context")
		switch {
		case value != nil:
			return yes
		case !known:
			return unsure
		}
	case "Scopes":
		if slices.ContainsFunc(g.Args, c.isScope) {
			return yes
		}
	}
	return c.of(g.receiver)
}

// isScope reports whether a scope says itself whose statement it is, or is given a context.
func (c *carrier) isScope(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	path, _ := c.function(call)
	return path == scopesPath || c.givenContext(call)
}

func (c *carrier) givenContext(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		_, ok := c.contextType(c.TypesInfo.TypeOf(arg))
		return ok
	})
}

// other is the call of a function that is not GORM's.
func (c *carrier) other(call *ast.CallExpr) answer {
	if c.givenContext(call) {
		return yes
	}
	for _, arg := range call.Args {
		if isDB(c.TypesInfo.TypeOf(arg)) {
			return c.of(arg)
		}
	}
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if ok && c.TypesInfo.Selections[selector] != nil &&
		c.holdsContext(c.TypesInfo.TypeOf(selector.X)) {
		return unsure
	}
	if _, isFunction := ast.Unparen(call.Fun).(*ast.FuncLit); isFunction {
		return unsure
	}
	return no
}

func (c *carrier) variable(v *types.Var) answer {
	if c.seen[v] {
		return unsure
	}
	c.seen[v] = true
	if p, ok := c.values.parameters[v]; ok {
		if given := c.given(v); given == yes {
			return yes
		}
		return c.parameter(p)
	}
	switch {
	case v.Parent() == c.Pkg.Scope() || v.Pkg() != c.Pkg:
		if c.given(v) == yes {
			return yes
		}
		return no
	default:
		return c.given(v)
	}
}

// given looks at everything that a variable is given. One that carries a context is enough: the
// rest is taken for the other side of an if.
func (c *carrier) given(v *types.Var) answer {
	result := no
	for _, value := range c.values.given[v] {
		if value.Expr == nil {
			continue
		}
		switch c.of(value.Expr) {
		case yes:
			return yes
		case unsure:
			if value.Expr != nil && !c.itself(value.Expr, v) {
				result = unsure
			}
		}
	}
	if len(c.values.given[v]) == 0 {
		return unsure
	}
	return result
}

// itself reports whether e is a chain on v, as in q = q.Where(...).
func (c *carrier) itself(e ast.Expr, v *types.Var) bool {
	return c.values.variable(c.chain(e, nil)) == v
}

// parameter asks those who call the function.
func (c *carrier) parameter(p parameter) answer {
	if p.function == nil {
		return c.callback(p)
	}
	if p.index < 0 {
		return no // a receiver that embeds *gorm.DB
	}
	result, sites := yes, 0
	for _, call := range c.values.calls[p.function.Origin()] {
		if p.index >= len(call.Args) {
			return unsure
		}
		sites++
		switch c.of(call.Args[p.index]) {
		case no:
			return no
		case unsure:
			result = unsure
		}
	}
	if sites == 0 {
		return no
	}
	return result
}

func (c *carrier) callback(p parameter) answer {
	if p.callback == nil {
		return unsure
	}
	if _, ok := c.gormCall(p.callback); ok {
		return yes // of the statement or the transaction that is reported itself
	}
	if c.givenContext(p.callback) {
		return yes
	}
	return unsure
}

// field is a *gorm.DB in a struct, or a struct that embeds one.
func (c *carrier) field(e *ast.SelectorExpr) answer {
	if c.holdsContext(c.TypesInfo.TypeOf(e.X)) || isNamed(c.TypesInfo.TypeOf(e.X), gormPath,
		"Statement") {
		return unsure
	}
	v, ok := c.TypesInfo.ObjectOf(e.Sel).(*types.Var)
	if !ok || c.seen[v] {
		return unsure
	}
	c.seen[v] = true
	if c.given(v) == yes {
		return unsure
	}
	return no
}
