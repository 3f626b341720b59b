package tenanttable

import (
	"cmp"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/models"
)

// keptName is the name under which what is known of a *gorm.DB is found among its plugins.
const keptName = models.PluginName + ":tables"

// kept is a plugin that does nothing.
type kept struct{ tables *Tables }

func (kept) Name() string              { return keptName }
func (kept) Initialize(*gorm.DB) error { return nil }

// Of returns what the plugin of db knows. Without the plugin nothing is known yet, and models are
// tenant models by their tags and by the column [models.DefaultColumn].
func Of(db *gorm.DB) *Tables {
	if k, ok := db.Plugins[keptName].(kept); ok {
		return k.tables
	}
	return empty(db, func(model *schema.Schema) (*schema.Field, error) {
		return models.Field(model, models.DefaultColumn)
	})
}

// Models returns the tenant models that are known, as pointers to structs, in the order of their
// tables' names.
func (t *Tables) Models() (list []any) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var known []*record
	for _, r := range t.records {
		// The model of a join table may be a type without a name, which GORM made up.
		if r.confirmed && r.field != nil && !isMade(r.model) {
			known = append(known, r)
		}
	}
	slices.SortFunc(known, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.model.Table, b.model.Table),
			cmp.Compare(a.model.ModelType.String(), b.model.ModelType.String()))
	})
	for _, r := range known {
		list = append(list, reflect.New(r.model.ModelType).Interface())
	}
	return list
}

// Closure makes models known as Declare does, and returns the tables of the tenants among them, of
// the models they are related to, and of many2many relations, each once, in the order of their
// names. Of further names it has those that were declared or migrated. Given no models it takes all
// that are known. The tables need not exist.
func (t *Tables) Closure(given ...any) ([]*Table, error) {
	if err := t.Declare(given...); err != nil {
		return nil, err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	reached := map[*record]bool{}
	for _, model := range given {
		parsed, err := t.parse(model)
		if err != nil {
			return nil, err
		}
		t.reach(t.byModel[parsed], reached)
	}
	v := t.View()
	found := map[name]*Table{}
	for _, r := range t.records {
		if len(given) == 0 && r.confirmed || reached[r] {
			b := v.models[r.model]
			if b.err != nil {
				return nil, b.err
			}
			t.collect(found, v, r.schema, r.name)
		}
	}
	for _, a := range t.aliases {
		if a.isTable && (len(given) == 0 || reached[a.record]) {
			t.collect(found, v, a.schema, a.name)
		}
	}
	list := make([]*Table, 0, len(found))
	for _, table := range found {
		list = append(list, table)
	}
	slices.SortFunc(list, func(a, b *Table) int { return cmp.Compare(a.qualified, b.qualified) })
	return list, nil
}

func (t *Tables) collect(found map[name]*Table, v *View, schemaName, tableName string) {
	table := v.Named(schemaName, tableName)
	if table == nil {
		return
	}
	found[t.folding.fold(table.Schema, table.Name)] = table
	if table.Field == nil { // Whose its rows are is told by the rows that they refer to.
		for _, ref := range table.References {
			found[t.folding.fold(ref.Target.Schema, ref.Target.Name)] = ref.Target
		}
	}
}

// reach marks a model and all those that it is related to.
func (t *Tables) reach(r *record, reached map[*record]bool) {
	if r == nil || reached[r] {
		return
	}
	reached[r] = true
	for _, relation := range relations(r.model) {
		t.reach(t.byModel[relation.FieldSchema], reached)
		t.reach(t.byModel[relation.JoinTable], reached)
	}
}
