package sqltext_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// generator makes texts: reads and writes over the tables of the judge, valid ones in most cases.
type generator struct {
	*rand.Rand

	dialect sqltext.Dialect
	args    []any
	depth   int
	names   int
	common  []source // Of WITH.
}

// source is a table with an alias, and the columns that can be read from it.
type source struct {
	name    string // "" for a derived table.
	alias   string
	numbers []string
	strings []string
	tenant  bool
}

var tables = []source{
	{name: "projects", numbers: []string{"id", "owner_id", "budget"}, strings: []string{"name", "tenant_id"}, tenant: true},
	{name: "tasks", numbers: []string{"id", "project_id", "hours"}, strings: []string{"title", "tenant_id"}, tenant: true},
	{name: "users", numbers: []string{"id", "manager_id"}, strings: []string{"name", "tenant_id"}, tenant: true},
	{name: "tags", numbers: []string{"id"}, strings: []string{"name", "tenant_id"}, tenant: true},
	{name: "project_tags", numbers: []string{"project_id", "tag_id"}},
	{name: "labels", numbers: []string{"tag_id", "labelled_id"}, strings: []string{"labelled_type"}},
	{name: "countries", numbers: []string{"id"}, strings: []string{"name", "code"}},
	{name: "notes", numbers: []string{"id", "project_id"}, strings: []string{"body", "tags"}},
}

func (g *generator) one(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) alias() string {
	g.names++
	if g.chance(8) {
		return g.one("projects", "tasks", "users", "tags") // An alias like the name of a table.
	}
	return fmt.Sprintf("%s%d", g.one("a", "p", "t", "x"), g.names)
}

// text makes one text, and reports whether the order of its rows counts.
func (g *generator) text() (text string, ordered bool) {
	g.args, g.depth, g.names, g.common = nil, 0, 0, nil
	switch n := g.IntN(100); {
	case n < 15:
		text = g.update()
	case n < 25:
		text = g.remove()
	case n < 30:
		text = g.insert()
	default:
		text = g.query(0)
		if g.chance(30) {
			text += " ORDER BY 1"
		}
	}
	return text, false
}

// query makes a query of some columns, 0 for any number: numbers, then strings alternate.
func (g *generator) query(columns int) string {
	g.depth++
	defer func() { g.depth-- }()
	if columns == 0 {
		columns = 1 + g.IntN(3)
	}
	with := ""
	if g.depth < 3 && g.chance(15) {
		known := len(g.common)
		with = g.with()
		defer func() { g.common = g.common[:known] }()
	}
	text := with + g.selection(columns, nil)
	for g.chance(15) && g.depth < 4 {
		text += g.one(" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT ") + g.selection(columns, nil)
	}
	return text
}

func (g *generator) with() string {
	var parts []string
	recursive := ""
	for range 1 + g.IntN(2) {
		name := fmt.Sprintf("w%d", g.names)
		g.names++
		if g.chance(30) {
			name = g.one("projects", "tasks", "users")
		}
		for _, c := range g.common {
			if c.name == name {
				name += "_"
			}
		}
		body := g.query(2)
		if g.chance(15) {
			recursive = "RECURSIVE "
		}
		columns := "(n, s)"
		parts = append(parts, name+columns+" AS "+g.one("", "", "MATERIALIZED ", "NOT MATERIALIZED ")+"("+body+")")
		g.common = append(g.common, source{name: name, numbers: []string{"n"}, strings: []string{"s"}})
	}
	return "WITH " + recursive + strings.Join(parts, ", ") + " "
}

