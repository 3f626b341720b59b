package tenanttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"
)

// leaks lists what of the other tenant is in what a statement returned: rows with its ID or with
// the key of one of its rows, and texts with its marker.
func (k *kit) leaks(m *model, seen any) []string {
	w := &walker{kit: k, m: m, found: map[string]bool{}, been: map[uintptr]bool{}}
	w.walk(reflect.ValueOf(seen))
	var lines []string
	for line := range w.found {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

type walker struct {
	*kit
	m     *model
	found map[string]bool
	been  map[uintptr]bool
}

func (w *walker) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !w.been[v.Pointer()] {
			w.been[v.Pointer()] = true
			w.walk(v.Elem())
		}
	case reflect.Interface:
		w.walk(v.Elem())
	case reflect.Struct:
		w.row(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				w.walk(v.Field(i))
			}
		}
	case reflect.Map:
		w.columns(v)
		for _, key := range v.MapKeys() {
			w.walk(v.MapIndex(key))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			w.text(string(v.Bytes()))
			return
		}
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.String:
		w.text(v.String())
	}
}

// text notes a text with the marker of theirs.
func (w *walker) text(s string) {
	if strings.Contains(s, w.theirs.marker) {
		w.found[fmt.Sprintf("%q", s)] = true
	}
}

// row notes a struct that is a row of theirs, by its tenant or by its key.
func (w *walker) row(v reflect.Value) {
	for _, m := range w.models {
		if m.tenant == nil || m.schema.ModelType != v.Type() || !v.CanAddr() {
			continue
		}
		for _, row := range m.rows[w.theirs.index] {
			if w.same([]*schema.Field{m.tenant}, row, v) || w.same(m.schema.PrimaryFields, row, v) {
				w.found[fmt.Sprintf("a row of %s with %s", m.schema.Table, w.describe(m, v))] = true
			}
		}
	}
}

func (w *walker) same(fields []*schema.Field, row, v reflect.Value) bool {
	for _, field := range fields {
		want, _ := w.valueOf(field, row)
		got, zero := w.valueOf(field, v)
		if zero || text(indirect(want)) != text(indirect(got)) {
			return false
		}
	}
	return len(fields) > 0
}

// columns notes a map that is a row of the attacked model.
func (w *walker) columns(v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		return
	}
	for _, row := range w.m.rows[w.theirs.index] {
		for _, fields := range [][]*schema.Field{{w.m.tenant}, w.m.schema.PrimaryFields} {
			same := len(fields) > 0
			for _, field := range fields {
				want, _ := w.valueOf(field, row)
				got := v.MapIndex(reflect.ValueOf(field.DBName).Convert(v.Type().Key()))
				same = same && got.IsValid() &&
					text(indirect(got.Interface())) == text(indirect(want))
			}
			if same {
				w.found[fmt.Sprintf("a row of %s: %v", w.m.schema.Table, v.Interface())] = true
			}
		}
	}
}

func indirect(value any) any {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

// describe names a row by its key and its tenant.
func (k *kit) describe(m *model, row reflect.Value) string {
	fields := slices.Clone(m.schema.PrimaryFields)
	if m.tenant != nil && !m.keyHasTenant() {
		fields = append(fields, m.tenant)
	}
	var parts []string
	for _, field := range fields {
		value, _ := k.valueOf(field, row)
		parts = append(parts, fmt.Sprintf("%s=%s", field.DBName, text(indirect(value))))
	}
	return strings.Join(parts, " ")
}
