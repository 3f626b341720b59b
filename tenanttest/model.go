package tenanttest

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/models"
)

// model is a model that was given to Run, or that one of them refers to.
type model struct {
	schema *schema.Schema
	tenant *schema.Field // nil if the model has none
	given  bool
	refs   []*ref // its foreign keys

	indexes  []index
	labels   map[string][]string // of columns that are enumerations of the database
	nullable bool                // the tenant column
	// count is how many rows the table has for each tenant: those of Run, and what hooks and
	// triggers made beside them.
	count int64
	// refusals are the errors by which the application refuses statements on rows of its own,
	// without the numbers in them.
	refusals map[string]bool
	// rekeys says that a hook gives every new row a key of its own, whatever key it had.
	rekeys bool

	// rows of both tenants, pointers to structs. Those of a model without a tenant are the first.
	rows [2][]reflect.Value
	// natural says that nobody but the application chooses the key.
	natural bool
}

// ref is a foreign key: columns of a child that name a row of its parent.
type ref struct {
	parent *model
	pairs  []pair
	kind   *schema.Field // the type column of a polymorphic key
	value  string        // what it holds
}

// pair is a column and the column that it refers to.
type pair struct{ foreign, primary *schema.Field }

// join is the table of a many2many relation.
type join struct {
	table    string
	relation *schema.Relationship // the first that uses it
	sides    [2]side
}

// side is one of the two models whose rows a join table joins.
type side struct {
	model *model
	pairs []pair // foreign is a column of the join table
}

// tenantField is what the plugin knows of a model.
type tenantField interface {
	TenantField(model *schema.Schema) (*schema.Field, error)
}

// learnModels learns the models that were given, and those that they refer to.
func (k *kit) learnModels() error {
	for _, given := range k.given {
		m, err := k.learn(given)
		if err != nil {
			return err
		}
		m.given = true
	}
	for _, shared := range k.sharedModels {
		if _, err := k.learn(shared); err != nil {
			return err
		}
	}
	for _, m := range slices.Clone(k.models) {
		if err := k.learnRelations(m); err != nil {
			return err
		}
	}
	k.sortModels()
	return nil
}

