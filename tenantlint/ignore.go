package tenantlint

import (
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// ignorePrefix begins the comment that silences the findings of its own line and of the next one.
const ignorePrefix = "//tenantlint:ignore"

type lineOf struct {
	file string
	line int
}

// ignored are the lines whose findings somebody has answered with a reason.
type ignored map[lineOf]bool

// readIgnored reads the comments of files, and reports those that have no reason.
func readIgnored(pass *analysis.Pass) ignored {
	lines := make(ignored)
	for _, file := range pass.Files {
		for _, group := range file.Comments {
			for _, comment := range group.List {
				lines.read(pass, comment)
			}
		}
	}
	return lines
}

func (i ignored) read(pass *analysis.Pass, comment *ast.Comment) {
	reason, ok := strings.CutPrefix(comment.Text, ignorePrefix)
	if !ok || reason != "" && !strings.HasPrefix(reason, " ") {
		return
	}
	reason, _, _ = strings.Cut(reason, "//")
	if strings.TrimSpace(reason) == "" {
		pass.Report(analysis.Diagnostic{
			Pos: comment.Pos(), Category: "ignore",
			Message: "tenantlint:ignore without a reason silences nothing: " +
				"say why the finding is right as it is",
		})
		return
	}
	at := pass.Fset.Position(comment.Pos())
	i[lineOf{at.Filename, at.Line}] = true
	i[lineOf{at.Filename, at.Line + 1}] = true
}

func (i ignored) has(fset *token.FileSet, pos token.Pos) bool {
	at := fset.Position(pos)
	return i[lineOf{at.Filename, at.Line}]
}