// from makes a list of tables and returns what can be seen.
func (g *generator) from(outer []source) (string, []source) {
	text, seen := g.item(nil)
	for g.chance(45) && len(seen) < 5 {
		item, more := g.item(seen)
		join := g.one(" JOIN ", " LEFT JOIN ", " LEFT OUTER JOIN ", " RIGHT JOIN ", " FULL JOIN ", " INNER JOIN ",
			" CROSS JOIN ", ", ", " NATURAL JOIN ", " NATURAL LEFT JOIN ", " JOIN USING ", " LEFT JOIN USING ",
			" FULL JOIN USING ", " RIGHT JOIN USING ", " JOIN ", " LEFT JOIN ")
		switch {
		case strings.HasSuffix(join, "USING "):
			text += strings.TrimSuffix(join, "USING ") + item + " USING (" + g.one("id", "id", "tenant_id", "name") + ")"
		case join == ", ", join == " CROSS JOIN ", strings.Contains(join, "NATURAL"):
			text += join + item
		default:
			text += join + item + " ON " + g.condition(append(append([]source{}, seen...), more...), outer, strings.Contains(join, "FULL"))
		}
		seen = append(seen, more...)
	}
	return text, seen
}

// item makes a table with an alias, a derived table, or joined tables in parentheses.
func (g *generator) item(before []source) (string, []source) {
	switch n := g.IntN(100); {
	case n < 12 && g.depth < 4:
		alias := g.alias()
		lateral := ""
		var outer []source
		if g.dialect == sqltext.Postgres && g.chance(30) {
			lateral, outer = "LATERAL ", before
		}
		g.depth++
		body := g.selection(2, outer)
		g.depth--
		return lateral + "(" + body + ") AS " + alias,
			[]source{{alias: alias, numbers: []string{"c0"}, strings: []string{"c1"}}}
	case n < 18 && g.depth < 4:
		g.depth++
		text, seen := g.from(nil)
		g.depth--
		return "(" + text + ")", seen
	}
	t := tables[g.IntN(len(tables))]
	if len(g.common) > 0 && g.chance(40) {
		t = g.common[g.IntN(len(g.common))]
	}
	if g.chance(25) {
		for _, s := range before {
			if s.alias == t.name {
				t.alias = g.alias()
				return t.name + " " + t.alias, []source{t}
			}
		}
		t.alias = t.name
		return t.name, []source{t}
	}
	t.alias = g.alias()
	name := t.name
	if g.chance(10) {
		name = `"` + name + `"`
	} else if g.chance(5) {
		name = strings.ToUpper(name)
	}
	if g.dialect == sqltext.Postgres && g.chance(4) {
		name = "ONLY " + name
	}
	text := name + g.one(" ", " AS ") + t.alias
	if g.dialect == sqltext.SQLite && g.chance(5) {
		text += " NOT INDEXED"
	}
	return text, []source{t}
}

// selection makes a SELECT with columns called c0, c1 and so on.
func (g *generator) selection(columns int, outer []source) string {
	from, seen := g.from(outer)
	var list []string
	grouped := g.chance(12)
	number, str := g.number(seen, outer), g.str(seen, outer)
	for i := range columns {
		e := g.number(seen, outer)
		if i%2 == 1 {
			e = g.str(seen, outer)
		}
		if grouped {
			e = []string{"count(*)", "max(" + str + ")"}[i%2]
			if i == 0 {
				e = g.one("count(*)", "sum("+number+")", "min("+number+")", number)
			}
		} else if i%2 == 0 && g.chance(5) {
			e = g.one("count(*) OVER (PARTITION BY "+str+")", "rank() OVER (ORDER BY "+number+", "+str+")")
		}
		if g.depth > 1 || g.chance(60) {
			e += g.one(" AS c", " c") + fmt.Sprint(i)
		}
		list = append(list, e)
	}
	text := "SELECT " + g.one("", "", "", "DISTINCT ") + strings.Join(list, ", ") + " FROM " + from
	if g.chance(65) {
		text += " WHERE " + g.condition(seen, outer, false)
	}
	if grouped {
		text += " GROUP BY " + number
		if g.chance(40) {
			text += " HAVING " + g.one("count(*) > 1", "max("+number+") > 2", "count(*) > (SELECT count(*) FROM tags)")
		}
	}
	return text
}

