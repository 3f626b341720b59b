package oracle

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// generics draws a call of the generic API.
func (g *generator) generics() []statement {
	m := g.model()
	c := &chain{on: generic{g.db, m.name}, m: m}
	ctx := ref{name: "ctx"}
	see := func(f form, method string, args ...expr) do {
		return do{form: f, call: call{on: c.on, method: method, args: args}, mark: c.mark, db: g.db}
	}
	switch g.n(12) {
	case 0, 1, 2:
		g.genericJoins(c)
		g.genericWhere(c)
		g.genericPreloads(c)
		return []statement{see(returnsValues, "Find", ctx)}
	case 3:
		g.genericJoins(c)
		g.genericWhere(c)
		method := pick(g, []string{"First", "Last", "Take"})
		if method == "Take" {
			c.add("Order", lit(m.table+".id"))
		}
		return []statement{see(returnsValues, method, ctx)}
	case 4:
		g.genericWhere(c)
		return []statement{see(returnsValues, "Count", ctx,
			lit(pick(g, []string{"id", "*", m.texts[0]})))}
	case 5:
		g.genericWhere(c)
		column := pick(g, m.texts)
		return []statement{see(returnsValues, "Update", ctx, lit(column), g.assigned(m, column))}
	case 6:
		g.genericWhere(c)
		return []statement{see(returnsValues, "Updates", ctx, row(g.value(m, 1).Interface()))}
	case 7:
		g.genericWhere(c)
		return []statement{see(returnsValues, "Delete", ctx)}
	case 8:
		name := g.name("row")
		d := see(returnsError, "Create", ctx, ref{name, true})
		d.shows = []string{name}
		g.vars = append(g.vars, variable{name, m.name, false})
		return []statement{declare{name: name, value: row(g.value(m, 2).Interface())}, d}
	case 9:
		name := g.name("rows")
		d := see(returnsError, "CreateInBatches", ctx, ref{name, true}, lit(2))
		d.shows, d.mark = []string{name}, Parts
		return []statement{declare{name: name, value: row(g.many(m))}, d}
	case 10:
		g.genericWhere(c)
		column := pick(g, m.texts)
		c.add("Set", composite{
			reflect.TypeFor[clause.Assignment](),
			[]string{"Column", "Value"},
			[]expr{lit(clause.Column{Name: column}), g.assigned(m, column)},
		})
		return []statement{see(returnsValues, "Update", ctx)}
	}
	c.add("Select", lit(m.table+"."+pick(g, m.texts)+", "+m.table+".id"))
	g.genericWhere(c)
	name := g.name("maps")
	d := see(returnsError, "Scan", ctx, ref{name, true})
	d.shows = []string{name}
	return []statement{declare{name: name, of: reflect.TypeFor[[]map[string]any]()}, d}
}

func (g *generator) genericWhere(c *chain) {
	for range g.n(3) {
		method := pick(g, []string{"Where", "Where", "Or", "Not"})
		c.add(method, g.condition(c.m, c.qualified(g), 2)...)
	}
}

type (
	onJoin    = func(db gorm.JoinBuilder, joined clause.Table, current clause.Table) error
	onPreload = func(db gorm.PreloadBuilder) error
)

func (g *generator) genericJoins(c *chain) {
	for _, r := range c.m.relations {
		if r.many || !g.rarely(4) {
			continue
		}
		c.joined = true
		target := modelNamed(r.model)
		on := lit(nil)
		if g.rarely(2) {
			on = closure{
				of: reflect.TypeFor[onJoin](), names: []string{"on", "_", "_"}, tail: "nil",
				body: with(ref{name: "on"}, pick(g, []string{"Where", "Or", "Not"}),
					lit(map[string]any{pick(g, target.texts): g.word()})),
			}
		}
		kind := pick(g, []clause.JoinType{clause.LeftJoin, clause.InnerJoin})
		if g.rarely(3) {
			sub := call{
				on: generic{g.db, r.model}, method: "Where",
				args: g.condition(target, false, 0),
			}
			c.add("Joins", call{
				on: typed{kind}, method: "AssociationFrom",
				args: []expr{lit(r.name), sub},
			}, on)
			continue
		}
		c.add("Joins", call{on: typed{kind}, method: "Association", args: []expr{lit(r.name)}}, on)
	}
}

// typed is a constant whose source must tell its type.
type typed struct{ kind clause.JoinType }

func (t typed) source() string            { return goSource(t.kind) }
func (t typed) eval(*scope) reflect.Value { return reflect.ValueOf(t.kind) }
func (t typed) marks(*marker) Mark        { return 0 }

func (g *generator) genericPreloads(c *chain) {
	for _, r := range c.m.relations {
		if !g.rarely(4) {
			continue
		}
		on := lit(nil)
		if g.rarely(2) {
			body := with(ref{name: "on"}, pick(g, []string{"Where", "Or", "Not"}),
				g.condition(modelNamed(r.model), false, 0)...)
			if r.many && r.name != "Tags" && r.name != "Projects" && g.rarely(2) {
				body = with(body, "LimitPerRecord", lit(1))
			}
			on = closure{
				of: reflect.TypeFor[onPreload](), names: []string{"on"}, tail: "nil",
				body: body,
			}
		}
		c.add("Preload", lit(r.name), on)
	}
}
