package oracle

import (
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// fillTenant writes A into the empty tenant fields of what is about to be created, as an
// application of one customer would.
func fillTenant(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || stmt.Schema == nil {
		return
	}
	field := stmt.Schema.FieldsByDBName["tenant_id"]
	if field == nil {
		return // a join table
	}
	fill := func(row reflect.Value) {
		row = reflect.Indirect(row)
		if !row.IsValid() || row.Type() != stmt.Schema.ModelType || !row.CanAddr() {
			return
		}
		if _, zero := field.ValueOf(stmt.Context, row); zero {
			_ = field.Set(stmt.Context, row, A)
		}
	}
	switch rows := reflect.Indirect(stmt.ReflectValue); rows.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range rows.Len() {
			fill(rows.Index(i))
		}
	case reflect.Struct:
		fill(rows)
	}
}

// fillDuplicates copies the tenant to what GORM has left out of a create, because another with its
// key was in it: the plugin fills both.
func fillDuplicates(db *gorm.DB) {
	stmt := db.Statement
	if stmt.Schema == nil {
		return
	}
	of := &stmt.Schema.Relationships
	for _, relation := range slices.Concat(of.BelongsTo, of.HasMany, of.Many2Many) {
		field := relation.FieldSchema.FieldsByDBName["tenant_id"]
		if field == nil {
			continue
		}
		byKey := map[string][]reflect.Value{}
		eachStruct(stmt.ReflectValue, func(row reflect.Value) {
			if row.Type() != stmt.Schema.ModelType {
				return
			}
			eachStruct(relation.Field.ReflectValueOf(stmt.Context, row), func(row reflect.Value) {
				if row.Type() == relation.FieldSchema.ModelType && row.CanAddr() {
					key := primaryKey(db, relation.FieldSchema, row)
					byKey[key] = append(byKey[key], row)
				}
			})
		})
		for _, same := range byKey {
			filled := false
			for _, row := range same {
				value, _ := field.ValueOf(stmt.Context, row)
				filled = filled || value == any(A)
			}
			for _, row := range same {
				if _, zero := field.ValueOf(stmt.Context, row); filled && zero {
					_ = field.Set(stmt.Context, row, A)
				}
			}
		}
	}
}

// primaryKey returns the primary key of a row as text.
func primaryKey(db *gorm.DB, of *schema.Schema, row reflect.Value) (key string) {
	for _, field := range of.PrimaryFields {
		value, _ := field.ValueOf(db.Statement.Context, row)
		key += fmt.Sprint(value, " ")
	}
	return key
}

// eachStruct calls fn with a struct, or with those of a list, behind pointers or not.
func eachStruct(of reflect.Value, fn func(row reflect.Value)) {
	switch of = reflect.Indirect(of); of.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range of.Len() {
			eachStruct(of.Index(i), fn)
		}
	case reflect.Struct:
		fn(of)
	}
}
