package tenantlint

import (
	"go/ast"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

var rawText = rule{
	name: "rawtext",
	doc: `raw SQL that is put together while the program runs.
What: the text given to Raw, Exec, Where, Or, Not, Having, Joins, Select, Order, Group, Table,
Distinct, Pluck, gorm.Expr, or to Find and its like as a condition, is no constant.
Why: what is put in can be SQL of an attacker (First(&user, id) with a string too), and can name
another tenant's rows; gormtenant refuses text that it cannot scope.
Do: pass values as arguments, "name = ?". Choose names of columns from a map or a switch of
constants, which this rule follows. Numbers are no finding.`,
	run: checkText,
}

// texts tells which argument of a method is SQL. -1 stands for all.
var texts = map[string]int{
	"Raw": 0, "Exec": 0, "Where": 0, "Or": 0, "Not": 0, "Having": 0, "Joins": 0, "InnerJoins": 0,
	"Select": 0, "Order": 0, "Group": 0, "Table": 0, "Pluck": 0, "Distinct": -1,
	"First": 1, "Take": 1, "Last": 1, "Find": 1, "Delete": 1, "FirstOrInit": 1, "FirstOrCreate": 1,
}

func checkText(c *check) {
	c.each(func(call *ast.CallExpr, _ []ast.Node) {
		if path, name := c.function(call); path == gormPath && name == "Expr" {
			c.checkText("gorm.Expr", call, call.Args[:min(1, len(call.Args))])
			return
		}
		g, ok := c.gormCall(call)
		if !ok {
			return
		}
		index, ok := texts[g.name]
		switch {
		case !ok || g.generic && index == 1:
			return
		case g.generic && g.name == "Exec":
			index = 1
		}
		switch {
		case index < 0:
			c.checkText(g.name, call, call.Args)
		case index < len(call.Args):
			c.checkText(g.name, call, call.Args[index:index+1])
		}
	})
}

func (c *check) checkText(method string, call *ast.CallExpr, args []ast.Expr) {
	for _, arg := range args {
		if !types.Identical(types.Default(c.TypesInfo.TypeOf(arg)), types.Typ[types.String]) {
			continue
		}
		pieces := c.pieces(arg)
		unknown := slices.IndexFunc(pieces, func(p piece) bool { return p.unknown != nil })
		if unknown < 0 {
			continue
		}
		what := types.ExprString(pieces[unknown].unknown)
		if len(what) > 40 {
			what = "a value"
		}
		message := "the text given to " + method + " is put together with " + what +
			", which can be any SQL"
		if table := c.namedTable(pieces); table != "" {
			message += ", and it names " + table + ", a tenant's table"
		} else {
			message += ", so that the tables it names cannot be known"
		}
		message += `: pass values as arguments ("name = ?"), and choose names among constants`
		c.report(arg, message, c.fixText(call, arg)...)
	}
}

var word = regexp.MustCompile(`[\pL_][\pL\pN_]*`)

// namedTable returns a tenant's table that the constant parts name, or "".
func (c *check) namedTable(pieces []piece) string {
	for _, p := range pieces {
		for _, name := range word.FindAllString(p.text, -1) {
			if c.models.tables[strings.ToLower(name)] {
				return strings.ToLower(name)
			}
		}
	}
	return ""
}

var (
	quotedBefore = regexp.MustCompile(`(?i)(=|<|>|<>|!=|\blike|\()\s*'$`)
	bareBefore   = regexp.MustCompile(`(=|<|>|<>|!=)\s*$`)
	bareAfter    = regexp.MustCompile(`^(\s|\)|;|$)`)
)

// fixText turns values that stand in a text into arguments of the call, where it is certain that
// they are values: 'text' in quotes, and numbers behind a comparison. It gives up on the rest.
func (c *check) fixText(call *ast.CallExpr, arg ast.Expr) []analysis.SuggestedFix {
	if len(call.Args) == 0 || call.Args[len(call.Args)-1] != arg {
		return nil
	}
	parts, ok := c.template(arg)
	if !ok {
		return nil
	}
	var b strings.Builder
	var values []string
	for i, p := range parts {
		text := p.text
		if i > 0 && parts[i-1].unknown != nil {
			text = text[1:] // the closing quote
		}
		if strings.Contains(text, "?") || strings.Contains(text, "@") {
			return nil
		}
		value := p.unknown
		if value == nil {
			value = p.number
		}
		if value == nil {
			if i+1 < len(parts) && parts[i+1].unknown != nil {
				text = strings.TrimSuffix(text, "'")
			}
			b.WriteString(text)
			continue
		}
		if i == 0 || !standsAlone(parts, i) {
			return nil
		}
		b.WriteByte('?')
		values = append(values, types.ExprString(value))
	}
	text := strconv.Quote(b.String()) + ", " + strings.Join(values, ", ")
	return []analysis.SuggestedFix{fix("pass the values as arguments", arg.Pos(), arg.End(), text)}
}

// standsAlone reports whether parts[i] is one value of SQL, and not a part of something.
func standsAlone(parts []piece, i int) bool {
	before, after := parts[i-1].text, ""
	if i+1 < len(parts) {
		after = parts[i+1].text
	}
	if parts[i].number != nil {
		return bareBefore.MatchString(before) && bareAfter.MatchString(after)
	}
	return quotedBefore.MatchString(before) && strings.HasPrefix(after, "'")
}

// template returns the text as it is written at its place, constants and values in turn. It is not
// ok where the text comes from somewhere else.
func (c *check) template(e ast.Expr) ([]piece, bool) {
	var parts []piece
	add := func(p piece) {
		last := len(parts) - 1
		if p.unknown == nil && p.number == nil && last >= 0 &&
			parts[last].unknown == nil && parts[last].number == nil {
			parts[last].text += p.text
			return
		}
		parts = append(parts, p)
	}
	var walk func(ast.Expr) bool
	leaf := func(e ast.Expr) bool {
		info := c.TypesInfo.Types[e]
		switch basic, ok := info.Type.Underlying().(*types.Basic); {
		case info.Value != nil && ok && basic.Info()&types.IsString != 0:
			add(piece{text: c.pieces(e)[0].text})
		case ok && basic.Info()&types.IsString != 0:
			add(piece{unknown: e})
		case ok && basic.Info()&types.IsInteger != 0:
			add(piece{number: e})
		default:
			return false
		}
		return true
	}
	walk = func(e ast.Expr) bool {
		e = ast.Unparen(e)
		if sum, ok := e.(*ast.BinaryExpr); ok && c.TypesInfo.Types[e].Value == nil {
			return walk(sum.X) && walk(sum.Y)
		}
		call, ok := e.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return leaf(e)
		}
		path, name := c.function(call)
		format := c.TypesInfo.Types[call.Args[0]].Value
		if path != "fmt" || name != "Sprintf" || format == nil {
			return leaf(e)
		}
		return walkFormat(c.pieces(call.Args[0])[0].text, call.Args[1:], add, leaf)
	}
	ok := walk(e)
	return parts, ok && len(parts) > 0
}

var plainVerbs = map[byte]bool{'s': true, 'd': true, 'v': true}

// walkFormat takes a format apart that has plain verbs only.
func walkFormat(text string, args []ast.Expr, add func(piece), leaf func(ast.Expr) bool) bool {
	for {
		before, after, found := strings.Cut(text, "%")
		add(piece{text: before})
		if !found {
			return len(args) == 0
		}
		if after == "" || len(args) == 0 || !plainVerbs[after[0]] || !leaf(args[0]) {
			return false
		}
		text, args = after[1:], args[1:]
	}
}
