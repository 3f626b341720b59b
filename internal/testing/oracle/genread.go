package oracle

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/scopes"
)

// chain is a query that is being written.
type chain struct {
	on      expr
	m       about
	mark    Mark
	joined  bool
	ordered bool // a total order
	limited bool
	grouped bool
	fans    bool // A join gives several rows for one.
}

func (c *chain) add(method string, args ...expr) { c.on = with(c.on, method, args...) }

// conditions adds up to k conditions.
func (g *generator) conditions(c *chain, k int) {
	for range g.n(k + 1) {
		switch g.n(8) {
		case 6:
			c.add("Not", g.condition(c.m, c.qualified(g), 2)...)
		case 5, 7:
			c.add("Or", g.condition(c.m, c.qualified(g), 2)...)
		case 4:
			c.add("Scopes", g.scope(c.m, c.qualified(g)))
		default:
			c.add("Where", g.condition(c.m, c.qualified(g), 2)...)
		}
	}
}

// qualified reports whether to name the table before columns: a join makes it necessary.
func (c *chain) qualified(g *generator) bool { return c.joined || g.rarely(4) }

// joins adds up to two joins of associations, and seldom one written by hand.
func (g *generator) joins(c *chain) {
	for range g.n(3) {
		var ones []relation
		for _, r := range c.m.relations {
			if !r.many || g.rarely(8) {
				ones = append(ones, r)
			}
		}
		method := pick(g, []string{"Joins", "InnerJoins"})
		switch {
		case g.rarely(5) && c.m.keyOf != "" && c.m.keyOf != c.m.name:
			c.joined = true
			other := modelNamed(c.m.keyOf)
			c.add("Joins", lit("LEFT JOIN "+other.table+" ON "+other.table+".id = "+c.m.table+"."+
				c.m.key+" AND "+other.table+".tenant_id = ?"),
				function{"scopes.ID", scopes.ID, []expr{ref{name: "ctx"}}})
		case len(ones) > 0:
			c.joined = true
			r := pick(g, ones)
			name := r.name
			c.fans = c.fans || r.many || name == "Profile"
			next := modelNamed(r.model)
			if !r.many && len(next.relations) > 0 && g.rarely(2) {
				if nested := pick(g, next.relations); !nested.many {
					c.fans = c.fans || nested.name == "Profile"
					name += "." + nested.name
					next = modelNamed(nested.model)
				}
			}
			args := []expr{lit(name)}
			if g.rarely(3) {
				on := with(ref{name: g.db}, pick(g, []string{"Where", "Or", "Not"}),
					lit(next.structCondition(g)))
				if g.rarely(3) {
					on = with(ref{name: g.db}, "Where",
						lit(map[string]any{pick(g, next.texts): g.word()}))
				}
				args = append(args, on)
			}
			c.add(method, args...)
		}
	}
}

// preloads adds up to two preloads, nested and with conditions.
func (g *generator) preloads(c *chain) {
	if len(c.m.relations) == 0 {
		return
	}
	for range g.n(3) {
		r := pick(g, c.m.relations)
		name, target := r.name, modelNamed(r.model)
		if len(target.relations) > 0 && g.rarely(3) {
			nested := pick(g, target.relations)
			name, target = name+"."+nested.name, modelNamed(nested.model)
		}
		args := []expr{lit(name)}
		switch g.n(4) {
		case 1:
			args = append(args, g.condition(target, false, 1)...)
		case 2:
			args = append(args, g.scope(target, false))
		case 3:
			args = []expr{lit(clause.Associations)}
		}
		c.add("Preload", args...)
	}
}

// order adds an order that leaves nothing open, and what needs one.
func (g *generator) order(c *chain) {
	if c.grouped || c.fans || !g.rarely(3) {
		return
	}
	id := c.m.table + ".id"
	if g.rarely(2) {
		c.add("Order", lit(c.m.table+"."+pick(g, c.m.texts)+pick(g, []string{"", " DESC"})))
	}
	c.add("Order", lit(id+pick(g, []string{"", " desc"})))
	c.ordered = true
	if g.rarely(2) {
		c.add("Limit", lit(1+g.n(4)))
		c.limited = true
	}
	if c.limited && g.rarely(2) {
		c.add("Offset", lit(g.n(3)))
	}
}

// query draws all of a query but its end. Tables without a model give maps.
func (g *generator) query(m about) *chain {
	on, _ := g.base()
	c := &chain{on: on, m: m}
	if g.rarely(8) {
		c.add("Clauses", lit(clause.Where{Exprs: []clause.Expression{g.clause(m, true, 1)}}))
	}
	if g.rarely(6) {
		c.m.noModel = true // An association can be joined by the name of a model's field only.
	} else {
		g.joins(c)
	}
	g.conditions(c, 3)
	return c
}

// read draws a statement that reads.
func (g *generator) read() []statement {
	m := g.model()
	c := g.query(m)
	switch g.n(14) {
	case 0, 1, 2:
		return g.find(c)
	case 3:
		return g.first(c)
	case 4:
		return g.count(c)
	case 5:
		return g.pluck(c)
	case 6:
		return g.maps(c)
	case 7:
		return g.derived(c)
	case 8:
		on, _ := g.base()
		c = &chain{on: on, m: m} // A join would add columns that are not grouped by.
		g.conditions(c, 3)
		return g.groups(c)
	case 9:
		return g.batches(c)
	case 10:
		return g.iterate(c)
	case 11:
		return g.firstOr(m)
	case 12:
		return g.again(c)
	}
	return g.scan(c)
}

