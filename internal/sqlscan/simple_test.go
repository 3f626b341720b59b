package sqlscan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

func TestSimple(t *testing.T) {
	for _, text := range []string{
		"", "name = ?", "name = ? AND age > ?", "projects.name <> ?", "id, name AS n", "name is not null",
		"name = ?\nOR\tage >= 18", "price * 2 < ?", "count", "*",
	} {
		require.True(t, sqlscan.Simple(text), text)
	}
	for _, text := range []string{
		"id IN projects", "id in ?", "a FROM b", "(a", "a)", "a -- b", "a /* b", "a; b", "'a'", `"a"`, "`a`", "[a]",
		"a # b", "$1", "@a", ":a", "a\x00", "ä = 1", "a JOIN b", "TABLE a", "a UNION SELECT b", "a!", "a\\",
	} {
		require.False(t, sqlscan.Simple(text), text)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { sqlscan.Simple("name = ? AND age > ?") }))
}

// FuzzSimple: what is called simple names nothing and has no problem.
func FuzzSimple(f *testing.F) {
	for _, text := range []string{"name = ? AND age > ?", "id IN projects", "a.b.c = d OR\ne", "TABLE x", "* FROM p"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !sqlscan.Simple(text) {
			return
		}
		for _, d := range []sqlscan.Dialect{sqlscan.Standard, sqlscan.MySQL} {
			require.Empty(t, sqlscan.Problem(text, d))
			sqlscan.Fragment(text, d, func(_, name string) bool {
				t.Errorf("%q names %q", text, name)
				return true
			})
		}
	})
}
