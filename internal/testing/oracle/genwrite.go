package oracle

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// restrict adds Select or Omit to a write, with names of associations among them.
func (g *generator) restrict(c *chain) {
	if !g.rarely(4) {
		return
	}
	c.mark |= Restricted
	names := []string{pick(g, c.m.fields), "ID", pick(g, c.m.texts)}
	if c.m.keyField != "" {
		names = append(names, c.m.keyField)
	}
	for _, r := range c.m.relations {
		names = append(names, r.name)
		if r.many {
			names = append(names, r.name+".*")
		}
	}
	names = append(names, "TenantID", "tenant_id")
	switch g.n(4) {
	case 0, 1:
		chosen := append([]string{pick(g, c.m.fields)}, some(g, names, 3)...)
		if g.rarely(3) {
			chosen = []string{"*"}
		}
		c.add("Select", lit(chosen))
	case 2:
		c.on = call{on: c.on, method: "Omit", args: texts(append(some(g, names, 3),
			pick(g, names)))}
	default:
		c.add("Omit", lit(clause.Associations))
	}
}

// conflict is an upsert's clause.
func (g *generator) conflict(m about) expr {
	natural := []clause.Column{{Name: "id"}}
	if m.name == "Project" && g.rarely(2) {
		natural = []clause.Column{{Name: "tenant_id"}, {Name: "slug"}}
	}
	if m.name == "Tag" && g.rarely(2) {
		natural = []clause.Column{{Name: "tenant_id"}, {Name: "label"}}
	}
	conflict := clause.OnConflict{Columns: natural}
	switch g.n(6) {
	case 0:
		conflict.UpdateAll = true
		if g.rarely(3) {
			conflict.Columns = nil
		}
	case 1:
		conflict.DoNothing = true
		if g.rarely(2) {
			conflict.Columns = nil
		}
		return marked{lit(conflict), Skips}
	case 2:
		return composite{
			reflect.TypeFor[clause.OnConflict](),
			[]string{"Columns", "DoUpdates"},
			[]expr{
				lit(natural),
				function{
					"clause.AssignmentColumns", clause.AssignmentColumns,
					[]expr{lit([]string{pick(g, m.texts)})},
				},
			},
		}
	case 3:
		columns := []string{pick(g, m.texts), "tenant_id"}
		if m.key != "" {
			columns = append(columns, m.key)
		}
		return composite{
			reflect.TypeFor[clause.OnConflict](),
			[]string{"Columns", "DoUpdates"},
			[]expr{
				lit(natural), function{
					"clause.AssignmentColumns", clause.AssignmentColumns,
					[]expr{lit(columns)},
				},
			},
		}
	case 4:
		values := map[string]any{pick(g, m.texts): g.word()}
		return composite{
			reflect.TypeFor[clause.OnConflict](),
			[]string{"Columns", "DoUpdates"},
			[]expr{
				lit(natural),
				function{"clause.Assignments", clause.Assignments, []expr{row(values)}},
			},
		}
	default:
		return composite{
			reflect.TypeFor[clause.OnConflict](),
			[]string{"Columns", "DoUpdates", "Where"},
			[]expr{
				lit(natural),
				function{
					"clause.AssignmentColumns", clause.AssignmentColumns,
					[]expr{lit([]string{pick(g, m.texts)})},
				},
				lit(clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: pick(g, []string{
					m.table + ".id > 0", m.table + ".id = 1 OR\n1 = 1",
					m.table + ".tenant_id <> 'x'",
				})}}}),
			},
		}
	}
	return lit(conflict)
}

