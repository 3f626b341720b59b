package transfer

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/place"
	"github.com/gormtenant/gormtenant/models"
)

// Plan is what is moved of one tenant: which tables, and which of their rows. It can be used by several
// goroutines.
type Plan struct {
	text   string // the tenant's ID
	tables []*table
}

// table is that of a tenant model, or a join table whose rows belong to the tenants of the rows that
// they join.
type table struct {
	name   string
	column string // of the tenant, "" for a join table
	owners []owner
	needs  []string // the tables that its rows refer to
}

// owner is a tenant model's table that a join table refers to.
type owner struct {
	table *table
	pairs []pair
}

// pair is a column of a join table and the one that it refers to.
type pair struct{ foreign, primary string }

// plugin is what gormtenant's plugin tells of models.
type plugin interface {
	TenantField(model *schema.Schema) (*schema.Field, error)
	Models(db *gorm.DB) []any
}

// Read finds the tables of a tenant: those of the tenant models among the given, of the models that they
// are related to, and many2many join tables. Models without a tenant field are not moved. Given no models
// it takes those that the plugin of db knows. Nothing is read from the database.
func Read(db *gorm.DB, tenant any, given ...any) (*Plan, error) {
	text, err := place.TextOf(tenant)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, gormtenant.ErrNoTenant
	}
	r := &reader{db: db, seen: map[reflect.Type]bool{}}
	r.plugin, _ = db.Plugins[models.PluginName].(plugin)
	if len(given) == 0 && r.plugin != nil {
		given = r.plugin.Models(db)
	}
	if len(given) == 0 {
		return nil, errors.New("gormtenant: moving a tenant needs its models: pass them, or name them to the plugin with tenantplugin.Models")
	}
	for _, model := range given {
		if err := r.read(model); err != nil {
			return nil, err
		}
	}
	if len(r.tables) == 0 {
		return nil, fmt.Errorf("%w: none of the models has a tenant field", gormtenant.ErrInvalidModel)
	}
	return &Plan{text: text, tables: parentsFirst(r.tables)}, nil
}

// Tables returns the names of the tables, each after those that it refers to.
func (p *Plan) Tables() []string {
	names := make([]string, len(p.tables))
	for i, t := range p.tables {
		names[i] = t.name
	}
	return names
}

func parentsFirst(tables []*table) []*table {
	sort.Slice(tables, func(i, j int) bool { return tables[i].name < tables[j].name })
	number := map[string]int{}
	for i, t := range tables {
		number[t.name] = i
	}
	var sorted []*table
	for _, group := range groups(len(tables), func(i int) []int { return known(tables[i].needs, number) }) {
		slices.Sort(group)
		for _, i := range group {
			sorted = append(sorted, tables[i])
		}
	}
	return sorted
}

// known returns the numbers of names, without those that have none.
func known(names []string, number map[string]int) []int {
	var numbers []int
	for _, name := range names {
		if i, ok := number[name]; ok {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// reader finds the tables of models.
type reader struct {
	db     *gorm.DB
	plugin plugin // nil if the *gorm.DB has none
	tables []*table
	seen   map[reflect.Type]bool
}

func (r *reader) read(model any) error {
	stmt := &gorm.Statement{DB: r.db}
	if err := stmt.Parse(model); err != nil {
		return fmt.Errorf("%w: %T: %w", gormtenant.ErrInvalidModel, model, err)
	}
	parsed := stmt.Schema
	if r.seen[parsed.ModelType] {
		return nil
	}
	r.seen[parsed.ModelType] = true
	if _, err := r.tenantTable(parsed); err != nil {
		return err
	}
	for name, relation := range parsed.Relationships.Relations {
		if name != relation.Name {
			continue // GORM's note of another model's relation to this one
		}
		if err := r.read(reflect.New(relation.FieldSchema.ModelType).Interface()); err != nil {
			return err
		}
		if err := r.relation(relation); err != nil {
			return err
		}
	}
	return nil
}

// relation notes which table needs which.
func (r *reader) relation(relation *schema.Relationship) error {
	child, parent := relation.FieldSchema, relation.Schema
	switch {
	case relation.JoinTable != nil:
		return r.joinTable(relation)
	case relation.Type == schema.BelongsTo:
		child, parent = parent, child
	}
	t, err := r.tenantTable(child)
	if t != nil {
		t.needs = append(t.needs, parent.Table)
	}
	return err
}

// tenantTable returns the table of a model, nil if it belongs to no tenant.
func (r *reader) tenantTable(model *schema.Schema) (*table, error) {
	if t := r.known(model.Table); t != nil {
		return t, nil
	}
	field, err := r.tenantField(model)
	if err != nil || field == nil {
		return nil, err
	}
	return r.add(&table{name: model.Table, column: field.DBName})
}

func (r *reader) add(t *table) (*table, error) {
	if strings.ContainsAny(t.name, ".") {
		return nil, fmt.Errorf("%w: the table %s is named with its schema, so its rows cannot be moved to another: "+
			"leave the schema to the search path", gormtenant.ErrInvalidModel, t.name)
	}
	r.tables = append(r.tables, t)
	return t, nil
}

func (r *reader) known(name string) *table {
	i := slices.IndexFunc(r.tables, func(t *table) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return r.tables[i]
}

func (r *reader) tenantField(model *schema.Schema) (*schema.Field, error) {
	if r.plugin != nil {
		return r.plugin.TenantField(model)
	}
	return models.Field(model, models.DefaultColumn)
}

// joinTable adds a join table, if the rows of one side at least belong to tenants.
func (r *reader) joinTable(relation *schema.Relationship) error {
	join, err := r.tenantTable(relation.JoinTable)
	if err != nil {
		return err
	}
	if join == nil {
		join = &table{name: relation.JoinTable.Table}
	}
	for _, side := range []struct {
		model *schema.Schema
		own   bool
	}{{relation.Schema, true}, {relation.FieldSchema, false}} {
		join.needs = append(join.needs, side.model.Table)
		t, err := r.tenantTable(side.model)
		if err != nil {
			return err
		}
		if t == nil || join.column != "" || r.known(join.name) != nil {
			continue
		}
		o := owner{table: t}
		for _, reference := range relation.References {
			if reference.PrimaryKey != nil && reference.OwnPrimaryKey == side.own {
				o.pairs = append(o.pairs, pair{reference.ForeignKey.DBName, reference.PrimaryKey.DBName})
			}
		}
		join.owners = append(join.owners, o)
	}
	if len(join.owners) > 0 && r.known(join.name) == nil {
		sort.Slice(join.owners, func(i, j int) bool { return join.owners[i].pairs[0].foreign < join.owners[j].pairs[0].foreign })
		_, err = r.add(join)
	}
	return err
}
