package tenantlint

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
)

// piece is a part of a text: a constant, or what the program finds out while it runs.
type piece struct {
	text string
	// unknown is the expression that is no constant, or nil.
	unknown ast.Expr
	// number is set for an integer, a float or a bool, which can name no table.
	number ast.Expr
}

// maxSteps bounds how far a text is followed through variables and functions.
const maxSteps = 400

// reader takes the text of an expression apart.
type reader struct {
	*check
	steps int
	seen  map[*types.Var]bool
}

// pieces returns the parts of a string. What several assignments or branches can give follows one
// after the other.
func (c *check) pieces(e ast.Expr) []piece {
	r := &reader{check: c, seen: make(map[*types.Var]bool)}
	return r.read(e)
}

func (r *reader) read(e ast.Expr) []piece {
	e = ast.Unparen(e)
	r.steps++
	if r.steps > maxSteps {
		return []piece{{unknown: e}}
	}
	info := r.TypesInfo.Types[e]
	if info.Value != nil {
		if info.Value.Kind() == constant.String {
			return []piece{{text: constant.StringVal(info.Value)}}
		}
		return []piece{{number: e}}
	}
	if info.Type != nil {
		if basic, ok := info.Type.Underlying().(*types.Basic); ok &&
			basic.Info()&(types.IsNumeric|types.IsBoolean) != 0 {
			return []piece{{number: e}}
		}
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return append(r.read(e.X), r.read(e.Y)...)
		}
	case *ast.Ident:
		return r.variable(e)
	case *ast.CompositeLit:
		return r.elements(e)
	case *ast.IndexExpr:
		return r.read(e.X) // one of the elements, whichever it is
	case *ast.SliceExpr:
		return r.read(e.X)
	case *ast.CallExpr:
		return r.call(e)
	case *ast.SelectorExpr:
		if v, ok := r.TypesInfo.ObjectOf(e.Sel).(*types.Var); ok && r.fixed(v) {
			return r.given(e, v)
		}
	}
	return []piece{{unknown: e}}
}

// variable reads everything that a variable of this package is given.
func (r *reader) variable(id *ast.Ident) []piece {
	v, ok := r.TypesInfo.ObjectOf(id).(*types.Var)
	if !ok || v.IsField() {
		if _, isNil := r.TypesInfo.ObjectOf(id).(*types.Nil); isNil {
			return nil
		}
		return []piece{{unknown: id}}
	}
	if _, ok := r.values.parameters[v]; ok {
		return []piece{{unknown: id}}
	}
	if v.Parent() == r.Pkg.Scope() && !r.fixed(v) {
		return []piece{{unknown: id}}
	}
	return r.given(id, v)
}

// fixed reports whether only this package can write to a variable of the package.
func (r *reader) fixed(v *types.Var) bool {
	return v.Pkg() == r.Pkg && !v.Exported() && v.Parent() == r.Pkg.Scope()
}

func (r *reader) given(e ast.Expr, v *types.Var) []piece {
	if r.seen[v] {
		return nil
	}
	if r.values.elsewhere[v] || v.Pkg() != r.Pkg {
		return []piece{{unknown: e}}
	}
	r.seen[v] = true
	defer delete(r.seen, v)
	if len(r.values.given[v]) == 0 { // of a type switch
		return []piece{{unknown: e}}
	}
	var all []piece
	for _, given := range r.values.given[v] {
		switch {
		case given.key:
			all = append(all, piece{unknown: e})
		case given.Expr != nil:
			all = append(all, r.read(given.Expr)...)
		}
	}
	return all
}

// elements reads the values of a literal of a slice, an array or a map.
func (r *reader) elements(literal *ast.CompositeLit) []piece {
	if _, ok := r.TypesInfo.TypeOf(literal).Underlying().(*types.Struct); ok {
		return []piece{{unknown: literal}}
	}
	var all []piece
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			element = pair.Value
		}
		all = append(all, r.read(element)...)
	}
	return all
}

// onConstants are functions whose result is made of their arguments only.
var onConstants = map[string]bool{
	"strings.Join": true, "strings.Repeat": true, "strings.TrimSuffix": true,
	"strings.TrimPrefix": true, "strings.TrimRight": true, "strings.TrimLeft": true,
	"strings.Trim": true, "strings.TrimSpace": true, "strings.ToLower": true,
	"strings.ToUpper": true, "strings.ReplaceAll": true, "strings.Replace": true,
	"fmt.Sprint": true, "strings.Title": true,
}

