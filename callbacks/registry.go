package callbacks

import (
	"reflect"

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

func newRegistry(db *gorm.DB, config Config) *registry {
	var only map[reflect.Type]bool
	if config.Only != nil {
		only = map[reflect.Type]bool{}
		for _, model := range config.Only {
			only[reflect.Indirect(reflect.ValueOf(model)).Type()] = true
		}
	}
	return &registry{tenanttable.New(db, func(model *schema.Schema) (*schema.Field, error) {
		if only != nil && !only[model.ModelType] {
			return nil, nil
		}
		return models.Field(model, config.Column)
	})}
}

// Known returns the tenant models that are known on db, as pointers to structs, in the order of
// their tables' names: those that were named, migrated or used, and what they are related to.
func Known(db *gorm.DB) []any {
	if g := guardOf(db.ClauseBuilders["WHERE"]); g != nil {
		return g.tables.Models()
	}
	return nil
}