// create draws a create or an upsert.
func (g *generator) create() []statement {
	m := g.model()
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark}
	g.restrict(c)
	if g.rarely(3) {
		c.add("Clauses", g.conflict(m))
	}
	if g.rarely(12) {
		c.on = g.dry(c.on)
	}
	name := g.name("row")
	switch g.n(7) {
	case 3:
		name = g.name("rows")
		g.vars = append(g.vars, variable{name, m.name, true})
		return []statement{
			declare{name: name, value: row(g.many(m))},
			g.see(c, "Create", name, ref{name, true}),
		}
	case 4:
		name = g.name("rows")
		c.mark |= Parts
		return []statement{
			declare{name: name, value: row(g.many(m))},
			g.see(c, "CreateInBatches", name, ref{name, true}, lit(1+g.n(2))),
		}
	case 5:
		c.add("Model", pointerTo(m))
		return []statement{
			declare{name: name, value: row(g.asMap(m))},
			g.see(c, "Create", name, ref{name, g.rarely(2)}),
		}
	case 6:
		maps := []map[string]any{g.asMap(m)}
		for range g.n(3) {
			next := g.asMap(m)
			same := map[string]any{} // The maps of a batch have the same keys.
			for key, value := range maps[0] {
				same[key] = value
				if other, ok := next[key]; ok {
					same[key] = other
				}
			}
			maps = append(maps, same)
		}
		c.add("Model", pointerTo(m))
		return []statement{
			declare{name: name, value: row(maps)},
			g.see(c, "Create", name, ref{name, true}),
		}
	}
	if old := g.known(m.name, false); old != "" {
		return []statement{g.see(c, "Create", old, ref{old, true})}
	}
	g.vars = append(g.vars, variable{name, m.name, false})
	return []statement{
		declare{name: name, value: row(g.value(m, 2).Interface())},
		g.see(c, "Create", name, ref{name, true}),
	}
}

// save draws a Save of a struct or a slice.
func (g *generator) save() []statement {
	m := g.model()
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark}
	g.restrict(c)
	c.mark |= Parts // an update and, where it met no row, a create
	if g.rarely(5) {
		g.conditions(c, 1)
	}
	if old := g.known(m.name, g.rarely(3)); old != "" {
		return []statement{g.see(c, "Save", old, ref{old, true})}
	}
	if g.rarely(4) {
		name := g.name("rows")
		return []statement{
			declare{name: name, value: row(g.many(m))},
			g.see(c, "Save", name, ref{name, true}),
		}
	}
	name := g.name("row")
	value := g.value(m, 2)
	if !g.rarely(4) {
		value.FieldByName("ID").SetUint(uint64(g.id()))
	}
	g.vars = append(g.vars, variable{name, m.name, false})
	return []statement{
		declare{name: name, value: row(value.Interface())},
		g.see(c, "Save", name, ref{name, true}),
	}
}

// at gives a write its model: with a key, with several, with none.
func (g *generator) at(c *chain) (declared []statement, name string) {
	m := c.m
	switch g.n(6) {
	case 0, 1:
		name = g.name("row")
		declared = []statement{declare{name: name, value: row(withID(m, g.id()))}}
	case 2:
		name = g.name("rows")
		list := reflect.MakeSlice(reflect.SliceOf(typeNames[m.name]), 0, 2)
		for range 1 + g.n(2) {
			list = reflect.Append(list, reflect.ValueOf(withID(m, g.id())))
		}
		declared = []statement{declare{name: name, value: row(list.Interface())}}
	case 3:
		name = g.known(m.name, false)
	}
	if name == "" {
		name = g.name("row")
		declared = []statement{declare{name: name, of: typeNames[m.name]}}
	}
	c.add("Model", ref{name, true})
	return declared, name
}

// assigned draws what a column is set to.
func (g *generator) assigned(m about, column string) expr {
	switch g.n(6) {
	case 3:
		return function{"gorm.Expr", gorm.Expr, []expr{lit(column + " || ?"), lit("x")}}
	case 4:
		sub := with(with(ref{name: g.db}, "Model", pointerTo(m)), "Select", lit("max("+column+")"))
		return with(sub, "Where", g.condition(m, false, 1)...)
	case 5:
		return function{"gorm.Expr", gorm.Expr, []expr{
			lit("coalesce((?), ?)"),
			with(with(with(ref{name: g.db}, "Model", pointerTo(m)), "Select",
				lit("max("+column+")")), "Where", g.condition(m, false, 1)...),
			lit("none"),
		}}
	}
	return lit(g.word())
}