// numbers are functions whose result names no table.
var numbers = map[string]bool{
	"strconv.Itoa": true, "strconv.FormatInt": true, "strconv.FormatUint": true,
	"strconv.FormatFloat": true, "strconv.FormatBool": true,
}

func (r *reader) call(e *ast.CallExpr) []piece {
	if target := r.TypesInfo.Types[e.Fun]; target.IsType() && len(e.Args) == 1 {
		return r.read(e.Args[0])
	}
	if id, ok := ast.Unparen(e.Fun).(*ast.Ident); ok && id.Name == "append" {
		return r.all(e.Args)
	}
	if r.quotes(e) {
		return nil
	}
	path, name := r.function(e)
	switch full := path + "." + name; {
	case full == "fmt.Sprintf" && len(e.Args) > 0:
		return r.format(e.Args[0], e.Args[1:], e)
	case onConstants[full]:
		return r.all(e.Args)
	case numbers[full]:
		return []piece{{number: e}}
	case path == r.Pkg.Path():
		return r.results(e)
	}
	return r.built(e)
}

// quotes reports whether a call is pgx.Identifier.Sanitize, which quotes what it is given.
func (r *reader) quotes(e *ast.CallExpr) bool {
	selector, ok := ast.Unparen(e.Fun).(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "Sanitize" &&
		isNamed(r.TypesInfo.TypeOf(selector.X), "github.com/jackc/pgx/v5", "Identifier")
}

func (r *reader) all(args []ast.Expr) []piece {
	var all []piece
	for _, arg := range args {
		all = append(all, r.read(arg)...)
	}
	return all
}

// results reads what a function of this package returns.
func (r *reader) results(e *ast.CallExpr) []piece {
	var fn *types.Func
	switch f := ast.Unparen(e.Fun).(type) {
	case *ast.Ident:
		fn, _ = r.TypesInfo.Uses[f].(*types.Func)
	default:
		return []piece{{unknown: e}}
	}
	decl := r.models.bodies[fn]
	if decl == nil || decl.Body == nil || fn.Signature().Results().Len() != 1 {
		return []piece{{unknown: e}}
	}
	all, found := []piece(nil), false
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			found = true
			if len(n.Results) != 1 {
				all = append(all, piece{unknown: e})
				return false
			}
			all = append(all, r.read(n.Results[0])...)
		}
		return true
	})
	if !found {
		return []piece{{unknown: e}}
	}
	return all
}

// built reads what was written to a strings.Builder of this function.
func (r *reader) built(e *ast.CallExpr) []piece {
	selector, ok := ast.Unparen(e.Fun).(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "String" {
		return []piece{{unknown: e}}
	}
	v := r.values.variable(selector.X)
	calls := r.values.written[v]
	if v == nil || len(calls) == 0 {
		return []piece{{unknown: e}}
	}
	var all []piece
	for _, call := range calls {
		path, name := r.function(call)
		switch {
		case path == "fmt" && name == "Fprintf" && len(call.Args) > 1:
			all = append(all, r.format(call.Args[1], call.Args[2:], call)...)
		case path == "fmt" && len(call.Args) > 0:
			all = append(all, r.all(call.Args[1:])...)
		default:
			all = append(all, r.all(call.Args)...)
		}
	}
	return all
}

// format reads a format and what its verbs stand for.
func (r *reader) format(format ast.Expr, args []ast.Expr, e ast.Expr) []piece {
	value := r.TypesInfo.Types[format].Value
	if value == nil {
		return []piece{{unknown: e}}
	}
	text := constant.StringVal(value)
	var all []piece
	for {
		before, after, found := strings.Cut(text, "%")
		all = append(all, piece{text: before})
		if !found || after == "" {
			return all
		}
		verb := strings.IndexFunc(after, func(c rune) bool {
			return !strings.ContainsRune("+-# 0123456789.", c)
		})
		switch {
		case verb < 0:
			return all
		case after[verb] == '%':
			all = append(all, piece{text: "%"})
		case after[verb] == '[' || after[verb] == '*' || len(args) == 0:
			return append(all, piece{unknown: e})
		default:
			all = append(all, r.read(args[0])...)
			args = args[1:]
		}
		text = after[verb+1:]
	}
}
