package main

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

var update = flag.Bool("update", false, "rewrite testdata/tour.golden")

const golden = "testdata/tour.golden"

func TestTour_on_SQLite(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	broken, err := run(t.Context(), &out, "", false)
	require.NoError(t, err)
	require.Zero(t, broken, out.String())
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "if that is right: go test ./example -update")
}

// A second tour on the same database finds what a first one would have left. The role is a
// superuser, who makes a role for the application, or one that owns its schema and no more.
func TestTour_on_Postgres(t *testing.T) {
	t.Parallel()
	super := pgtest.New(t)
	config, err := pgx.ParseConfig(super)
	require.NoError(t, err)
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	plain := "plain_" + config.Database
	_, err = pool.ExecContext(t.Context(),
		"CREATE ROLE "+plain+" LOGIN PASSWORD 'plain'; GRANT CREATE ON DATABASE "+config.Database+
			" TO "+plain)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = pool.Exec("DROP OWNED BY " + plain + "; DROP ROLE " + plain) })
	address, err := url.Parse(super)
	require.NoError(t, err)
	address.User = url.UserPassword(plain, "plain")

	for _, dsn := range []string{super, super, address.String()} {
		var out bytes.Buffer
		broken, err := run(t.Context(), &out, dsn, false)
		require.NoError(t, err)
		require.Zero(t, broken, out.String())
		require.Contains(t, out.String(), "new row violates row-level security policy")
		require.Regexp(t, `\n34 allowed, 21 refused, 0 promises broken\n$`, out.String())
	}
	var left int
	require.NoError(t,
		pool.QueryRow("SELECT count(*) FROM pg_roles WHERE rolname = $1", appRole).Scan(&left))
	require.Zero(t, left)
}

func TestTour_notices_a_broken_promise(t *testing.T) {
	t.Parallel()
	rename := func(tour *tour, tenant string) error {
		return tour.plain.Exec("UPDATE projects SET name = name || '!' WHERE tenant_id = ?",
			tenant).Error
	}
	for _, test := range []struct {
		name string
		step func(tour *tour)
	}{
		{
			"allowed_call_fails", func(tour *tour) {
				tour.allowed("", "done",
					func() (string, error) { return "done", gormtenant.ErrRawSQL })
			},
		},
		{
			"allowed_call_returns_other_rows", func(tour *tour) {
				tour.allowed("", "1 row", func() (string, error) { return "2 rows", nil })
			},
		},
		{
			"allowed_call_changes_the_other_tenant", func(tour *tour) {
				tour.allowed("", "done",
					func() (string, error) { return "done", rename(tour, globex) })
			},
		},
		{
			"refused_call_succeeds", func(tour *tour) {
				tour.refused("", gormtenant.ErrRawSQL, func() error { return nil })
			},
		},
		{
			"refused_call_fails_for_another_reason", func(tour *tour) {
				tour.refused("", gormtenant.ErrRawSQL,
					func() error { return gormtenant.ErrNoTenant })
			},
		},
		{
			"refused_call_changes_the_other_tenant", func(tour *tour) {
				tour.refused("", gormtenant.ErrRawSQL, func() error {
					require.NoError(t, rename(tour, globex))
					return gormtenant.ErrRawSQL
				})
			},
		},
		{
			"refused_call_changes_own_rows", func(tour *tour) {
				tour.refused("", gormtenant.ErrRawSQL, func() error {
					require.NoError(t, rename(tour, acme))
					return gormtenant.ErrRawSQL
				})
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			database, err := open(t.Context(), "")
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, database.close()) })
			tour := &tour{out: io.Discard, told: map[string]bool{}}
			require.NoError(t, tour.setup(t.Context(), database))
			test.step(tour)
			require.Equal(t, 1, tour.broken)
			require.NoError(t, tour.err)
		})
	}
}

// What the tour prints as the call must be what it calls.
func TestTour_prints_the_calls_that_it_makes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	calls := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, source, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			printed, isText := textOf(t, call.Args[0])
			made, isFunc := call.Args[2].(*ast.FuncLit)
			if !isText || !isFunc {
				return true
			}
			from, to := set.Position(made.Pos()).Offset, set.Position(made.End()).Offset
			require.Contains(t, inOneLine(string(source[from:to])), inOneLine(printed))
			calls++
			return true
		})
	}
	require.Greater(t, calls, 40)
}

// textOf returns the text of a string, or of several with plus signs between them.
func textOf(t *testing.T, e ast.Expr) (text string, ok bool) {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		require.NoError(t, err)
		return text, true
	case *ast.BinaryExpr:
		left, isLeft := textOf(t, e.X)
		right, isRight := textOf(t, e.Y)
		return left + right, isLeft && isRight
	}
	return "", false
}

// inOneLine returns code without the white space and the plus signs that break it into lines.
func inOneLine(code string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(code), ""), `"+"`, "")
}
