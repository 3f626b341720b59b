package callbacks

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/models"
)

// table is a table of tenants, with what this package does with it.
type table tenanttable.Table

// reference is a foreign key that may name another tenant's row.
type reference tenanttable.Reference

// registry knows the tables of tenants.
type registry struct{ *tenanttable.Tables }

func newRegistry(db *gorm.DB, column string) *registry {
	return &registry{tenanttable.New(db, func(model *schema.Schema) (*schema.Field, error) {
		return models.Field(model, column)
	})}
}

// named returns the table of tenants with that name, nil where it is nobody's.
func (r *registry) named(name string) *table {
	schemaName, tableName := tenanttable.Split(name)
	return (*table)(r.View().Named(schemaName, tableName))
}

// tableOf returns the table of a model under its own name.
func (r *registry) tableOf(model *schema.Schema) (*table, error) {
	schemaName, tableName := tenanttable.Split(model.Table)
	t, err := r.View().Of(model, schemaName, tableName)
	return (*table)(t), err
}

// referring returns the foreign keys of t that may name rows of other tenants.
func (t *table) referring() []*reference {
	list := make([]*reference, len(t.References))
	for i, r := range t.References {
		list[i] = (*reference)(r)
	}
	return list
}

// Known returns the tenant models that are known on db, as pointers to structs, in the order of their
// tables' names: those that were named, migrated or used, and what they are related to.
func Known(db *gorm.DB) []any {
	if g := guardOf(db.ClauseBuilders["WHERE"]); g != nil {
		return g.tables.Models()
	}
	return nil
}