func (g *generator) columns(c *chain) {
	switch g.n(8) {
	case 5:
		c.add("Select", lit([]string{c.m.table + ".id", c.m.table + "." + pick(g, c.m.texts)}))
	case 6:
		c.add("Omit", lit(c.m.fields[0]))
	case 7:
		c.add("Select", lit("*"))
	}
}

func (g *generator) find(c *chain) []statement {
	g.columns(c)
	g.preloads(c)
	g.order(c)
	rows, name := g.declareMany(c.m)
	g.vars = append(g.vars, variable{name, c.m.name, true})
	args := []expr{ref{name, true}}
	if !c.joined && g.rarely(4) {
		args = append(args, g.condition(c.m, false, 1)...)
	}
	return []statement{rows, g.see(c, "Find", name, args...)}
}

// see ends a query and looks at the result and at a variable.
func (g *generator) see(c *chain, method, name string, args ...expr) do {
	mark := c.mark
	if c.ordered {
		mark |= Ordered
	}
	return do{
		form: returnsDB, call: call{on: c.on, method: method, args: args},
		shows: []string{name}, mark: mark, db: g.db,
	}
}

func (g *generator) first(c *chain) []statement {
	g.columns(c)
	g.preloads(c)
	method := pick(g, []string{"First", "Last", "Take"})
	if method == "Take" {
		c.add("Order", lit(c.m.table+".id"))
	}
	name := g.name("one")
	declared := declare{name: name, of: typeNames[c.m.name]}
	args := []expr{ref{name, true}}
	switch g.n(4) {
	case 2:
		declared.value = row(withID(c.m, g.id()))
	case 3:
		args = append(args, g.keys()...)
	}
	g.vars = append(g.vars, variable{name, c.m.name, false})
	return []statement{declared, g.see(c, method, name, args...)}
}

func withID(m about, id uint) any {
	made := reflect.New(typeNames[m.name]).Elem()
	made.FieldByName("ID").SetUint(uint64(id))
	return made.Interface()
}

// source gives a query its table, where no destination does.
func (g *generator) source(c *chain) {
	switch n := g.n(3); {
	case c.m.noModel:
		c.add("Table", lit(c.m.table))
	case n == 2:
		c.add("Model", row(withID(c.m, g.id())))
	default:
		c.add("Model", pointerTo(c.m))
	}
}

func (g *generator) count(c *chain) []statement {
	g.source(c)
	switch g.n(4) {
	case 2:
		c.add("Distinct", lit(c.m.table+"."+pick(g, c.m.texts)))
	case 3:
		c.add("Select", lit("count(distinct("+c.m.table+".id))"))
	}
	name := g.name("count")
	return []statement{
		declare{name: name, of: reflect.TypeFor[int64]()},
		g.see(c, "Count", name, ref{name, true}),
	}
}

func (g *generator) pluck(c *chain) []statement {
	g.source(c)
	name := g.name("plucked")
	if g.rarely(2) {
		g.order(c)
		return []statement{
			declare{name: name, of: reflect.TypeFor[[]uint]()},
			g.see(c, "Pluck", name, lit(c.m.table+".id"), ref{name, true}),
		}
	}
	if g.rarely(3) {
		c.add("Distinct")
	}
	return []statement{
		declare{name: name, of: reflect.TypeFor[[]string]()},
		g.see(c, "Pluck", name, lit(c.m.table+"."+pick(g, c.m.texts)), ref{name, true}),
	}
}

func (g *generator) scan(c *chain) []statement {
	g.source(c)
	g.columns(c)
	g.order(c)
	rows, name := g.declareMany(c.m)
	return []statement{rows, g.see(c, "Scan", name, ref{name, true})}
}

// firstOr is FirstOrInit and FirstOrCreate.
func (g *generator) firstOr(m about) []statement {
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark | Parts}
	c.add("Where", row(m.structCondition(g)))
	if g.rarely(3) {
		c.add("Where", row(map[string]any{"id": int(g.id())}))
	}
	if m.keyField != "" && g.rarely(2) {
		c.add(pick(g, []string{"Attrs", "Assign"}), row(map[string]any{m.key: g.id()}))
	}
	if g.rarely(3) {
		c.add(pick(g, []string{"Assign", "Attrs"}), row(m.structCondition(g)))
	}
	name := g.name("one")
	return []statement{
		declare{name: name, of: typeNames[m.name]},
		g.see(c, pick(g, []string{"FirstOrInit", "FirstOrCreate"}), name, ref{name, true}),
	}
}

// again uses one statement several times, with and without a Session of its own.
func (g *generator) again(c *chain) []statement {
	g.source(c)
	q := g.name("q")
	if !g.rarely(3) {
		c.add("Session", lit(&gorm.Session{}))
	}
	statements := []statement{do{form: returnsNothing, name: q, call: c.on.(call), db: g.db}}
	for range 2 + g.n(2) {
		end := &chain{on: ref{name: q}, m: c.m, joined: c.joined}
		g.conditions(end, 1)
		if g.rarely(2) {
			name := g.name("count")
			statements = append(statements, declare{name: name, of: reflect.TypeFor[int64]()},
				g.see(end, "Count", name, ref{name, true}))
			continue
		}
		rows, name := g.declareMany(c.m)
		statements = append(statements, rows, g.see(end, "Find", name, ref{name, true}))
	}
	for i, st := range statements {
		if d, ok := st.(do); ok && d.form != returnsNothing {
			d.mark |= c.on.marks(&marker{vars: map[string]Mark{}})
			statements[i] = d
		}
	}
	return statements
}
