package oracle

import (
	"reflect"
)

// value draws a row to be written: with or without a key, with associations down to a depth.
func (g *generator) value(m about, depth int) reflect.Value {
	made := reflect.New(typeNames[m.name]).Elem()
	if g.rarely(3) {
		made.FieldByName("ID").SetUint(uint64(g.id()))
	}
	for _, field := range m.fields {
		made.FieldByName(field).SetString(g.word())
	}
	if m.name == "Project" && !g.rarely(4) {
		made.FieldByName("Slug").SetString(pick(g, []string{"s1", "s2", "s3", "s4", "web"}))
	}
	if m.name == "Tag" && !g.rarely(3) {
		made.FieldByName("Label").SetString(pick(g, []string{"t1", "t2", "t3", "t4"}))
	}
	if m.name == "Task" {
		made.FieldByName("Done").SetBool(g.rarely(2))
	}
	if m.name == "Comment" {
		made.FieldByName("SubjectType").SetString(pick(g, []string{"projects", "tasks"}))
	}
	if m.keyField != "" {
		g.setKey(made.FieldByName(m.keyField), 3)
	}
	if g.rarely(24) {
		made.FieldByName("TenantID").SetString(pick(g, []string{A, B}))
	}
	if depth > 0 {
		for _, r := range m.relations {
			if g.rarely(5) {
				g.associate(made.FieldByName(r.name), r, depth-1)
			}
		}
	}
	return made
}

// setKey sets a foreign key: mostly to a row of A.
func (g *generator) setKey(field reflect.Value, k int) {
	id := uint(1 + g.n(3))
	if g.rarely(k) {
		id = g.id()
	}
	if field.Kind() == reflect.Pointer {
		if g.rarely(2) {
			field.Set(reflect.ValueOf(&id))
		}
		return
	}
	field.SetUint(uint64(id))
}

// associate fills the field of an association.
func (g *generator) associate(field reflect.Value, r relation, depth int) {
	m := modelNamed(r.model)
	if !r.many {
		field.Set(g.relative(m, depth).Addr())
		return
	}
	for range 1 + g.n(2) {
		field.Set(reflect.Append(field, g.relative(m, depth)))
	}
}

// relative is a row of an association: often one that is there, by its key alone.
func (g *generator) relative(m about, depth int) reflect.Value {
	if g.rarely(2) {
		made := reflect.New(typeNames[m.name]).Elem()
		made.FieldByName("ID").SetUint(uint64(g.id()))
		return made
	}
	made := g.value(m, depth)
	if !made.CanAddr() {
		panic("oracle: a value that cannot be changed")
	}
	return made
}

// many draws up to three rows.
func (g *generator) many(m about) any {
	list := reflect.MakeSlice(reflect.SliceOf(typeNames[m.name]), 0, 3)
	for range 1 + g.n(3) {
		list = reflect.Append(list, g.value(m, 1))
	}
	return list.Interface()
}

// columns of a row as a map.
func (g *generator) asMap(m about) map[string]any {
	made := map[string]any{}
	for i, column := range m.texts {
		name := column
		if g.rarely(4) {
			name = m.fields[i]
		}
		made[name] = pick(g, []string{"s1", "s2", "t3", "red", "zeta", "new"})
	}
	if m.key != "" {
		key := uint(1 + g.n(3))
		if g.rarely(3) {
			key = g.id()
		}
		made[m.key] = key
	}
	if m.name == "Comment" {
		made["subject_type"] = pick(g, []string{"projects", "tasks"})
	}
	if g.rarely(4) {
		made["id"] = g.id()
	}
	if g.rarely(16) {
		made[pick(g, []string{"tenant_id", "TenantID", "TENANT_ID"})] = pick(g, []string{A, B})
	}
	return made
}
