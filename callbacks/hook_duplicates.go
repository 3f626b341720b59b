package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// fillAssociated fills the tenant into the rows of the relations that are about to be saved with
// the statement's own, and refuses one that has another. The create of those rows does the same,
// but GORM gives it only one of several with the same key, and takes the keys of all of them.
func (g *guard) fillAssociated(db *gorm.DB) {
	stmt := db.Statement
	r := runOf(stmt)
	if db.Error != nil || r == nil || r.err != nil || r.scope.id == nil || stmt.Schema == nil ||
		db.DryRun { // Nothing is saved, and a copy shares these rows with what it is of.
		return
	}
	var saved saved
	relations := &stmt.Schema.Relationships
	if kind := stmt.ReflectValue.Kind(); kind == reflect.Slice || kind == reflect.Array {
		r.fillRelations(db, relations.BelongsTo, &saved)
	}
	r.fillRelations(db, relations.HasMany, &saved)
	r.fillRelations(db, relations.Many2Many, &saved)
}

func (r *run) fillRelations(db *gorm.DB, relations []*schema.Relationship, saved *saved) {
	for _, relation := range relations {
		var t *table // found where a row holds something
		var bound any
		eachOwn(r.stmt, func(row reflect.Value) bool {
			held := fieldIn(row, relation.Field)
			if !held.IsValid() || held.IsZero() {
				return true
			}
			if t == nil {
				if t, bound = r.tableOf(relation); t == nil {
					return false
				}
			}
			r.fillRelation(db, relation, t, bound, held, saved)
			return db.Error == nil
		})
	}
}

// tableOf returns the table of a relation's rows and the tenant as its column has it, nil where the
// rows are nobody's, or the tenant is no ID there, which the create of the rows tells.
func (r *run) tableOf(relation *schema.Relationship) (t *table, bound any) {
	model := relation.FieldSchema
	schemaName, name := tenanttable.Split(model.Table)
	known, _ := r.guard.tables.View().Of(model, schemaName, name)
	if t = (*table)(known); t == nil || t.Field == nil {
		return nil, nil
	}
	bound, err := t.bind(r.scope.id)
	if err != nil {
		return nil, nil
	}
	return t, bound
}

// fillRelation fills the tenant into what a row holds for a relation.
func (r *run) fillRelation(
	db *gorm.DB, relation *schema.Relationship, t *table, bound any, held reflect.Value,
	saved *saved,
) {
	eachRow(held, func(row reflect.Value) bool {
		if !t.isModel(row) || !row.CanAddr() {
			return true
		}
		zero, same := t.tenantOf(r.stmt.Context, row, bound)
		switch {
		case same || !saved.holds(r, relation):
		case zero:
			_ = db.AddError(t.Field.Set(r.stmt.Context, row, bound))
		default:
			fail(db, "create", t.Name, gormtenant.ErrOtherTenant)
		}
		return db.Error == nil
	})
}

// saved tells which relations Select and Omit of a statement let GORM save.
type saved struct {
	known, restricted bool
	columns           map[string]bool
}

// holds reports whether the rows of a relation are saved.
func (s *saved) holds(r *run, relation *schema.Relationship) bool {
	if !s.known {
		create := r.op == "create"
		s.columns, s.restricted = r.stmt.SelectAndOmitColumns(create, !create)
		s.known = true
	}
	chosen, named := s.columns[relation.Name]
	if named && !chosen || !named && s.restricted {
		return false
	}
	chosen, named = s.columns[relation.Name+".*"]
	return relation.Type != schema.Many2Many || !named || chosen
}

// fieldIn returns what a row holds in a field, the zero Value where it is in an embedded pointer
// that is nil.
func fieldIn(row reflect.Value, field *schema.Field) reflect.Value {
	for _, index := range field.StructField.Index {
		if index >= 0 {
			row = row.Field(index)
			continue
		}
		// GORM's index of an embedded pointer.
		if row = row.Field(-index - 1); row.IsNil() {
			return reflect.Value{}
		}
		row = row.Elem()
	}
	return row
}
