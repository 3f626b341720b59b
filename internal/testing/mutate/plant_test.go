package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const source = `package p

import "errors"

var errNo = errors.New("no")

func check(a, b int) error {
	n := a
	if a < b && (b != 0 || n > 1) {
		return errNo
	}
	switch {
	case a == b:
		return errNo
	}
	if a > 0 || b > 0 || n > 0 {
		return errNo
	}
	return nil
}
`

// TestPlant makes each kind of mutant, in a text that is still Go.
func TestPlant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.go")
	require.NoError(t, os.WriteFile(path, []byte(source), 0o600))
	text, mutants, err := plant(path, 5, false)
	require.NoError(t, err)
	_, err = parser.ParseFile(token.NewFileSet(), path, text, 0)
	require.NoError(t, err, text)

	var codes []string
	for _, m := range mutants {
		require.Equal(t, "check", m.fn)
		codes = append(codes, m.code)
	}
	require.ElementsMatch(t, []string{
		"if a < b && (b != 0 || n > 1) {", "a < b", "(b != 0 || n > 1)", "return errNo",
		"inverted: a < b && (b != 0 || n > 1)", "boundary: a < b", "negated: a < b",
		"inverted: b != 0 || n > 1", "negated: b != 0", "boundary: n > 1", "negated: n > 1",
		"switch {", "negated: a == b", "return errNo",
		"if a > 0 || b > 0 || n > 0 {", "a > 0 || b > 0", "a > 0", "b > 0", "n > 0", "return errNo",
		"inverted: a > 0 || b > 0 || n > 0", "inverted: a > 0 || b > 0",
		"boundary: a > 0", "negated: a > 0", "boundary: b > 0", "negated: b > 0",
		"boundary: n > 0", "negated: n > 0",
	}, codes)
	require.Contains(t, text, "if !mutant(5) { if ", "the numbers go on from the first")
	require.Contains(t, text, notViable)

	text, mutants, err = plant(path, 0, true)
	require.NoError(t, err)
	require.Len(t, mutants, 12, "without the operators")
	const operand = `\(!mutant\(\d+\) && \(`
	require.Regexp(t, operand+operand+`a > 0\)\) \|\| `+operand+`b > 0\)\)\)\) \|\| `+operand, text,
		"an || as an operand of another")
}
