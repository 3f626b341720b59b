package sqltext_test

import (
	"strings"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

func (g *generator) target() (string, source) {
	t := tables[g.IntN(len(tables))]
	t.alias = t.name
	if g.chance(40) {
		t.alias = g.alias()
		return t.name + " AS " + t.alias, t
	}
	return t.name, t
}

func (g *generator) update() string {
	text, t := g.target()
	var set []string
	seen := []source{t}
	from := ""
	if g.chance(35) {
		list, more := g.from(nil)
		from = " FROM " + list
		seen = append(seen, more...)
	}
	if len(t.strings) > 0 && t.strings[0] != "labelled_type" {
		set = append(set, t.strings[0]+" = "+g.one("'n'", g.argument("n"), "'m' || 'n'", "(SELECT max(name) FROM tags)"))
	}
	if n := t.numbers[len(t.numbers)-1]; n != "id" && t.name != "project_tags" && t.name != "labels" {
		set = append(set, n+" = "+g.one("3", n+" + 1", "(SELECT count(*) FROM tasks)", "NULL"))
	}
	if len(set) == 0 {
		set = append(set, t.numbers[0]+" = "+t.numbers[0])
	}
	text = "UPDATE " + text + " SET " + strings.Join(set, ", ") + from
	if g.chance(80) || from != "" {
		text += " WHERE " + g.condition(seen, nil, false)
	}
	return text + g.returning(t)
}

func (g *generator) returning(t source) string {
	if !g.chance(25) {
		return ""
	}
	return " RETURNING " + g.number([]source{t}, nil) + ", (SELECT count(*) FROM projects)"
}

func (g *generator) remove() string {
	text, t := g.target()
	seen := []source{t}
	text = "DELETE FROM " + text
	if g.dialect == sqltext.Postgres && g.chance(35) {
		list, more := g.from(nil)
		text += " USING " + list
		seen = append(seen, more...)
	}
	if g.chance(80) {
		text += " WHERE " + g.condition(seen, nil, false)
	}
	return text + g.returning(t)
}

func (g *generator) insert() string {
	switch g.IntN(3) {
	case 0:
		return "INSERT INTO projects (id, tenant_id, name) VALUES (20, " + g.argument(g.one("a", "a", "b")) +
			", " + g.one("'x'", "(SELECT max(name) FROM users)") + ")"
	case 1:
		g.depth++
		return "INSERT INTO notes (project_id, body, id) " +
			strings.Replace(g.selection(2, nil), "SELECT ", "SELECT 100, 'x', ", 1)
	}
	return "INSERT INTO tags (id, tenant_id, name) SELECT id + 100, " + g.argument(g.one("a", "b")) +
		", name FROM " + g.one("projects", "users") + " WHERE id < 3"
}
