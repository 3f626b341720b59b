package snippets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/snippets"
)

func TestBlocks_take_the_preludes_in_front_of_them(t *testing.T) {
	t.Parallel()
	const page = "<!-- snippet: app -->\n# Title\n\n```go\na\n```\n\n" +
		"- item\n\n  <!-- snippet: app levels -->\n  ```go\n  b\n    c\n  ```\n\n" +
		"```go\npackage main\n```\n<!-- output -->\n```text\n1\n```\n"
	blocks, err := snippets.Blocks("page.md", page)
	require.NoError(t, err)
	require.Equal(t, []snippets.Block{
		{File: "page.md", Line: 5, Language: "go", Text: "a\n", Preludes: []string{"app"}},
		{
			File: "page.md", Line: 12, Language: "go", Text: "b\n  c\n",
			Preludes: []string{"app", "levels"},
		},
		{
			File: "page.md", Line: 17, Language: "go", Text: "package main\n",
			Preludes: []string{"app"}, Output: "1\n", IsRun: true,
		},
	}, blocks)
}

func TestBlocks_that_nothing_can_check(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, page string }{
		{"a fence that stays open", "# T\n```go\na\n"},
		{"a comment with no block behind it", "# T\n<!-- snippet: app -->\ntext\n"},
		{"an output of no program", "# T\n<!-- output -->\n```text\n1\n```\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := snippets.Blocks("page.md", test.page)
			require.Error(t, err)
		})
	}
}

func TestGoFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		declared   []string
		want       string
	}{
		{
			"declarations stay at the top", "type T struct{ n int }\nfunc f() {}\n", nil,
			"package snippet\n\n//line page.md:7\ntype T struct{ n int }\nfunc f() {}\n",
		},
		{
			"statements get a function, and their variables a use",
			"a, err := f()\nvar b int\nfor c := range b {}\n", nil,
			"package snippet\nfunc _() {\n//line page.md:7\n" +
				"a, err := f()\nvar b int\nfor c := range b {}\n_ = a\n_ = err\n_ = b\n}\n",
		},
		{
			"a package that is not imported is", "sql.Open(a, b)\n", nil,
			"package snippet\nimport \"database/sql\"\nfunc _() {\n//line page.md:7\n" +
				"sql.Open(a, b)\n}\n",
		},
		{
			"a variable that is called like a package is none",
			"sql := f()\nstore.Get(sql.X)\n",
			[]string{"store"},
			"package snippet\nfunc _() {\n//line page.md:7\n" +
				"sql := f()\nstore.Get(sql.X)\n_ = sql\n}\n",
		},
		{
			"imports of the fragment's own stay in front",
			"import \"sql\"\n\nsql.Open(a, b)\n",
			nil,
			"package snippet\nimport \"sql\"\nfunc _() {\n//line page.md:7\n" +
				"\n\nsql.Open(a, b)\n}\n",
		},
		{
			"a program is taken as it is", "// Comment.\npackage main\n", nil,
			"//line page.md:7\n// Comment.\npackage main\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			block := snippets.Block{File: "page.md", Line: 7, Text: test.text}
			file, err := block.GoFile(test.declared)
			require.NoError(t, err)
			require.Equal(t, test.want, string(file))
		})
	}
}

func TestCommands_that_are_not_there(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, block string
		problems    int
	}{
		{
			"what is there",
			"make test FUZZTIME=2m   # all\nONLY=RLS bash bench/run.sh\ngo run ./example serve\n",
			0,
		},
		{"the module's own path", "go run github.com/gormtenant/gormtenant/example@latest\n", 0},
		{"a pipe and quotes", "curl -d '{\"a\": 1}' localhost | sed 's/a|b/c/'\n", 0},
		{"a target that went", "make tset\n", 1},
		{"a folder that moved", "go test ./internal/snippets\n", 1},
		{"a script that moved", "bash bench/walk.sh\n", 1},
		{"a command that nobody knows", "gormtenat check\n", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, snippets.Commands(root, test.block), test.problems)
		})
	}
	require.Len(t, snippets.Make(root, "run `make test` or `make tset`"), 1)
}

func TestLinks_that_lead_nowhere(t *testing.T) {
	t.Parallel()
	const page = "# A heading, with `code`\n" +
		"[a](#a-heading-with-code) [b](../README.md) [c](https://example.com)\n" +
		"[d](#no-heading) [e](../NONE.md) ![f](serve.png)\n```\n[g](none)\n```\n"
	require.Equal(t, []string{
		"docs/page.md: #no-heading: no such heading",
		"docs/page.md: ../NONE.md: no such file",
	}, snippets.Links(root, "docs/page.md", page))
}
