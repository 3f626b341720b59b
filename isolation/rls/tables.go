package rls

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
)

// table is a table that gets a policy: that of a tenant model, or a join table whose rows belong to
// the tenants of the rows that they join.
type table struct {
	name   string
	column string // of the tenant, "" for a join table
	kind   string // the type of that column, as a cast
	model  string // the type that the model gives it
	owners []owner
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

// reader finds the tables of models.
type reader struct {
	db     *gorm.DB
	plugin plugin // nil if the *gorm.DB has none
	tables []*table
	seen   map[reflect.Type]bool
}

// tablesOf returns the tables of the tenant models among those given, those of the models that they
// are related to, and their join tables.
func tablesOf(db *gorm.DB, given []any) ([]*table, error) {
	r := &reader{db: db, seen: map[reflect.Type]bool{}}
	r.plugin, _ = db.Plugins[models.PluginName].(plugin)
	if len(given) == 0 && r.plugin != nil {
		given = r.plugin.Models(db)
	}
	if len(given) == 0 {
		return nil, errors.New("gormtenant: rls knows no models: pass them, as in rls.Enable(db, &Project{}), " +
			"or name them to the plugin with tenantplugin.Models")
	}
	for _, model := range given {
		if err := r.read(model); err != nil {
			return nil, err
		}
	}
	if len(r.tables) == 0 {
		return nil, fmt.Errorf("%w: none of the models has a tenant field", gormtenant.ErrInvalidModel)
	}
	sort.Slice(r.tables, func(i, j int) bool { return r.tables[i].name < r.tables[j].name })
	return r.tables, nil
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
		if relation.JoinTable != nil {
			if err := r.joinTable(relation); err != nil {
				return err
			}
		}
	}
	return nil
}

// tenantTable returns the table of a model, nil if it belongs to no tenant.
func (r *reader) tenantTable(model *schema.Schema) (*table, error) {
	if known := r.known(model.Table); known != nil {
		return known, nil
	}
	field, err := r.tenantField(model)
	if err != nil || field == nil {
		return nil, err
	}
	t := &table{name: model.Table, column: field.DBName, model: castTo(r.db.Dialector.DataTypeOf(field))}
	if t.kind, err = r.typeOf(model.Table, field); err != nil {
		return nil, err
	}
	if t.kind == "" {
		t.kind = t.model
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
	if own, err := r.tenantTable(relation.JoinTable); own != nil || err != nil {
		return err // it has a tenant column itself
	}
	join := &table{name: relation.JoinTable.Table}
	if r.known(join.name) != nil {
		return nil
	}
	for _, side := range []struct {
		model *schema.Schema
		own   bool
	}{{relation.Schema, true}, {relation.FieldSchema, false}} {
		t, err := r.tenantTable(side.model)
		if err != nil {
			return err
		}
		if t == nil {
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
	// Both models of the relation name this table; whichever comes first, the policy is the same.
	sort.Slice(join.owners, func(i, j int) bool { return join.owners[i].pairs[0].foreign < join.owners[j].pairs[0].foreign })
	if len(join.owners) > 0 {
		r.tables = append(r.tables, join)
	}
	return nil
}

// typeOf returns the type of a column as a cast, "" if there is no such column.
func (r *reader) typeOf(name string, field *schema.Field) (string, error) {
	var kind sql.NullString
	err := r.db.Session(&gorm.Session{NewDB: true}).Raw("SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) "+
		"FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid "+
		"WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped",
		quote(r.db, name), field.DBName).Row().Scan(&kind)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("gormtenant: reading the type of %s.%s: %w", name, field.DBName, err)
	}
	return castTo(kind.String), nil
}

// castTo returns the name of a type for a cast that shortens nothing: an ID that is longer than the
// column must not be cut to one that fits.
func castTo(kind string) string {
	base, _, _ := strings.Cut(kind, "(")
	base, _, _ = strings.Cut(base, " GENERATED ")
	base = strings.TrimSpace(base)
	if !strings.Contains(base, `"`) { // else its capitals matter
		base = strings.ToLower(base)
	}
	switch base {
	case "character", "char": // as a cast: one character
		return "bpchar"
	case "varchar":
		return "character varying"
	case "bigserial", "int8":
		return "bigint"
	case "serial", "int", "int4":
		return "integer"
	case "smallserial", "int2":
		return "smallint"
	case "decimal":
		return "numeric"
	}
	return base
}

// quote writes the name of a table or a column.
func quote(db *gorm.DB, name string) string { return db.Statement.Quote(clause.Table{Name: name}) }
