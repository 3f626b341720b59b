package callbacks

import (
	"maps"
	"reflect"
	"slices"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/models"
)

// learner walks from one model over its relations. It runs under the registry's mutex.
type learner struct {
	registry *registry
	db       *gorm.DB
	entries  map[*schema.Schema]*entry
}

func newLearner(r *registry) *learner {
	return &learner{registry: r, db: r.db, entries: map[*schema.Schema]*entry{}}
}

// publish makes what was learned known to all, at once.
func (l *learner) publish() {
	for model, e := range l.entries {
		l.registry.models.LoadOrStore(model, e)
	}
}

func (l *learner) learn(model *schema.Schema) *entry {
	if known, ok := l.registry.models.Load(model); ok {
		return known.(*entry)
	}
	if known := l.entries[model]; known != nil {
		return known
	}
	e := &entry{key: l.registry.key(model.Table)}
	l.entries[model] = e
	field, err := models.Field(model, l.registry.column)
	if err != nil {
		e.err = err
		return e
	}
	if field != nil {
		e.table = &table{
			name: bareName(model.Table), model: model, field: field, direct: isDirect(field),
			references: l.references(model.Table),
		}
		e.table.column = qualified(l.db, e.table.name, field.DBName)
		l.name(e.table.name, e.table)
	} else {
		l.name(bareName(model.Table), nil)
	}
	all := &model.Relationships
	for _, relation := range slices.Concat(all.BelongsTo, all.HasOne, all.HasMany, all.Many2Many) {
		l.relation(relation)
	}
	return e
}

// name makes t known by its name, unless a table of that name with a tenant column is known.
func (l *learner) name(name string, t *table) {
	known := *l.registry.names.Load()
	name = l.registry.key(name)
	if earlier := known[name]; earlier != nil && (earlier.field != nil || t == nil || t.field == nil) {
		return
	}
	added := maps.Clone(known)
	added[name] = t
	l.registry.names.Store(&added)
}

// references returns the foreign keys of a table, which the models of that table share.
func (l *learner) references(name string) *atomic.Pointer[[]*reference] {
	name = l.registry.key(name)
	if l.registry.refs[name] == nil {
		l.registry.refs[name] = &atomic.Pointer[[]*reference]{}
	}
	return l.registry.refs[name]
}

// tableOf is the registry's, among what is being learned.
func (l *learner) tableOf(model *schema.Schema) *table {
	if e := l.learn(model); e.table != nil || e.err != nil {
		return e.table
	}
	return (*l.registry.names.Load())[l.registry.key(model.Table)]
}

// relation learns the other model of a relation, its join table, and which foreign keys name rows
// of tenants.
func (l *learner) relation(relation *schema.Relationship) {
	// Parse again, which waits: the schema may still be in the making in another goroutine.
	other := &gorm.Statement{DB: l.db}
	if other.Parse(reflect.New(relation.FieldSchema.ModelType).Interface()) != nil {
		return
	}
	l.learn(other.Schema)
	switch {
	case relation.JoinTable != nil:
		l.joinTable(relation)
	case relation.Type == schema.BelongsTo:
		l.refer(l.tableOf(relation.Schema), relation.FieldSchema, relation.References)
	default:
		l.refer(l.tableOf(relation.FieldSchema), relation.Schema, relation.References)
	}
}

// joinTable learns the table of a many2many relation. Where it has no tenant column it belongs to
// tenants by the rows that it joins.
func (l *learner) joinTable(relation *schema.Relationship) {
	t := l.tableOf(relation.JoinTable)
	if t == nil {
		t = &table{name: bareName(relation.JoinTable.Table), model: relation.JoinTable}
		t.references = l.references(relation.JoinTable.Table)
	}
	t.joins.Store(true)
	joins := slices.DeleteFunc(slices.Clone(*l.registry.joins.Load()), func(j join) bool {
		return j.relation == relation
	})
	joins = append(joins, join{relation, relation.JoinTable})
	l.registry.joins.Store(&joins)
	var own, others []*schema.Reference
	for _, ref := range relation.References {
		if ref.OwnPrimaryKey {
			own = append(own, ref)
		} else {
			others = append(others, ref)
		}
	}
	l.refer(t, relation.Schema, own)
	l.refer(t, relation.FieldSchema, others)
	if t.field == nil && len(t.referring()) > 0 {
		l.name(t.name, t)
	}
}

// refer notes that rows of t name rows of owner, unless t or owner is nobody's, or the key holds
// the tenant itself: such a key cannot name a row of another tenant.
func (l *learner) refer(t *table, owner *schema.Schema, refs []*schema.Reference) {
	target := l.tableOf(owner)
	if t == nil || target == nil || target.field == nil {
		return
	}
	added := &reference{target: target}
	for _, ref := range refs {
		switch {
		case ref.PrimaryKey == nil:
			added.typeField, added.typeValue = ref.ForeignKey, ref.PrimaryValue
		case ref.PrimaryKey.DBName == target.field.DBName:
			return
		default:
			added.foreignKeys = append(added.foreignKeys, ref.ForeignKey)
			added.primaryKeys = append(added.primaryKeys, ref.PrimaryKey)
		}
	}
	known := t.referring()
	if len(added.foreignKeys) > 0 && !slices.ContainsFunc(known, added.same) {
		grown := append(slices.Clone(known), added)
		t.references.Store(&grown)
	}
}

// same says whether both are one key, seen from its two ends.
func (r *reference) same(other *reference) bool {
	return r.target == other.target && r.typeValue == other.typeValue &&
		slices.EqualFunc(r.foreignKeys, other.foreignKeys, func(a, b *schema.Field) bool {
			return a.DBName == b.DBName
		})
}

// referring returns the foreign keys of t that name rows of tenants.
func (t *table) referring() []*reference {
	if known := t.references.Load(); known != nil {
		return *known
	}
	return nil
}
