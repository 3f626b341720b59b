package sqltext_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// everyones knows all tables of the judge as a tenant's.
type everyones struct{}

var everyonesTables = func() map[string]*sqltext.Table {
	all := map[string]*sqltext.Table{}
	for _, t := range tables {
		all[t.name] = &sqltext.Table{Name: t.name, Columns: []string{"no_such_column"}}
	}
	return all
}()

func (everyones) Lookup(_, name string) *sqltext.Table { return everyonesTables[strings.ToLower(name)] }

func TestServers_find_no_other_tables_SQLite(t *testing.T) { compareTables(t, sqltext.SQLite) }

func TestServers_find_no_other_tables_Postgres(t *testing.T) { compareTables(t, sqltext.Postgres) }

// compareTables asks the server's own parser which tables a text reads: each must have been found.
func compareTables(t *testing.T, d sqltext.Dialect) {
	t.Helper()
	t.Parallel()
	j := newJudge(t, d)
	relations := j.relations(t)
	g := &generator{Rand: rand.New(rand.NewPCG(*huntSeed, 17)), dialect: d}
	var texts [][]any
	for range *huntTexts {
		text, _ := g.text()
		text, args := g.place(text)
		if g.chance(60) {
			text, args = g.mutate(text, args)
		}
		texts = append(texts, append([]any{text}, args...))
	}
	for _, list := range [][]corpusText{everyday, changes} {
		for _, c := range list {
			if c.only == sqltext.Other || c.only == d {
				texts = append(texts, append([]any{c.in(d)}, c.args...))
			}
		}
	}
	compared := 0
	for _, all := range texts {
		text, args := all[0].(string), all[1:]
		plan, err := sqltext.Read(text, sqltext.Options{
			Dialect: d, Tables: everyones{}, Raw: true, Vars: len(args),
		})
		var refusal *sqltext.Refusal
		if errors.As(err, &refusal) {
			continue
		}
		require.NoError(t, err)
		var found []string
		for _, table := range plan.Tables() {
			found = append(found, table.Name)
		}
		for _, name := range relations(text, args) {
			compared++
			if !slices.Contains(found, name) {
				t.Errorf("the server reads %s, found %v: %s", name, found, text)
			}
		}
	}
	t.Logf("%d references compared", compared)
}

var relationName = regexp.MustCompile(`"Relation Name": "(\w+)"`)

// relations returns a function that tells which tables the server finds in a text; none if the text
// is not valid.
func (j *judge) relations(t *testing.T) func(text string, args []any) []string {
	t.Helper()
	if j.dialect == sqltext.Postgres {
		return func(text string, args []any) (names []string) {
			o := j.run(j.shared, "EXPLAIN (FORMAT JSON) "+text, args, false)
			for _, m := range relationName.FindAllStringSubmatch(strings.Join(o.rows, ""), -1) {
				names = append(names, m[1])
			}
			return names
		}
	}
	pages := map[string]string{}
	rows, err := j.shared.QueryContext(context.Background(), "SELECT rootpage, tbl_name FROM sqlite_master")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var page, table string
		require.NoError(t, rows.Scan(&page, &table))
		pages[page] = table
	}
	require.NoError(t, rows.Err())
	return func(text string, args []any) (names []string) {
		// addr, opcode, p1, p2 (the root page), p3 (the database)
		for _, row := range j.run(j.shared, "EXPLAIN "+text, args, false).rows {
			fields := strings.Split(row, "|")
			if (fields[1] == "OpenRead" || fields[1] == "OpenWrite") && fields[4] == "0" && pages[fields[3]] != "" {
				names = append(names, pages[fields[3]])
			}
		}
		return names
	}
}
