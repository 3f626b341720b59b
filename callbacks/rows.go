package callbacks

import (
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// eachRow calls yield for each struct in value, a struct or a slice of structs or of pointers to
// them, until it returns false. Nil pointers and elements of other types are left to GORM, which
// has errors of its own for them.
func eachRow(value reflect.Value, yield func(row reflect.Value) bool) {
	value = indirect(value)
	if value.Kind() != reflect.Slice && value.Kind() != reflect.Array {
		if value.Kind() == reflect.Struct {
			yield(value)
		}
		return
	}
	for i := range value.Len() {
		if row := indirect(value.Index(i)); row.Kind() == reflect.Struct && !yield(row) {
			return
		}
	}
}

func indirect(value reflect.Value) reflect.Value {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	return value
}

// indirectValue returns what a value points at.
func indirectValue(value any) any {
	if reflected := indirect(reflect.ValueOf(value)); reflected.IsValid() {
		return reflected.Interface()
	}
	return nil
}

// eachOwn is eachRow for the rows of a statement that are of its own model.
func eachOwn(stmt *gorm.Statement, yield func(row reflect.Value) bool) {
	eachRow(stmt.ReflectValue, func(row reflect.Value) bool {
		return stmt.Schema == nil || row.Type() != stmt.Schema.ModelType || yield(row)
	})
}

// holdsAny reports whether the rows of a statement hold rows of one of its model's relations.
func holdsAny(stmt *gorm.Statement, relations []*schema.Relationship) bool {
	found := false
	for _, relation := range relations {
		eachOwn(stmt, func(row reflect.Value) bool {
			_, zero := relation.Field.ValueOf(stmt.Context, row)
			found = found || !zero
			return !found
		})
	}
	return found
}

// keysIn returns the keys that rows of the statement's model hold in memory.
func keysIn(
	stmt *gorm.Statement, fields []*schema.Field, counts func(row reflect.Value) bool,
) [][]any {
	var keys [][]any
	eachOwn(stmt, func(row reflect.Value) bool {
		if !counts(row) {
			return true
		}
		key, empty := make([]any, len(fields)), true
		for i, field := range fields {
			var zero bool
			key[i], zero = field.ValueOf(stmt.Context, row)
			empty = empty && zero
		}
		if !empty {
			keys = append(keys, key)
		}
		return true
	})
	return keys
}

func allRows(reflect.Value) bool { return true }

// mapsOf returns the rows of a create from maps.
func mapsOf(dest any) []map[string]any {
	switch rows := indirectValue(dest).(type) {
	case map[string]any:
		return []map[string]any{rows}
	case []map[string]any:
		return rows
	}
	return nil
}

// valueIn returns what a map holds for a field, under its name or its column, and in how many
// spellings.
func valueIn(row map[string]any, field *schema.Field) (value any, times int) {
	for name, held := range row {
		if spells(name, field) {
			value = held
			times++
		}
	}
	return value, times
}

// spells reports whether a name in a map is the column of field. SQLite and MySQL match in any
// case.
func spells(name string, field *schema.Field) bool {
	return name == field.Name || strings.EqualFold(bareName(name), field.DBName)
}

func names(fields []*schema.Field) []string {
	columns := make([]string, len(fields))
	for i, field := range fields {
		columns[i] = field.DBName
	}
	return columns
}
