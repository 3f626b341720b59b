package oracle

import (
	"reflect"
)

// maps reads a table without a model, into maps.
func (g *generator) maps(c *chain) []statement {
	if g.rarely(2) && !c.joined {
		on, _ := g.base()
		alias := c.m
		alias.table, alias.noModel = "x", true
		c = &chain{on: with(on, "Table", lit(c.m.table+pick(g, []string{" AS x", " x"}))), m: alias}
		g.conditions(c, 2)
	} else {
		g.source(c)
	}
	if c.joined {
		c.add("Select", lit(c.m.table+".*"))
	}
	g.order(c)
	name := g.name("maps")
	return []statement{
		declare{name: name, of: reflect.TypeFor[[]map[string]any]()},
		g.see(c, pick(g, []string{"Find", "Scan"}), name, ref{name, true}),
	}
}

// derived selects from a sub-query.
func (g *generator) derived(c *chain) []statement {
	g.source(c)
	if c.joined {
		c.add("Select", lit(c.m.table+".*"))
	}
	outer := &chain{m: c.m}
	outer.m.table, outer.m.noModel = "t", true
	outer.on = with(ref{name: g.db}, "Table", lit("(?) AS t"), c.on)
	g.conditions(outer, 2)
	name := g.name("maps")
	rows := []statement{declare{name: name, of: reflect.TypeFor[[]map[string]any]()}}
	if g.rarely(3) {
		name = g.name("count")
		return []statement{
			declare{name: name, of: reflect.TypeFor[int64]()},
			g.see(outer, "Count", name, ref{name, true}),
		}
	}
	return append(rows, g.see(outer, "Find", name, ref{name, true}))
}

// groups counts by a column.
func (g *generator) groups(c *chain) []statement {
	g.source(c)
	by := c.m.table + "." + pick(g, c.m.texts)
	c.add("Select", lit(by+", count(*) AS n, max("+c.m.table+".id) AS top"))
	c.add("Group", lit(by))
	switch g.n(4) {
	case 1:
		c.add("Having", lit("count(*) > ?"), lit(1))
	case 2:
		c.add("Having", lit("max("+c.m.table+".id) > 0 OR\n1 = 1"))
	case 3:
		c.add("Having", lit("count(*) IN (?)"), g.subquery(c.m, 1))
	}
	c.grouped = true
	name := g.name("maps")
	return []statement{
		declare{name: name, of: reflect.TypeFor[[]map[string]any]()},
		g.see(c, pick(g, []string{"Find", "Scan"}), name, ref{name, true}),
	}
}

func (g *generator) batches(c *chain) []statement {
	g.preloads(c)
	all, name := g.declareMany(c.m)
	batch, some := g.declareMany(c.m)
	return []statement{all, batch, batches{
		on: c.on, all: name, some: some, size: 1 + g.n(3),
		db: g.db,
	}}
}

func (g *generator) iterate(c *chain) []statement {
	g.source(c)
	if c.joined {
		c.add("Select", lit(c.m.table+".*"))
	}
	g.order(c)
	all, name := g.declareMany(c.m)
	d := g.see(c, "Rows", name)
	d.form, d.batch = returnsIterator, c.m.name
	return []statement{all, d}
}
