package tenanttable

import (
	"cmp"
	"maps"
	"slices"

	"gorm.io/gorm/schema"
)

// builder makes a View of what was learned.
type builder struct {
	*Tables
	names  map[name]entry
	own    map[*record]*Table      // tables with a tenant column, as each of their models sees them
	joined map[*schema.Schema]bool // the models of join tables
	refs   map[name][]ranked
	// parents are the names of the tables that each table refers to.
	parents map[name][]string
	further map[further]*Table
	all     []*Table
}

// publish makes what was learned known to all, at once.
func (t *Tables) publish() {
	old := t.View()
	switch {
	case old == nil:
		t.view.Store(t.build(0))
	case t.stale || slices.ContainsFunc(t.learned, t.matters):
		t.view.Store(t.build(old.generation + 1))
	case len(t.learned) > 0:
		t.view.Store(t.extend(old))
	}
	t.learned, t.stale = nil, false
}

// matters reports whether a model that was learned changes what is known of any name.
func (t *Tables) matters(r *record) bool {
	return r.field != nil || r.err != nil || r.shared || len(r.joins) > 0 || isMade(r.model) ||
		t.View().Named(r.schema, r.name) != nil
}

// extend returns old with models that are nobody's.
func (t *Tables) extend(old *View) *View {
	v := *old
	v.names, v.models = maps.Clone(old.names), maps.Clone(old.models)
	b := &builder{Tables: t, names: v.names}
	for _, r := range t.learned {
		b.nobodys(r)
		v.models[r.model] = b.bind(&v, r)
	}
	return &v
}

// build returns all that was learned.
func (t *Tables) build(generation uint64) *View {
	b := &builder{
		Tables: t, names: map[name]entry{}, own: map[*record]*Table{},
		joined: map[*schema.Schema]bool{}, refs: map[name][]ranked{}, parents: map[name][]string{},
		further: map[further]*Table{},
	}
	b.tenantTables()
	b.furtherNames()
	b.references()
	b.joinTables()
	for _, table := range b.all {
		key := t.keyOf(b.byModel[table.Model]) // also of one under another name
		table.References, table.Parents = b.best(key), b.parents[key]
	}
	for _, r := range b.records {
		b.nobodys(r)
	}
	b.guesses()
	b.forText()
	v := &View{
		db: t.db, folding: t.folding, generation: generation, names: b.names, further: b.further,
		models: make(map[*schema.Schema]*binding, len(t.records)),
	}
	for _, r := range t.records {
		v.models[r.model] = b.bind(v, r)
	}
	return v
}

// byCertainty returns the records, those first that are confirmed.
func (b *builder) byCertainty() []*record {
	list := slices.Clone(b.records)
	slices.SortStableFunc(list, func(x, y *record) int { return cmp.Compare(rank(y), rank(x)) })
	return list
}

func rank(r *record) int {
	if r.confirmed {
		return 1
	}
	return 0
}

// tenantTables makes the tables with a tenant column.
func (b *builder) tenantTables() {
	relations := map[*schema.Schema][]*schema.Relationship{}
	for _, r := range b.records {
		for _, j := range r.joins {
			b.joined[j.model] = true
			relations[j.model] = append(relations[j.model], j.relation)
		}
	}
	for _, r := range b.byCertainty() {
		fields := b.tenantFields(r, relations[r.model])
		if len(fields) == 0 {
			continue
		}
		table := newTable(b.db, r, fields)
		table.Joins = b.joined[r.model]
		b.own[r] = table
		b.add(b.keyOf(r), table)
	}
}

// add makes a table known by a name, unless another is.
func (b *builder) add(key name, table *Table) {
	b.all = append(b.all, table)
	if b.names[key].table == nil && key.table != "" { // a struct type without a name has none
		b.names[key] = entry{table: table, known: true}
	}
}

// tenantFields returns the fields of a model that hold the tenant. joins are the relations that it
// is the join table of: a foreign key that refers to a key with the tenant in it holds the tenant.
func (b *builder) tenantFields(r *record, joins []*schema.Relationship) []*schema.Field {
	var fields []*schema.Field
	if r.field != nil {
		fields = append(fields, r.field)
	}
	for _, relation := range joins {
		for _, ref := range relation.References {
			owner := b.byModel[sideOf(relation, ref)]
			if ref.PrimaryKey == nil || owner == nil || owner.field == nil ||
				owner.field.DBName != ref.PrimaryKey.DBName ||
				hasColumn(fields, ref.ForeignKey.DBName) {
				continue
			}
			fields = append(fields, ref.ForeignKey)
		}
	}
	return fields
}

// sideOf returns the model that a foreign key of a join table refers to.
func sideOf(relation *schema.Relationship, ref *schema.Reference) *schema.Schema {
	if ref.OwnPrimaryKey {
		return relation.Schema
	}
	return relation.FieldSchema
}

// furtherNames makes the tables that are known by other names than their models'.
func (b *builder) furtherNames() {
	for _, a := range b.aliases {
		table := b.own[a.record]
		if table == nil {
			table = b.names[b.keyOf(a.record)].table // a smaller struct over a tenants' table
		}
		if table == nil {
			continue
		}
		key := b.folding.fold(a.schema, a.name)
		table = table.under(b.db, a.schema, a.name)
		b.further[further{a.record.model, key}] = table
		b.add(key, table)
		if b.names[key].table == table {
			b.names[key] = entry{table: table, known: true, further: true}
		}
	}
}

// joinTables makes the join tables that belong to tenants by the rows that they join.
func (b *builder) joinTables() {
	for _, r := range b.byCertainty() {
		key := b.keyOf(r)
		if !b.joined[r.model] || b.own[r] != nil || len(b.refs[key]) == 0 {
			continue
		}
		if known := b.names[key].table; known == nil || known.Field == nil {
			table := newTable(b.db, r, nil)
			table.Joins = true
			b.own[r] = table
			b.add(key, table)
		}
	}
}

// nobodys makes the name of a model known that is nobody's, so that it is not taken for that of a
// tenants' table in another schema.
func (b *builder) nobodys(r *record) {
	key := b.keyOf(r)
	e := b.names[key]
	twin := key
	switch key.schema { // where both spellings name one table, it is the tenants'
	case "":
		twin.schema = b.folding.schema
	case b.folding.schema:
		twin.schema = ""
	}
	if key.table != "" && e.table == nil &&
		(r.shared || r.confirmed && b.names[twin].table == nil) {
		b.names[key] = entry{known: true, shared: e.shared || r.shared, model: r.model}
	}
}

// guesses makes the tables of schemas known by their bare names, where no model has the bare name.
func (b *builder) guesses() {
	for _, table := range b.all {
		key := b.folding.fold("", table.Name)
		if key.table != "" && !b.names[key].known && table.Schema != "" {
			b.names[key] = entry{table: table, known: true, guessed: true}
		}
	}
}

// bind returns what is known of a model.
func (b *builder) bind(v *View, r *record) *binding {
	known := &binding{
		schema: r.schema, name: r.name, table: b.own[r], confirmed: r.confirmed,
		shared: r.shared, joins: slices.Clone(r.joins),
	}
	if known.table == nil {
		known.table = v.named(r.schema, r.name).table
	}
	// GORM copies the tags of keys to the fields of the join table that it makes up, so that two
	// fields may be tagged as the tenant's.
	if !b.joined[r.model] || !isMade(r.model) {
		known.err = r.err
	}
	return known
}
