package callbacks

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// table is what is known of a table whose rows belong to tenants: by a tenant column, or, for a
// many2many join table without one, by the rows that it joins.
type table struct {
	name  string
	model *schema.Schema
	// field is the tenant field, nil for a join table.
	field *schema.Field
	// direct says whether the field can be read in place.
	direct bool
	// column is the quoted and qualified tenant column, for the table under its own name.
	column string
	// references are the foreign keys in this table that name rows of tenants.
	// Models of one table share them.
	references *atomic.Pointer[[]*reference]
	// joins says that it is the join table of a many2many relation.
	joins atomic.Bool
}

// reference is a foreign key whose target is the table of a tenant model.
type reference struct {
	foreignKeys []*schema.Field // in the table that refers
	primaryKeys []*schema.Field // in target
	target      *table
	// typeField and typeValue say which rows of a polymorphic key refer to target.
	typeField *schema.Field
	typeValue string
}

// entry is what the registry knows of one parsed model.
type entry struct {
	table *table // nil where the model itself has no tenant field
	key   string // of its table, among the registry's names
	err   error
}

// registry knows the tables of tenants. It learns from every model that a statement uses, and from
// the models that those refer to. Reading takes no lock.
type registry struct {
	db     *gorm.DB
	column string
	// cutsNames says whether the database is one that cuts long names.
	cutsNames bool
	models    sync.Map                          // *schema.Schema -> *entry
	names     atomic.Pointer[map[string]*table] // by key; nil for one that is nobody's
	joins     atomic.Pointer[[]join]
	refs      map[string]*atomic.Pointer[[]*reference] // by key, under mutex
	mutex     sync.Mutex                               // held while something is learned
}

func newRegistry(db *gorm.DB, column string) *registry {
	r := &registry{db: db, column: column, refs: map[string]*atomic.Pointer[[]*reference]{}}
	r.cutsNames = db.Dialector != nil && db.Name() == "postgres"
	r.joins.Store(&[]join{})
	r.names.Store(&map[string]*table{})
	return r
}

// learnModel learns a model that was named in the plugin's options.
func (r *registry) learnModel(model any) error {
	stmt := &gorm.Statement{DB: r.db}
	if err := stmt.Parse(model); err != nil {
		return fmt.Errorf("%w: tenantplugin.Models was given a %T, which is no model: "+
			"give it pointers to structs, as in tenantplugin.Models(&Project{}): %w",
			gormtenant.ErrInvalidModel, model, err)
	}
	return r.learn(stmt.Schema).err
}

// learn returns what is known of model. The first time it also learns the models it refers to, and
// nobody sees the one before the others: a join table must not be missed in between.
func (r *registry) learn(model *schema.Schema) *entry {
	if known, ok := r.models.Load(model); ok {
		return known.(*entry)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	l := newLearner(r)
	defer l.publish()
	return l.learn(model)
}

// named returns the table of tenants with that name in any case, nil where it is nobody's.
func (r *registry) named(name string) *table {
	key := r.key(name)
	t, known := (*r.names.Load())[key]
	if !known && name != "" {
		r.learnParsed()
		t = (*r.names.Load())[key]
	}
	return t
}

// longestName is the number of bytes of a name that Postgres looks at; it cuts off the rest.
const longestName = 63

// key returns what the spellings of one table's name have in common.
func (r *registry) key(name string) string {
	name = strings.ToLower(bareName(name))
	if r.cutsNames && len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "")
	}
	return name
}

// namedInText is named for a name in raw text, of which no model is at hand: a model that was only
// migrated so far counts as well.
func (r *registry) namedInText(name string) *table {
	t := r.named(name)
	if t == nil && name != "" {
		r.learnParsed()
		t = (*r.names.Load())[r.key(name)]
	}
	return t
}

// learnParsed learns every model that GORM has parsed for this database, as AutoMigrate does. GORM
// keeps them to itself; where it has no such field any more, models are learned from statements.
func (r *registry) learnParsed() {
	field := reflect.ValueOf(r.db.Config).Elem().FieldByName("cacheStore")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*sync.Map]() || field.IsNil() {
		return
	}
	(*sync.Map)(field.UnsafePointer()).Range(func(key, value any) bool {
		parsed, ok := value.(*schema.Schema)
		if _, plain := key.(reflect.Type); !ok || !plain {
			return true // a prepared statement, or a model under another table's name
		}
		if _, known := r.models.Load(parsed); !known {
			stmt := &gorm.Statement{DB: r.db}
			if stmt.Parse(reflect.New(parsed.ModelType).Interface()) == nil {
				r.learn(stmt.Schema)
			}
		}
		return true
	})
}

// Known returns the tenant models that are known on db, as pointers to structs, in the order of their
// tables' names: those that were named, migrated or used, and what they are related to.
func Known(db *gorm.DB) (list []any) {
	g := guardOf(db.ClauseBuilders["WHERE"])
	if g == nil {
		return nil
	}
	g.tables.learnParsed()
	var tables []*table
	g.tables.models.Range(func(_, e any) bool {
		// The model of a join table may be a type without a name, which GORM made up.
		if t := e.(*entry).table; t != nil && t.field != nil && t.model.ModelType.Name() != "" {
			tables = append(tables, t)
		}
		return true
	})
	slices.SortFunc(tables, func(a, b *table) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.model.ModelType.String(), b.model.ModelType.String()))
	})
	for _, t := range tables {
		list = append(list, reflect.New(t.model.ModelType).Interface())
	}
	return list
}

// tableOf returns the table of a model: its own, or, for a smaller struct over the same table, the
// one that another model of that table made known.
func (r *registry) tableOf(model *schema.Schema) (*table, error) {
	e := r.learn(model)
	r.learnJoins()
	if e.table != nil || e.err != nil {
		return e.table, e.err
	}
	return (*r.names.Load())[e.key], nil
}

// join is a many2many relation, and the model of its join table when it was learned.
type join struct {
	relation *schema.Relationship
	model    *schema.Schema
}

// learnJoins learns the join tables that SetupJoinTable put in the place of others.
func (r *registry) learnJoins() {
	changed := func(j join) bool { return j.relation.JoinTable != j.model }
	if !slices.ContainsFunc(*r.joins.Load(), changed) {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	l := newLearner(r)
	defer l.publish()
	for _, j := range *r.joins.Load() {
		if changed(j) {
			l.joinTable(j.relation)
		}
	}
}

// lastPart returns the table's name without its schema.
func lastPart(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

func qualified(db *gorm.DB, table, column string) string {
	var text strings.Builder
	db.QuoteTo(&text, table)
	text.WriteByte('.')
	db.QuoteTo(&text, column)
	return text.String()
}
