package snippets

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// packageName is that of fragments and of their preludes.
const packageName = "snippet"

// IsProgram reports whether the block is a whole file.
func (b Block) IsProgram() bool {
	for line := range strings.Lines(b.Text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			return strings.HasPrefix(line, "package ")
		}
	}
	return false
}

// GoFile returns the block as a Go file, whose errors name the lines of the Markdown. declared are
// the names that its preludes declare.
func (b Block) GoFile(declared []string) ([]byte, error) {
	if b.IsProgram() {
		return fmt.Appendf(nil, "//line %s:%d\n%s", b.File, b.Line, b.Text), nil
	}
	imports, body, line := b.cutImports()
	head, tail := "", ""
	if _, err := parse("", body, ""); err != nil { // statements, so they need a function
		head, tail = "func _() {", "}\n"
	}
	file, err := parse(head, body, tail)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b, err)
	}
	if tail != "" {
		tail = uses(file) + tail
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "package %s\n", packageName)
	for _, spec := range missing(file, append(slices.Clone(declared), importedNames(imports)...)) {
		fmt.Fprintf(&text, "import %s\n", spec)
	}
	fmt.Fprintf(&text, "%s%s\n//line %s:%d\n%s%s", imports, head, b.File, line, body, tail)
	return text.Bytes(), nil
}

// parse parses a body with what is put around it.
func parse(head, body, tail string) (*ast.File, error) {
	text := "package " + packageName + "\n" + head + "\n" + body + tail
	return parser.ParseFile(token.NewFileSet(), "", text, 0)
}

// cutImports cuts the imports off the front of a fragment.
func (b Block) cutImports() (imports, body string, line int) {
	set := token.NewFileSet()
	text := "package " + packageName + "\n" + b.Text
	file, err := parser.ParseFile(set, "", text, parser.ImportsOnly)
	if err != nil || len(file.Imports) == 0 {
		return "", b.Text, b.Line
	}
	end := set.Position(file.Decls[len(file.Decls)-1].End()).Offset
	start := len(text) - len(b.Text)
	imports = text[start:end] + "\n"
	return imports, text[end:], b.Line + strings.Count(imports, "\n") - 1
}

// importedNames returns the names under which a block of imports knows its packages.
func importedNames(imports string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+imports, parser.ImportsOnly)
	if err != nil {
		return nil
	}
	var names []string
	for _, spec := range file.Imports {
		if spec.Name != nil {
			names = append(names, spec.Name.Name)
			continue
		}
		path := strings.Trim(spec.Path.Value, `"`)
		names = append(names, path[strings.LastIndexByte(path, '/')+1:])
	}
	return names
}

// missing returns the imports of the packages that a file names and neither declares nor imports.
func missing(file *ast.File, declared []string) []string {
	var specs []string
	unresolved := map[*ast.Ident]bool{}
	for _, ident := range file.Unresolved {
		unresolved[ident] = true
	}
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		ident, ok := selector.X.(*ast.Ident)
		if !ok || !unresolved[ident] || slices.Contains(declared, ident.Name) {
			return true
		}
		if spec, ok := known[ident.Name]; ok && !slices.Contains(specs, spec) {
			specs = append(specs, spec)
		}
		return true
	})
	slices.Sort(specs)
	return specs
}

// uses returns statements that use each variable which the fragment declares at its top level: a
// reader of the page knows what becomes of it, the compiler does not.
func uses(file *ast.File) string {
	var text strings.Builder
	use := func(expr ast.Expr) {
		if ident, ok := expr.(*ast.Ident); ok && ident.Name != "_" {
			fmt.Fprintf(&text, "_ = %s\n", ident.Name)
		}
	}
	function, ok := file.Decls[len(file.Decls)-1].(*ast.FuncDecl)
	if !ok {
		return ""
	}
	for _, statement := range function.Body.List {
		switch s := statement.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for _, left := range s.Lhs {
					use(left)
				}
			}
		case *ast.DeclStmt:
			declaration, ok := s.Decl.(*ast.GenDecl)
			if !ok || declaration.Tok != token.VAR {
				continue
			}
			for _, spec := range declaration.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range values.Names {
						use(name)
					}
				}
			}
		}
	}
	return text.String()
}

// Declared returns the names that a prelude declares.
func Declared(prelude []byte) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", prelude, 0)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range file.Scope.Objects {
		names = append(names, name)
	}
	return names, nil
}
