package oracle

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// rawTexts are conditions as people write them: with OR on a line of its own, odd space and case,
// comments, the tenant column. %c is a column of text, %q the table and a dot, or nothing.
var rawTexts = []string{
	"%q%c = 'red' OR %q%c = 'blue'",
	"%q%c = 'red' OR\n%q%c = 'ann'",
	"%q%c = 'red'\tor\t%q%c <> 'x'",
	"1 = 1 OR 1 = 1",
	"1=1\nOR\n1=1",
	"%qid > 0 /* OR */",
	"(%qid = 1) OR (%qid = 11)",
	"NOT %qid = 1",
	"%qid BETWEEN 1 AND 30",
	"%q%c LIKE '%%e%%' or %qid in (11, 21)",
	"%q%c IS NOT NULL",
	"%qID = 11 oR %qId = 1",
	"%q\"id\" > 0",
	"CASE WHEN %qid = 11 THEN 1 = 1 ELSE 1 = 1 END",
	"%qtenant_id = 'zeta'",
	"%qtenant_id <> 'x' OR\r\n%qid = 11",
	"lower(%q%c) = 'red' AND 1 = 1",
	"%q%c = '--' OR 'a)' = 'a)'",
	"%q%c = '' OR '/*' <> '*/'",
	"%qid = 1 -- first",
	"%qid = 11 OR 1 = 1 -- all",
}

func (m about) text(g *generator, raw string, qualified bool) string {
	qualifier := ""
	if qualified {
		qualifier = m.table + "."
	}
	return strings.NewReplacer("%q", qualifier, "%c", pick(g, m.texts), "%%", "%").Replace(raw)
}

func (m about) column(name string, qualified bool) string {
	if qualified {
		return m.table + "." + name
	}
	return name
}

// condition draws the arguments of a Where.
func (g *generator) condition(m about, qualified bool, depth int) []expr {
	text := pick(g, m.texts)
	column, id := m.column(text, qualified), m.column("id", qualified)
	kinds := 16
	if depth <= 0 {
		kinds = 10
	}
	switch g.n(kinds) {
	case 0:
		return []expr{lit(column + " = ?"), lit(g.word())}
	case 1:
		return []expr{lit(id + " IN ?"), lit(g.ids())}
	case 2:
		return []expr{lit(m.structCondition(g))}
	case 3:
		return []expr{lit(map[string]any{column: g.word()})}
	case 4:
		return []expr{lit(map[string]any{id: g.ids()})}
	case 5, 6:
		raw := pick(g, rawTexts)
		return []expr{marked{lit(m.text(g, raw, qualified)), commentMark(raw)}}
	case 7:
		return []expr{lit(g.clause(m, qualified, 1))}
	case 8:
		return []expr{
			lit(column + " = @word OR " + id + " = @key"),
			lit(map[string]any{"word": g.word(), "key": g.id()}),
		}
	case 9:
		if m.noModel {
			return []expr{lit(id + " <> ?"), lit(g.id())}
		}
		return g.keys()
	case 10, 11:
		return []expr{g.group(m, qualified, depth-1)}
	case 12:
		return []expr{lit(id + " IN (?)"), g.subquery(m, depth-1)}
	case 13:
		return []expr{lit(id + " > 0 AND EXISTS (?)"), g.subquery(m, depth-1)}
	case 14:
		return []expr{
			lit("(" + id + ", " + column + ") IN ?"),
			lit([][]any{{int(g.id()), g.word()}, {11, "ann"}}),
		}
	}
	return []expr{function{"gorm.Expr", gorm.Expr, []expr{
		lit(id + " IN (?) OR " + column + " = ?"),
		g.subquery(m, depth-1), lit(g.word()),
	}}}
}

func commentMark(raw string) Mark {
	if strings.Contains(raw, "-- ") {
		return Comment
	}
	return 0
}

