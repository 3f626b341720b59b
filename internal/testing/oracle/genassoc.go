package oracle

import (
	"reflect"
)

// association draws a call in association mode, on every kind of relation.
func (g *generator) association() []statement {
	m := g.related()
	r := pick(g, m.relations)
	target := modelNamed(r.model)
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark}
	reads := g.rarely(3)
	if !reads {
		g.restrictAssociation(c, r)
	}
	var declared []statement
	several := g.rarely(4)
	name := g.known(m.name, several)
	owners := 1
	switch {
	case name != "":
		owners = 0 // not known
		if several {
			c.mark |= Owners
		}
	case g.rarely(4):
		owners = 2
		name = g.name("owners")
		c.mark |= Owners
		list := reflect.MakeSlice(reflect.SliceOf(typeNames[m.name]), 0, 2)
		for range owners {
			list = reflect.Append(list, reflect.ValueOf(withID(m, g.id())))
		}
		declared = []statement{declare{name: name, value: row(list.Interface())}}
	default:
		name = g.name("owner")
		declared = []statement{declare{name: name, value: row(withID(m, g.id()))}}
	}
	c.add("Model", ref{name, true})
	if reads && g.rarely(2) {
		g.conditionsOf(c, target)
	}
	c.add("Association", lit(r.name))
	if g.rarely(5) {
		c.add("Unscoped")
	}
	if reads {
		return append(declared, g.associationRead(c, target, name)...)
	}
	see := func(method string, args ...expr) statement {
		return do{
			form: returnsError, call: call{on: c.on, method: method, args: args},
			shows: []string{name}, mark: c.mark | Parts, db: g.db,
		}
	}
	method := pick(g, []string{"Append", "Replace", "Delete", "Clear"})
	if method == "Clear" {
		return append(declared, see(method))
	}
	var args []expr
	count := 1 + g.n(2)
	if method == "Replace" {
		count = g.n(3)
	}
	if owners == 2 { // one value for each owner
		count = 2
	}
	if !r.many && owners < 2 {
		count = min(count, 1)
	}
	for range count {
		value := g.relative(target, 1)
		pointer := reflect.New(value.Type())
		pointer.Elem().Set(value)
		args = append(args, row(pointer.Interface()))
	}
	return append(declared, see(method, args...))
}

// restrictAssociation omits the association, or its rows, from what is saved.
func (g *generator) restrictAssociation(c *chain, r relation) {
	if g.rarely(4) {
		c.add("Omit", lit(r.name+".*"))
		c.mark |= Restricted
	}
}

// conditionsOf adds a condition on the rows of an association.
func (g *generator) conditionsOf(c *chain, target about) {
	c.add(pick(g, []string{"Where", "Or", "Not"}), g.condition(target, false, 1)...)
}

func (g *generator) associationRead(c *chain, target about, owner string) []statement {
	if g.rarely(3) {
		return []statement{do{
			form: returnsCount, call: call{on: c.on, method: "Count"}, mark: c.mark, db: g.db,
		}}
	}
	rows, name := g.declareMany(target)
	args := []expr{ref{name, true}}
	if g.rarely(3) {
		args = append(args, g.condition(target, false, 1)...)
	}
	g.vars = append(g.vars, variable{name, target.name, true})
	return []statement{rows, do{
		form: returnsError, call: call{on: c.on, method: "Find", args: args},
		shows: []string{name, owner}, mark: c.mark, db: g.db,
	}}
}