// update draws an update.
func (g *generator) update() []statement {
	m := g.model()
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark}
	if g.rarely(8) {
		c.on = with(c.on, "Session", lit(&gorm.Session{AllowGlobalUpdate: true}))
	}
	if g.rarely(12) {
		c.on = g.dry(c.on)
	}
	returning := g.rarely(8)
	var declared []statement
	var name string
	if returning { // into a slice: of several rows a struct gets any
		var rows declare
		rows, name = g.declareMany(m)
		declared = []statement{rows}
		c.add("Model", ref{name, true})
		c.add("Clauses", lit(clause.Returning{}))
	} else {
		declared, name = g.at(c)
	}
	g.conditions(c, 2)
	column := pick(g, m.texts)
	switch g.n(7) {
	case 0, 1:
		return append(declared, g.see(c, pick(g, []string{"Update", "UpdateColumn"}), name,
			lit(column), g.assigned(m, column)))
	case 2:
		if m.key != "" {
			key := g.id()
			d := g.see(c, "Update", name, lit(m.key), lit(key))
			d.mark |= marksOfColumn(m.key, key)
			return append(declared, d)
		}
		return append(declared, ofTenantColumn(g.see(c, "Update", name, lit("tenant_id"),
			lit(g.word()))))
	case 3:
		if !returning {
			g.restrict(c)
		}
		keys, values := []string{column}, []expr{g.assigned(m, column)}
		if m.key != "" && g.rarely(2) {
			keys, values = append(keys, m.key), append(values, lit(g.id()))
		}
		if g.rarely(12) {
			keys = append(keys, "tenant_id")
			values = append(values, lit(pick(g, []string{A, B, ""})))
		}
		if g.rarely(12) {
			keys, values = append(keys, "id"), append(values, lit(g.id()))
		}
		return append(declared, g.see(c, pick(g, []string{"Updates", "UpdateColumns"}), name,
			composite{reflect.TypeFor[map[string]any](), keys, values}))
	case 4:
		column := pick(g, []string{"tenant_id", "TenantID", m.table + ".tenant_id"})
		value := pick(g, []string{A, B, ""})
		if strings.Contains(column, ".") {
			value = B // alone this is a syntax error, and A's own ID is dropped
		}
		return append(declared, ofTenantColumn(g.see(c, "Update", name, lit(column), lit(value))))
	}
	if !returning { // Alone, the tenant's zero value would come back before the trigger has it.
		g.restrict(c)
	}
	value := g.value(m, 1)
	return append(declared, g.see(c, pick(g, []string{"Updates", "Updates", "UpdateColumns"}), name,
		row(value.Interface())))
}

// ofTenantColumn marks an Update of the tenant column.
func ofTenantColumn(d do) do {
	column, value := d.call.args[0].(literal).value.(string), d.call.args[1].(literal).value
	d.mark |= marksOfColumn(column, value)
	if value == "" {
		d.mark |= OtherTenant
	}
	return d
}

// remove draws a delete.
func (g *generator) remove() []statement {
	m := g.model()
	on, mark := g.base()
	c := &chain{on: on, m: m, mark: mark}
	if g.rarely(3) {
		c.add("Unscoped")
	}
	if g.rarely(3) {
		names := []string{clause.Associations}
		for _, r := range m.relations {
			names = append(names, r.name)
		}
		c.add("Select", lit(pick(g, names)))
	}
	if g.rarely(10) {
		c.on = g.dry(c.on)
	}
	g.conditions(c, 2)
	if g.rarely(8) { // into a slice: of several rows a struct gets any
		rows, name := g.declareMany(m)
		c.add("Clauses", lit(clause.Returning{}))
		return []statement{rows, g.see(c, "Delete", name, ref{name, true})}
	}
	if old := g.known(m.name, g.rarely(3)); old != "" {
		return []statement{g.see(c, "Delete", old, ref{old, true})}
	}
	name := g.name("row")
	declared := declare{name: name, of: typeNames[m.name]}
	args := []expr{ref{name, true}}
	switch g.n(4) {
	case 0, 1:
		declared.value = row(withID(m, g.id()))
	case 2:
		args = append(args, g.keys()...)
	}
	return []statement{declared, g.see(c, "Delete", name, args...)}
}