// keys are the arguments of a condition on the key.
func (g *generator) keys() []expr {
	switch g.n(3) {
	case 0:
		return []expr{lit(int(g.id()))}
	case 1:
		return []expr{lit(g.ids())}
	}
	return []expr{lit(pick(g, []string{"1", "11", "2"}))}
}

// structCondition is a struct as a condition: GORM asks for its fields that are set.
func (m about) structCondition(g *generator) any {
	made := reflect.New(typeNames[m.name])
	if g.rarely(3) {
		made.Elem().FieldByName("ID").SetUint(uint64(g.id()))
	}
	if g.rarely(6) {
		made.Elem().FieldByName("TenantID").SetString(pick(g, []string{A, B}))
	}
	made.Elem().FieldByName(pick(g, m.fields)).SetString(g.word())
	if g.rarely(2) {
		return made.Elem().Interface()
	}
	return made.Interface()
}

// clause is an expression of GORM's package clause.
func (g *generator) clause(m about, qualified bool, depth int) clause.Expression {
	column := clause.Column{Name: pick(g, m.texts)}
	id := clause.Column{Name: "id"}
	if qualified || g.rarely(2) {
		column.Table, id.Table = clause.CurrentTable, clause.CurrentTable
	}
	kinds := 8
	if depth <= 0 {
		kinds = 5
	}
	switch g.n(kinds) {
	case 0:
		return clause.Eq{Column: column, Value: g.word()}
	case 1:
		return clause.IN{Column: id, Values: []any{g.id(), g.id()}}
	case 2:
		return clause.Gt{Column: id, Value: g.id()}
	case 3:
		return clause.Neq{Column: column, Value: g.word()}
	case 4:
		return clause.Expr{SQL: m.text(g, pick(g, rawTexts[:17]), qualified)}
	case 5:
		return clause.OrConditions{Exprs: []clause.Expression{
			g.clause(m, qualified, depth-1),
			g.clause(m, qualified, depth-1),
		}}
	case 6:
		return clause.AndConditions{Exprs: []clause.Expression{
			g.clause(m, qualified, depth-1),
			g.clause(m, qualified, depth-1),
		}}
	}
	return clause.NotConditions{Exprs: []clause.Expression{g.clause(m, qualified, depth-1)}}
}

// group is a *gorm.DB as a condition.
func (g *generator) group(m about, qualified bool, depth int) expr {
	on := expr(ref{name: g.db})
	for range 1 + g.n(3) {
		on = with(on, pick(g, []string{"Where", "Or", "Not"}), g.condition(m, qualified, depth)...)
	}
	return on
}

// subquery gives the keys of rows of m.
func (g *generator) subquery(m about, depth int) expr {
	on := expr(ref{name: g.db})
	if g.rarely(3) {
		on = with(on, "Session", lit(&gorm.Session{NewDB: true}))
	}
	var other []about
	for _, o := range models {
		if o.keyOf == m.name {
			other = append(other, o)
		}
	}
	var made expr
	switch {
	case len(other) > 0 && g.rarely(2):
		o := pick(g, other)
		made = with(with(on, "Model", pointerTo(o)), "Select", lit(o.key))
		m = o
	case g.rarely(4):
		made = with(with(on, "Table", lit(m.table)), "Select", lit("id"))
		m.noModel = true
	case g.rarely(5):
		made = call{
			on:     call{on: generic{g.db, m.name}, method: "Select", args: []expr{lit("id")}},
			method: "Where", args: g.condition(m, false, 0),
		}
		return made
	default:
		made = with(with(on, "Model", pointerTo(m)), "Select", lit("id"))
	}
	for range g.n(3) {
		made = with(made, pick(g, []string{"Where", "Or", "Not"}), g.condition(m, false, depth)...)
	}
	return made
}

// scope is a function for Scopes.
func (g *generator) scope(m about, qualified bool) expr {
	return closure{
		of: reflect.TypeFor[func(*gorm.DB) *gorm.DB](), names: []string{"tx"},
		body: with(ref{name: "tx"}, pick(g, []string{"Where", "Or"}),
			g.condition(m, qualified, 0)...),
	}
}
