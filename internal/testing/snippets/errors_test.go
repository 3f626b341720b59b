package snippets_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources returns the code of the packages that are no tests, by the names of their packages.
func sources(t *testing.T) map[string]string {
	t.Helper()
	clause := regexp.MustCompile(`(?m)^package (\w+)`)
	found := map[string]string{}
	walk := func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testing" || entry.Name() == "example"):
			return filepath.SkipDir
		case entry.IsDir(), filepath.Ext(path) != ".go", strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := clause.FindSubmatch(text)
		if strings.Contains(path, "internal") {
			name = [][]byte{nil, []byte("internal")}
		}
		found[string(name[1])] += string(text)
		return nil
	}
	require.NoError(t, filepath.WalkDir(root, walk))
	return found
}

// Whoever searches the page for an error finds it: every exported error is there, and what the page
// quotes is what the code says.
func TestErrors_are_on_the_page_of_troubleshooting(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs/troubleshooting.md"))
	require.NoError(t, err)
	sentinel := regexp.MustCompile(`(?m)^\s*(?:var )?(Err[A-Z]\w*)\s+= `)
	all := ""
	var missing []string
	for name, source := range sources(t) {
		all += source
		if name == "internal" {
			continue
		}
		for _, match := range sentinel.FindAllStringSubmatch(source, -1) {
			if !strings.Contains(string(text), "`"+name+"."+match[1]+"`") {
				missing = append(missing, name+"."+match[1])
			}
		}
	}
	require.Empty(t, missing)
	all = regexp.MustCompile(`" \+\s*"`).ReplaceAllString(all, "") // literals of several lines
	own, _, found := strings.Cut(string(text), "## Errors of PostgreSQL")
	require.True(t, found)
	quoted := regexp.MustCompile("(?m)^\\| (?:`[\\w.]+`: )?`([^`]+)`")
	named := regexp.MustCompile(`^[\w.]+\.(Err|IsMoving)|^gorm\.`)
	for _, match := range quoted.FindAllStringSubmatch(own, -1) {
		if !named.MatchString(match[1]) {
			if !strings.Contains(all, match[1]) {
				missing = append(missing, match[1])
			}
		}
	}
	require.Empty(t, missing, "no error says so")
}
