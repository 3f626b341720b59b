package service_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
	"github.com/gormtenant/gormtenant/tenants"
)

// terminal runs the command tenants.
type terminal struct {
	t    *testing.T
	data string
	url  string
}

func (c terminal) try(args ...string) (out string, err error) {
	c.t.Helper()
	if c.data != "" {
		args = append([]string{"-data", c.data}, args...)
	}
	var printed, errs bytes.Buffer
	err = service.Operate(c.t.Context(), args, func(name string) string {
		return map[string]string{"DATABASE_URL": c.url}[name]
	}, &printed, &errs)
	return printed.String(), err
}

func (c terminal) run(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...)
	require.NoError(c.t, err, args)
	return out
}

func TestOperate_whole_life(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		c := terminal{t: t, url: url}
		if url == "" {
			c.data = filepath.Join(t.TempDir(), "data")
		}
		require.Equal(t, []string{"SLUG", "ID", "STATUS", "PLAN", "LEVEL", "LEFT"},
			strings.Fields(c.run("list")))
		said := c.run("register", "-name", "Acme Ltd", "-level", "database", "-user", "ann", "acme")
		require.Contains(t, said, "registered acme")
		password := regexp.MustCompile(`user ann, password (\S+)`).FindStringSubmatch(said)[1]
		id := regexp.MustCompile(`ID (\S+),`).FindStringSubmatch(said)[1]
		require.Contains(t, c.run("register", "zeta"), "at the level rows")
		require.Regexp(t, `acme +\S+ +active +free +database *\n`, c.run("list"))
		_, err := c.try("register", "acme")
		require.ErrorContains(t, err, `another tenant has "acme"`)

		require.Contains(t, c.run("move", "acme", "rows"), "moved acme to the level rows: ")
		require.Regexp(t, `acme +\S+ +active +free +rows +database\n`, c.run("list"))
		require.Contains(t, c.run("remove", "acme"), "at the level database")
		require.Contains(t, c.run("move", "acme", "database"), "to the level database")
		require.Contains(t, c.run("remove", "acme"), "at the level rows")
		require.Contains(t, c.run("migrate"), "at the version")

		rows := c.run("export", "acme", "-")
		file := filepath.Join(t.TempDir(), "acme.ndjson")
		require.Empty(t, c.run("export", "acme", file))
		_, err = c.try("export", "acme", file)
		require.ErrorIs(t, err, os.ErrExist)
		_, err = c.try("import", "acme", file)
		require.Error(t, err, "it has rows")
		_, err = c.try("erase", "acme", "yes")
		require.ErrorContains(t, err, "nothing was erased")
		confirmation := regexp.MustCompile(`ERASE_TENANT_\S+`).FindString(err.Error())
		require.Contains(t, c.run("erase", "acme", confirmation), "erased acme")
		require.NotContains(t, c.run("list"), "acme")
		require.Contains(t, c.run("list"), "zeta")

		c.run("register", "-id", id, "acme")
		require.Contains(t, c.run("import", "acme", file), "rows of acme")
		require.Equal(t, withoutHeader(rows), withoutHeader(c.run("export", "acme", "-")))

		s := newServer(t, service.Config{DataDir: c.data, DatabaseURL: url})
		require.Equal(t, http.StatusOK, s.as("").do("POST", "/auth/login",
			`{"tenant": "acme", "user": "ann", "password": "`+password+`"}`).status)
		if url == "" {
			_, err = c.try("list")
			require.ErrorContains(t, err, "another server has the directory")
		}
	})
}

// withoutHeader leaves out what an export says of the place, and the sum over that.
func withoutHeader(export string) string {
	lines := strings.Split(strings.TrimSpace(export), "\n")
	return strings.Join(lines[1:len(lines)-1], "\n")
}

func TestOperate_bad_input(t *testing.T) {
	t.Parallel()
	c := terminal{t: t, data: filepath.Join(t.TempDir(), "data")}
	for _, test := range []struct {
		args []string
		says string
	}{
		{nil, "is no command"},
		{[]string{"sell", "acme"}, "is no command"},
		{[]string{"list", "acme"}, "has other arguments"},
		{[]string{"move", "acme"}, "has other arguments"},
		{[]string{"register", "acme", "-level", "rows"}, "the flags come first"},
		{[]string{"register", "-level", "cluster", "acme"}, "offered here: rows, database"},
		{[]string{"register", "-user", "", "-level", "rows", "A B"}, "Slug"},
		{[]string{"move", "acme", "database"}, tenants.ErrNotFound.Error()},
		{[]string{"export", "acme", "-"}, tenants.ErrNotFound.Error()},
		{[]string{"erase", "acme"}, tenants.ErrNotFound.Error()},
	} {
		_, err := c.try(test.args...)
		require.ErrorContains(t, err, test.says, test.args)
	}
	_, err := terminal{t: t}.try("list")
	require.ErrorContains(t, err, "-data DIR, as to serve, or DATABASE_URL")
	_, err = c.try("-h")
	require.ErrorIs(t, err, flag.ErrHelp)
}