// learn learns a model and those that it refers to.
func (k *kit) learn(value any) (*model, error) {
	parsed, err := k.parse(value)
	if err != nil {
		return nil, err
	}
	if m := k.modelOf(parsed); m != nil {
		return m, nil
	}
	if len(parsed.PrimaryFields) == 0 {
		return nil, fmt.Errorf("tenanttest: %s has no primary key, and its rows cannot be told "+
			"apart: give it one, or leave it out", parsed.Name)
	}
	m := &model{schema: parsed}
	m.tenant, err = k.tenantFieldOf(parsed)
	if err != nil {
		return nil, err
	}
	k.models = append(k.models, m)
	for _, relation := range relationsOf(parsed) {
		if _, err := k.learn(reflect.New(relation.FieldSchema.ModelType).Interface()); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (k *kit) parse(value any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: k.db}
	if err := stmt.Parse(value); err != nil {
		return nil, fmt.Errorf("tenanttest: GORM cannot read the model %T: %w", value, err)
	}
	return stmt.Schema, nil
}

func (k *kit) tenantFieldOf(parsed *schema.Schema) (*schema.Field, error) {
	if known, ok := k.db.Plugins[models.PluginName].(tenantField); ok {
		return known.TenantField(parsed)
	}
	return models.Field(parsed, models.DefaultColumn)
}

// modelOf finds a model by its type. GORM parses a type once for each *gorm.DB.
func (k *kit) modelOf(parsed *schema.Schema) *model {
	for _, m := range k.models {
		if m.schema.ModelType == parsed.ModelType {
			return m
		}
	}
	return nil
}

// relationsOf returns the relations that are fields of a model.
func relationsOf(parsed *schema.Schema) []*schema.Relationship {
	return slices.DeleteFunc(keysOf(parsed), func(relation *schema.Relationship) bool {
		return relation.Field == nil || parsed.FieldsByName[relation.Field.Name] != relation.Field
	})
}

// keysOf returns the relations of a model in the order of their names, and with them the foreign
// keys that SetupJoinTable gave to the model of a join table: no field stands for those. GORM also
// notes there, by names that begin with "_", relations of other models to this one.
func keysOf(parsed *schema.Schema) []*schema.Relationship {
	var relations []*schema.Relationship
	for name, relation := range parsed.Relationships.Relations {
		if name == relation.Name {
			relations = append(relations, relation)
		}
	}
	sort.Slice(relations, func(i, j int) bool { return relations[i].Name < relations[j].Name })
	return relations
}

// learnRelations finds the foreign keys and the join tables that the relations of m are made of.
func (k *kit) learnRelations(m *model) error {
	for _, relation := range keysOf(m.schema) {
		target := k.modelOf(relation.FieldSchema)
		switch {
		case target == nil: // an end of a join table, of which no relation leads to the other
		case relation.JoinTable != nil:
			k.addJoin(m, target, relation)
		case relation.Type == schema.BelongsTo:
			m.addRef(target, relation)
		default:
			target.addRef(m, relation)
		}
	}
	return nil
}

// addRef adds a foreign key, once: Task.Project and Project.Tasks are one.
func (m *model) addRef(parent *model, relation *schema.Relationship) {
	r := &ref{parent: parent}
	for _, reference := range relation.References {
		// The key of a join table is a field of the struct that GORM made up for it.
		foreign := m.schema.FieldsByDBName[reference.ForeignKey.DBName]
		switch {
		case foreign == nil:
			return
		case reference.PrimaryValue != "":
			r.kind, r.value = foreign, reference.PrimaryValue
		default:
			r.pairs = append(r.pairs, pair{foreign, reference.PrimaryKey})
		}
	}
	for _, known := range m.refs {
		if known.parent == r.parent && known.name() == r.name() {
			return
		}
	}
	m.refs = append(m.refs, r)
}

// name is made of the columns, but for the tenant's: project_id.
func (r *ref) name() string {
	var names []string
	for _, p := range r.pairs {
		if p.primary != r.parent.tenant || r.parent.tenant == nil {
			names = append(names, p.foreign.DBName)
		}
	}
	return strings.Join(names, "_")
}

// carriesTenant reports whether the foreign key can name only rows of its own tenant.
func (r *ref) carriesTenant(child *model) bool {
	for _, p := range r.pairs {
		if p.foreign == child.tenant && p.primary == r.parent.tenant {
			return true
		}
	}
	return false
}

func (k *kit) addJoin(m, target *model, relation *schema.Relationship) {
	for _, known := range k.joins {
		if known.table == relation.JoinTable.Table {
			return
		}
	}
	j := &join{
		table: relation.JoinTable.Table, relation: relation,
		sides: [2]side{{model: m}, {model: target}},
	}
	for _, reference := range relation.References {
		if reference.PrimaryKey == nil {
			continue // the type column of a polymorphic join table
		}
		i := 1
		if reference.OwnPrimaryKey {
			i = 0
		}
		j.sides[i].pairs = append(j.sides[i].pairs,
			pair{reference.ForeignKey, reference.PrimaryKey})
	}
	k.joins = append(k.joins, j)
}

// sortModels puts each model behind those that it refers to. In a circle one has to be first.
func (k *kit) sortModels() {
	var sorted []*model
	seen := map[*model]bool{}
	var visit func(m *model)
	visit = func(m *model) {
		if seen[m] {
			return
		}
		seen[m] = true
		for _, r := range m.refs {
			visit(r.parent)
		}
		sorted = append(sorted, m)
	}
	for _, m := range k.models {
		visit(m)
	}
	k.models = sorted
}

// migrateMissing makes the tables that are not there, of each tenant where it has its own. They go
// with the transaction.
func (k *kit) migrateMissing() error {
	if !k.own {
		return k.migrate(k.db)
	}
	for _, t := range k.owners() {
		if err := k.migrate(k.as(t)); err != nil {
			return err
		}
	}
	return nil
}

func (k *kit) migrate(db *gorm.DB) error {
	var missing, again []any // AutoMigrate looks at one model of each table
	seen := map[string]bool{}
	for _, m := range k.models {
		switch value := m.new(); {
		case seen[m.schema.Table]:
			again = append(again, value)
		case !k.hasTable(db, m):
			seen[m.schema.Table] = true
			missing = append(missing, value)
		}
	}
	for _, models := range [][]any{missing, again} {
		if err := db.AutoMigrate(models...); err != nil {
			return fmt.Errorf("tenanttest: making the tables that are missing: %w; "+
				"make them in the function that opens the database, as the application does", err)
		}
	}
	return nil
}

// hasTable reports whether there is a table of m: among those of the tenant, and those that all
// share.
func (k *kit) hasTable(db *gorm.DB, m *model) bool {
	if !k.own || k.db.Name() != onPostgres {
		return db.Migrator().HasTable(m.new())
	}
	_, found, err := k.queryAs(db.Statement.Context, "SELECT to_regclass(?) IS NOT NULL",
		k.quote(m.schema.Table))
	return err == nil && found[0][0] == true
}

// new returns a pointer to an empty struct.
func (m *model) new() any { return reflect.New(m.schema.ModelType).Interface() }

// slice returns a pointer to an empty slice.
func (m *model) slice() any { return reflect.New(reflect.SliceOf(m.schema.ModelType)).Interface() }

// keyHasTenant reports whether the tenant is part of the primary key.
func (m *model) keyHasTenant() bool { return m.tenant != nil && m.tenant.PrimaryKey }
