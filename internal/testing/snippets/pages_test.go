package snippets_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/internal/testing/snippets"
)

const root = "../../.."

// page is one page of Markdown.
type page struct {
	file, text string
	blocks     []snippets.Block
}

// pages returns the pages that users read.
func pages(t *testing.T) []page {
	t.Helper()
	var files []string
	for _, pattern := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.NotEmpty(t, files)
	var all []page
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := filepath.Rel(root, path)
		require.NoError(t, err)
		blocks, err := snippets.Blocks(file, string(text))
		require.NoError(t, err)
		all = append(all, page{file: file, text: string(text), blocks: blocks})
	}
	return all
}

// blocksIn returns the blocks of one language in all pages.
func blocksIn(t *testing.T, language string) []snippets.Block {
	t.Helper()
	var blocks []snippets.Block
	for _, page := range pages(t) {
		for _, block := range page.blocks {
			if block.Language == language {
				blocks = append(blocks, block)
			}
		}
	}
	return blocks
}

func TestGo_of_the_pages(t *testing.T) {
	t.Parallel()
	byModule := map[string][]snippets.Block{}
	for _, block := range blocksIn(t, "go") {
		byModule[block.Module] = append(byModule[block.Module], block)
	}
	for module, blocks := range byModule {
		t.Run("module_"+module, func(t *testing.T) {
			t.Parallel()
			checkGo(t, module, blocks)
		})
	}
}

// checkGo compiles all blocks of one module at once, and runs the programs that show their output.
func checkGo(t *testing.T, module string, blocks []snippets.Block) {
	t.Helper()
	home, err := filepath.Abs(root)
	require.NoError(t, err)
	dir := t.TempDir()
	programs, err := snippets.Write(dir, home, filepath.Join(home, module), "testdata", blocks)
	require.NoError(t, err)
	run(t, dir, "go", "vet", "./...")

	binaries := t.TempDir()
	for _, block := range blocks {
		if !block.IsRun {
			continue
		}
		t.Run(block.File, func(t *testing.T) {
			name, ok := programs[block.String()]
			require.True(t, ok, "%s has an output and is no program", block)
			run(t, dir, "go", "build", "-o", binaries, "./"+name)
			require.Equal(t, block.Output, run(t, t.TempDir(), filepath.Join(binaries, name)))
		})
	}
}

// run runs a command in dir and returns what it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// SQL of the pages is run in transactions that are rolled back, since roles are the whole server's.
func TestSQL_of_the_pages(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	name := pgx.Identifier{conn.Config().Database}.Sanitize()
	here := strings.NewReplacer("'...'", "'secret'", "DATABASE saas", "DATABASE "+name)
	for _, block := range blocksIn(t, "sql") {
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		for _, prelude := range block.Preludes {
			text, err := os.ReadFile(filepath.Join("testdata", prelude+".sql"))
			if os.IsNotExist(err) {
				continue // a prelude of Go alone
			}
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), string(text))
			require.NoError(t, err, "prelude %s", prelude)
		}
		_, err = tx.Exec(t.Context(), here.Replace(block.Text))
		require.NoError(t, err, "%s", block)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

func TestCommands_of_the_pages_exist(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		require.Empty(t, snippets.Make(root, page.text), page.file)
	}
	for _, block := range blocksIn(t, "sh") {
		require.Empty(t, snippets.Commands(root, block.Text), "%s", block)
	}
}

func TestLinks_of_the_pages_lead_somewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		require.Empty(t, snippets.Links(root, page.file, page.text))
	}
}

// A block in a language that nothing checks would be an island of untested code.
func TestLanguages_of_the_pages_are_checked(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{"go": true, "sql": true, "sh": true, "text": true}
	for _, page := range pages(t) {
		for _, block := range page.blocks {
			require.True(t, checked[block.Language], "%s: language %q", block, block.Language)
		}
	}
}

// A reader finds the same at the same end of each page that shows how to do something.
func TestPages_begin_with_the_set_up_and_end_with_the_costs(t *testing.T) {
	t.Parallel()
	heading := regexp.MustCompile(`(?m)^## (.*)$`)
	for _, page := range pages(t) {
		switch page.file {
		case "README.md", "SECURITY.md", "CONTRIBUTING.md",
			"docs/architecture.md", "docs/compatibility.md":
			continue
		}
		found := heading.FindAllStringSubmatch(page.text, -1)
		require.NotEmpty(t, found, page.file)
		require.Regexp(t, "^Set-up", found[0][1], page.file)
		require.Equal(t, "Costs", found[len(found)-1][1], page.file)
	}
}

// Numbers in a text are forgotten where what they count changes.
func TestFigures_of_the_README(t *testing.T) {
	t.Parallel()
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		return string(text)
	}
	readme := strings.ReplaceAll(read("README.md"), "\n", " ")
	tour := read("example/testdata/tour.golden")
	calls := regexp.MustCompile(`(?m)^ *\d+\. `).FindAllString(tour, -1)
	require.Contains(t, readme, fmt.Sprintf("; %d calls,", len(calls)))
	programs := regexp.MustCompile(`law\(t, "(\w+)", ([\d_]+)\)`).
		FindAllStringSubmatch(read("internal/testing/oracle/oracle_test.go"), -1)
	require.Len(t, programs, 4) // of make test, and of make soak
	for _, program := range programs {
		n := strings.ReplaceAll(program[2], "_", "")
		require.Contains(t, strings.ReplaceAll(readme, ",", ""), n, program[1])
	}
	require.Less(t, strings.Count(read("README.md"), "\n"), 250)
}
