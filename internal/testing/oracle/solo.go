package oracle

import (
	"reflect"

	"gorm.io/gorm"
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