// condition makes a condition. One that a FULL JOIN of Postgres can use is a plain equality.
func (g *generator) condition(seen, outer []source, full bool) string {
	if full && g.chance(80) {
		return g.number(seen, nil) + " = " + g.number(seen[len(seen)-1:], nil)
	}
	text := g.term(seen, outer)
	for g.chance(40) {
		text += g.one(" AND ", " AND ", " OR ", "\nAND\t", " and ") + g.term(seen, outer)
	}
	return text
}

func (g *generator) term(seen, outer []source) string {
	n, m := g.number(seen, outer), g.number(seen, outer)
	switch g.IntN(20) {
	case 0:
		return "(" + g.condition(seen, outer, false) + ")"
	case 1:
		return "NOT " + g.term(seen, outer)
	case 2, 3:
		if g.depth < 4 {
			all := append(append([]source{}, seen...), outer...)
			g.depth++
			defer func() { g.depth-- }()
			return g.one("EXISTS (", "NOT EXISTS (") + g.selection(1, all) + ")"
		}
	case 4, 5:
		if g.depth < 4 {
			all := append(append([]source{}, seen...), outer...)
			g.depth++
			defer func() { g.depth-- }()
			return n + g.one(" IN (", " NOT IN (") + g.selection(1, all) + ")"
		}
	case 6, 7, 8:
		return g.tenantTerm(seen)
	case 9:
		return n + " BETWEEN " + g.one("1", "2") + " AND " + m
	case 10:
		return n + " IS " + g.one("NULL", "NOT NULL")
	case 11:
		return g.str(seen, outer) + g.one(" = ", " <> ", " < ") + g.str(seen, outer)
	case 12:
		return "CASE WHEN " + n + " > 1 AND " + m + " < 9 THEN 1 ELSE 0 END = 1"
	case 13:
		return n + " IN (1, 2, 5, 11)"
	case 14:
		return g.str(seen, outer) + " = " + g.argument(g.one("x", "y", "a", "b"))
	}
	return n + g.one(" = ", " = ", " > ", " <> ") + m
}

// tenantTerm makes a term about a tenant, which proves one, or nearly.
func (g *generator) tenantTerm(seen []source) string {
	var columns []string
	for _, s := range seen {
		if s.tenant {
			columns = append(columns, s.alias+".tenant_id")
		}
	}
	if len(columns) == 0 {
		return "1 = 1"
	}
	column, other := g.one(columns...), g.one(columns...)
	who := g.argument(g.one("a", "a", "a", "b"))
	return g.one(
		column+" = "+who, column+" = "+who, who+" = "+column, column+" IN ("+who+")",
		"("+column+" = "+who+")", column+" <> "+who, column+" = "+other, "NOT "+column+" = "+who,
		column+" = "+who+" IS NOT NULL", column+" = "+who+" || ''", "coalesce("+column+", 'a') = "+who,
		column+" = "+who+" OR 1 = 1", "1 BETWEEN 0 AND "+column+" = "+who)
}

// argument writes a placeholder. Not all that are made end up in the text: see number.
func (g *generator) argument(value any) string {
	g.args = append(g.args, value)
	return fmt.Sprintf("\x00%d\x00", len(g.args)-1)
}

// place numbers the placeholders of a text, and returns the arguments in their order.
func (g *generator) place(text string) (string, []any) {
	var b strings.Builder
	var args []any
	for i, part := range strings.Split(text, "\x00") {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		var n int
		_, _ = fmt.Sscan(part, &n)
		args = append(args, g.args[n])
		b.WriteByte('?')
	}
	return numbered(g.dialect, b.String()), args
}

func (g *generator) number(seen, outer []source) string {
	s := seen[g.IntN(len(seen))]
	if len(outer) > 0 && g.chance(35) {
		s = outer[g.IntN(len(outer))]
	}
	return s.alias + "." + s.numbers[g.IntN(len(s.numbers))]
}

func (g *generator) str(seen, outer []source) string {
	s := seen[g.IntN(len(seen))]
	if len(outer) > 0 && g.chance(35) {
		s = outer[g.IntN(len(outer))]
	}
	if len(s.strings) == 0 {
		return "'x'"
	}
	return s.alias + "." + s.strings[g.IntN(len(s.strings))]
}
