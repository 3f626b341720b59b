package tenantlint

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Analyzer reports what would let a statement of a GORM application cross tenants, or fail once
// tenants are isolated. Its flags are -column, the column that makes a model a tenant's without a
// tag ("tenant_id" by default), -skip, a list of rules with commas between them, and -tests, which
// looks at test files too.
var Analyzer = newAnalyzer()

// options are the flags.
type options struct {
	column string
	skip   string
	tests  bool
}

func newAnalyzer() *analysis.Analyzer {
	var o options
	a := &analysis.Analyzer{
		Name:      "tenantlint",
		Doc:       doc(),
		URL:       "https://pkg.go.dev/github.com/gormtenant/gormtenant/tenantlint",
		Requires:  []*analysis.Analyzer{inspect.Analyzer},
		FactTypes: []analysis.Fact{new(tablesFact)},
		Run: func(pass *analysis.Pass) (any, error) {
			run(pass, &o)
			return nil, nil
		},
	}
	a.Flags.StringVar(&o.column, "column", "tenant_id",
		"column that makes a model a tenant's without a tag")
	a.Flags.StringVar(&o.skip, "skip", "",
		"rules to skip, with commas between them, such as rawtext,unique")
	a.Flags.BoolVar(&o.tests, "tests", false, "look at test files too")
	return a
}

// rule is one thing that is looked for. Its name is the category of its findings.
type rule struct {
	name string
	doc  string
	run  func(*check)
}

func rules() []rule {
	return []rule{
		rawText, noContext, background, noReason, bypass, forgotten, unique, reference,
	}
}

func doc() string {
	var b strings.Builder
	b.WriteString("report what defeats the isolation of tenants in a program that uses GORM\n\n" +
		"A finding that is right as it is gets a comment on its line or on the line above:\n" +
		"//tenantlint:ignore and the reason.\n")
	for _, r := range rules() {
		b.WriteString("\n" + r.name + ": " + r.doc + "\n")
	}
	return b.String()
}

// check is one package that is looked at.
type check struct {
	*analysis.Pass
	*options
	inspect *inspector.Inspector
	models  *modelSet
	values  *values
	ignored ignored
	// passOver are the files in which nothing is reported.
	passOver map[*ast.File]bool
	rule     string
}

func run(pass *analysis.Pass, o *options) {
	c := &check{
		Pass:    pass,
		options: o,
		inspect: pass.ResultOf[inspect.Analyzer].(*inspector.Inspector),
	}
	c.models = findModels(c)
	c.models.export()
	if !c.concerned() {
		return
	}
	c.ignored = readIgnored(pass)
	c.passOver = make(map[*ast.File]bool)
	for _, file := range pass.Files {
		name := pass.Fset.Position(file.FileStart).Filename
		c.passOver[file] = ast.IsGenerated(file) || !o.tests && strings.HasSuffix(name, "_test.go")
	}
	c.values = findValues(c)
	skip := strings.Split(o.skip, ",")
	for _, r := range rules() {
		if !slices.Contains(skip, r.name) {
			c.rule = r.name
			r.run(c)
		}
	}
}

// concerned reports whether the package has models or talks to GORM or to gormtenant itself.
func (c *check) concerned() bool {
	if len(c.models.all) > 0 {
		return true
	}
	for _, imported := range c.Pkg.Imports() {
		if imported.Path() == gormPath || strings.HasPrefix(imported.Path(), rootPath) {
			return true
		}
	}
	// A package can call a *gorm.DB that another package gives it, with no import of its own.
	for _, object := range c.TypesInfo.Uses {
		if object.Pkg() != nil && object.Pkg().Path() == gormPath {
			return true
		}
	}
	return false
}

// each calls f for every call of the files that are looked at, with the nodes around it.
func (c *check) each(f func(call *ast.CallExpr, stack []ast.Node)) {
	c.inspect.WithStack([]ast.Node{(*ast.CallExpr)(nil)},
		func(n ast.Node, push bool, stack []ast.Node) bool {
			if file, ok := stack[0].(*ast.File); push && ok && !c.passOver[file] {
				f(n.(*ast.CallExpr), stack)
			}
			return true
		})
}

func (c *check) report(at analysis.Range, message string, fixes ...analysis.SuggestedFix) {
	if c.ignored.has(c.Fset, at.Pos()) {
		return
	}
	for _, file := range c.Files {
		if c.passOver[file] && file.FileStart <= at.Pos() && at.Pos() < file.FileEnd {
			return
		}
	}
	c.Report(analysis.Diagnostic{
		Pos: at.Pos(), End: at.End(), Category: c.rule,
		Message: c.rule + ": " + message, SuggestedFixes: fixes,
	})
}

// fix replaces the text from pos to end.
func fix(message string, pos, end token.Pos, text string) analysis.SuggestedFix {
	return analysis.SuggestedFix{
		Message:   message,
		TextEdits: []analysis.TextEdit{{Pos: pos, End: end, NewText: []byte(text)}},
	}
}
