package oracle

import (
	"go/format"
	"strings"
)

// packages are what a pasted test can need.
var packages = []string{
	"testing", "",
	"gorm.io/gorm", "gorm.io/gorm/clause", "",
	"github.com/gormtenant/gormtenant",
	"github.com/gormtenant/gormtenant/example/saas",
	"github.com/gormtenant/gormtenant/internal/testing/oracle",
	"github.com/gormtenant/gormtenant/models",
	"github.com/gormtenant/gormtenant/scopes",
}

// file returns tests as a file of a package.
func file(pkg string, tests ...string) string {
	body := strings.Join(tests, "\n")
	var text strings.Builder
	text.WriteString("package " + pkg + "\n\nimport (\n")
	for _, path := range packages {
		name := path[strings.LastIndexByte(path, '/')+1:]
		switch {
		case path == "":
			text.WriteString("\n")
		case strings.Contains(body, name+"."):
			text.WriteString("\t\"" + path + "\"\n")
		}
	}
	text.WriteString(")\n\n" + body)
	formatted, err := format.Source([]byte(text.String()))
	if err != nil {
		return "// " + err.Error() + "\n" + text.String()
	}
	return string(formatted)
}
