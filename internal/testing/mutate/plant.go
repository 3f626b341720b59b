package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutant is one change of the code: a guard that is left out, an operand of its condition, or
// another operator.
type mutant struct {
	file, fn string // where it is
	code     string // the first line of what is left out
	line     int
}

// key names a mutant in the list of survivors. It holds no line, so that it does not rot.
func (m mutant) key() string { return fmt.Sprintf("%s: %s: %s", m.file, m.fn, m.code) }

// planter puts all mutants of a file into one text. Each is switched on by its number alone:
//
//	if !mutant(7) { fail(db, op, t.name, err) }
//	if (mutant(8) || ok) && zero {
type planter struct {
	files   *token.FileSet
	source  []byte
	path    string
	fn      string
	mutants []mutant
	edits   []edit
	guards  bool // alone, without the operators
}

// edit is text to be put before or after what is between two places.
type edit struct {
	from, to, order int
	after           bool
	text            string
}

func (e edit) at() int {
	if e.after {
		return e.to
	}
	return e.from
}

// guards is what a statement has in it that can refuse something.
var guards = regexp.MustCompile(`\b(fail|failBuild|pass|refuse|refused|AddError)\(|&Refusal\{|` +
	`\bgormtenant\.Err[A-Z]|\berr[A-Z]\w+|return .*\berr\b`)

// plant returns the text of a file with its mutants, which are numbered from first.
func plant(path string, first int, alone bool) (string, []mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	p := &planter{
		files: token.NewFileSet(), source: source, path: path,
		mutants: make([]mutant, first), guards: alone,
	}
	file, err := parser.ParseFile(p.files, path, source, 0)
	if err != nil {
		return "", nil, err
	}
	for _, declaration := range file.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok && fn.Body != nil {
			p.fn = fn.Name.Name
			p.end(fn.Type, fn.Body)
			ast.Inspect(fn.Body, p.visit)
		}
	}
	return p.text(), p.mutants[first:], nil
}

func (p *planter) visit(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.BlockStmt:
		p.statements(n.List)
	case *ast.CaseClause:
		p.statements(n.Body)
	case *ast.FuncLit:
		p.end(n.Type, n.Body)
	case *ast.IfStmt:
		if guards.Match(p.code(n)) {
			p.operands(n.Cond)
		}
	case *ast.BinaryExpr:
		if !p.guards {
			p.operator(n)
		}
	}
	return true
}

// operator makes the mutants of an operator: a comparison that says the opposite, or that counts
// its boundary in or out, and of && and || each in the place of the other.
func (p *planter) operator(n *ast.BinaryExpr) {
	x, y := p.code(n.X), p.code(n.Y)
	switch n.Op {
	case token.LAND, token.LOR: // by De Morgan
		number := p.add(n, "inverted: ")
		p.put(n, "(", fmt.Sprintf(" != mutant(%d))", number))
		p.put(n, "(", ")")
		for _, operand := range []ast.Expr{n.X, n.Y} {
			p.put(operand, fmt.Sprintf("(mutant(%d) != (", number), "))")
		}
	case token.LSS, token.GTR:
		p.put(n, "(", fmt.Sprintf(" || mutant(%d) && %s == %s)", p.add(n, "boundary: "), x, y))
	case token.LEQ, token.GEQ:
		p.put(n, "(", fmt.Sprintf(" && !(mutant(%d) && %s == %s))", p.add(n, "boundary: "), x, y))
	}
	switch n.Op {
	case token.EQL, token.NEQ, token.LSS, token.GTR, token.LEQ, token.GEQ:
		p.put(n, fmt.Sprintf("(mutant(%d) != (", p.add(n, "negated: ")), "))")
	}
}

// operands makes a mutant of each operand of a condition: one that it can do without.
func (p *planter) operands(condition ast.Expr) {
	binary, ok := condition.(*ast.BinaryExpr)
	if !ok || binary.Op != token.LAND && binary.Op != token.LOR {
		return
	}
	for _, operand := range []ast.Expr{binary.X, binary.Y} {
		if binary.Op == token.LAND {
			p.wrap(operand, "(mutant(%d) || ", ")")
		} else {
			p.wrap(operand, "(!mutant(%d) && (", "))") // && binds before an || of the operand
		}
		p.operands(operand)
	}
}

// statements makes a mutant of each guard in a list that the compiler can do without.
func (p *planter) statements(list []ast.Stmt) {
	for _, statement := range list {
		switch s := statement.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.DeclStmt, *ast.LabeledStmt, *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
			continue
		}
		if guards.Match(p.code(statement)) {
			p.wrap(statement, "if !mutant(%d) { ", " }")
		}
	}
}

// end lets a function go on behind its last return, which the compiler would refuse. A mutant that
// gets there is none.
func (p *planter) end(kind *ast.FuncType, body *ast.BlockStmt) {
	if kind.Results != nil {
		at := p.offset(body.Rbrace)
		p.edits = append(p.edits, edit{at, at, 0, false, "; panic(\"" + notViable + "\")"})
	}
}

func (p *planter) wrap(node ast.Node, before, after string) {
	p.put(node, fmt.Sprintf(before, p.add(node, "")), after)
}

// add makes a mutant of a node, and returns its number.
func (p *planter) add(node ast.Node, kind string) int {
	code, _, _ := strings.Cut(string(p.code(node)), "\n")
	p.mutants = append(p.mutants, mutant{
		filepath.ToSlash(p.path), p.fn, kind + strings.TrimSpace(code),
		p.files.Position(node.Pos()).Line,
	})
	return len(p.mutants) - 1
}

// put writes something around a node.
func (p *planter) put(node ast.Node, before, after string) {
	from, to, order := p.offset(node.Pos()), p.offset(node.End()), len(p.edits)
	p.edits = append(p.edits, edit{from, to, order, false, before},
		edit{from, to, order, true, after})
}

func (p *planter) code(node ast.Node) []byte {
	return p.source[p.offset(node.Pos()):p.offset(node.End())]
}

func (p *planter) offset(pos token.Pos) int { return p.files.Position(pos).Offset }

// text returns the file with all edits. At one place, what closes comes before what opens; the
// outer opens first and closes last.
func (p *planter) text() string {
	slices.SortStableFunc(p.edits, func(a, b edit) int {
		switch {
		case a.at() != b.at():
			return a.at() - b.at()
		case a.after && b.after:
			return cmp.Or(b.from-a.from, b.order-a.order)
		case a.after || b.after:
			return cmp.Compare(boolToInt[b.after], boolToInt[a.after])
		}
		return cmp.Or(b.to-a.to, a.order-b.order)
	})
	var text strings.Builder
	done := 0
	for _, e := range p.edits {
		text.Write(p.source[done:e.at()])
		text.WriteString(e.text)
		done = e.at()
	}
	text.Write(p.source[done:])
	return text.String()
}

var boolToInt = map[bool]int{true: 1}
