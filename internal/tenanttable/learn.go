package tenanttable

import (
	"reflect"
	"slices"

	"gorm.io/gorm/schema"
)

// record is what was learned of one parsed model.
type record struct {
	model        *schema.Schema
	schema, name string // of its own table
	field        *schema.Field
	err          error // of a tenant field that cannot be used
	// confirmed is set once the model was declared, migrated, or used on its own table. A struct
	// that was only scanned into is not confirmed: its relations may be to tables that do not
	// exist.
	confirmed bool
	shared    bool
	joins     []join
}

// join is a many2many relation, and the model of its join table when it was learned.
type join struct {
	relation *schema.Relationship
	model    *schema.Schema
}

// changed reports whether SetupJoinTable has put another model in the place of the one learned.
func (j join) changed() bool { return j.relation.JoinTable != j.model }

// isMade reports whether GORM made up the type of a model: that of a many2many join table.
func isMade(model *schema.Schema) bool { return model.ModelType.Name() == "" }

// learn learns a model and those that it is related to.
func (t *Tables) learn(model *schema.Schema, confirmed bool) *record {
	r := t.byModel[model]
	if r != nil && (r.confirmed || !confirmed) {
		return r
	}
	if r == nil {
		r = &record{model: model}
		r.schema, r.name = Split(model.Table)
		if r.field, r.err = t.field(model); r.field != nil && r.err == nil {
			r.err = checkColumn(t.db, r.field)
		}
		t.byModel[model] = r
		t.records = append(t.records, r)
	}
	t.learned = append(t.learned, r)
	r.confirmed = confirmed
	r.joins = nil
	for _, relation := range relations(model) {
		// Parse waits: the other schema may still be in the making in another goroutine.
		other, err := t.parse(reflect.New(relation.FieldSchema.ModelType).Interface())
		if err != nil {
			continue
		}
		t.learn(other, confirmed)
		if relation.JoinTable != nil {
			r.joins = append(r.joins, join{relation, relation.JoinTable})
			t.learn(relation.JoinTable, confirmed)
		}
	}
	return r
}

// relations returns the relations that a model declares. GORM's map of them has in addition notes
// of other models' relations, which it writes at any time.
func relations(model *schema.Schema) []*schema.Relationship {
	all := &model.Relationships
	return slices.Concat(all.BelongsTo, all.HasOne, all.HasMany, all.Many2Many)
}

// refreshJoins learns the models that SetupJoinTable put in the place of others.
func (t *Tables) refreshJoins() {
	for i := range len(t.records) {
		r := t.records[i]
		for i, j := range r.joins {
			if j.changed() {
				r.joins[i].model = j.relation.JoinTable
				t.stale = true
				t.learn(j.relation.JoinTable, r.confirmed)
			}
		}
	}
}

// addAlias notes a further name of a model's table. isTable is set where there certainly is a table
// of that name, rather than a view.
func (t *Tables) addAlias(schemaName, tableName string, r *record, isTable bool) {
	key := t.folding.fold(schemaName, tableName)
	if key == t.keyOf(r) {
		return
	}
	for i, a := range t.aliases {
		if a.record == r && t.folding.fold(a.schema, a.name) == key {
			t.aliases[i].isTable = a.isTable || isTable
			return
		}
	}
	t.stale = true
	t.aliases = append(t.aliases, alias{schemaName, tableName, r, isTable})
}

func (t *Tables) keyOf(r *record) name { return t.folding.fold(r.schema, r.name) }
