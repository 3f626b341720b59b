package tenanttest

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// filler makes the values of one new row.
type filler struct {
	*kit
	m *model
	// n counts all rows of the model, shared those of one tenant: rows with the same natural keys in
	// both tenants have the same.
	n, shared int
	marker    string
	keyed     bool // the key is written too
}

// newRow returns a row of m for a tenant, a pointer to a struct: the nth of that tenant. The tenant
// is left to the plugin.
func (k *kit) newRow(m *model, t tenant, n int, keyed bool) (reflect.Value, error) {
	row := reflect.ValueOf(m.new())
	if factory, ok := k.factories[m.schema.ModelType]; ok {
		row = reflect.ValueOf(factory())
		if row.IsNil() {
			return row, fmt.Errorf("the Factory of %s returned nil", m.schema.Name)
		}
	} else {
		f := filler{kit: k, m: m, n: 50*t.index + n, shared: n, marker: t.marker, keyed: keyed}
		for _, field := range m.schema.Fields {
			if err := f.fill(field, row); err != nil {
				return row, err
			}
		}
	}
	return row, k.refer(m, row, t, n)
}

// fill sets one field, where nobody else does.
func (f *filler) fill(field *schema.Field, row reflect.Value) error {
	if field.DBName == "" || !field.Creatable || field == f.m.tenant || f.m.schema.FieldsByDBName[field.DBName] != field ||
		field.AutoCreateTime > 0 || field.AutoUpdateTime > 0 || field.Serializer != nil || f.m.isForeign(field) ||
		isSoftDelete(field) {
		return nil
	}
	if field.PrimaryKey && (field.AutoIncrement || field.HasDefaultValue || !f.keyed) ||
		field.HasDefaultValue && !field.PrimaryKey {
		return nil
	}
	value := f.value(field)
	if value == nil {
		return nil
	}
	if err := field.Set(f.db.Statement.Context, row, value); err != nil {
		return fmt.Errorf("field %s: %w", field.Name, err)
	}
	return nil
}

// value returns a value for a field, nil where none can be made up.
func (f *filler) value(field *schema.Field) any {
	limits, natural := limitsOf(field), f.m.isNatural(field)
	n := f.n
	if natural {
		n = f.shared
	}
	if isUUID(field) {
		return fmt.Sprintf("%s-0000-4000-8000-%012d", f.stamp, f.unique(natural))
	}
	switch field.DataType {
	case schema.Bool:
		return f.marker == f.ours.marker
	case schema.Int, schema.Uint:
		if field.PrimaryKey || f.m.isUnique(field) {
			n = f.unique(natural)
		}
		return int64(limits.number(float64(n)))
	case schema.Float:
		return limits.number(float64(n))
	case schema.String:
		if strings.Contains(strings.ToLower(field.TagSettings["TYPE"]), "json") {
			return fmt.Sprintf("{%q: %q}", "note", f.marker)
		}
		name := f.marker
		if natural {
			name = f.stamp
		}
		return limits.text(fmt.Sprintf("%s %s %d", strings.ToLower(field.Name), name, n), n)
	case schema.Time:
		return time.Date(2001, 2, 3, n, 0, 0, 0, time.UTC)
	case schema.Bytes:
		return []byte(fmt.Sprintf("%s %d", f.marker, n))
	}
	if field.DataType == "json" || field.DataType == "jsonb" {
		return fmt.Sprintf("{%q: %q}", "note", f.marker)
	}
	return nil
}

// unique numbers rows over all tenants, or equally in each of them.
func (f *filler) unique(natural bool) int {
	if natural {
		return 1_000_000 + f.shared
	}
	return 2_000_000 + f.n
}

// isUUID says whether a field holds UUIDs: by its column type, or because it is an array of 16 bytes.
func isUUID(field *schema.Field) bool {
	t := field.IndirectFieldType
	return strings.EqualFold(string(field.DataType), "uuid") || strings.EqualFold(field.TagSettings["TYPE"], "uuid") ||
		t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// isSoftDelete says whether a field marks rows as deleted: GORM asks its type for a delete clause.
func isSoftDelete(field *schema.Field) bool {
	_, ok := reflect.New(field.IndirectFieldType).Interface().(schema.DeleteClausesInterface)
	return ok
}

var _ schema.DeleteClausesInterface = gorm.DeletedAt{}

// isForeign says whether a field is part of a foreign key.
func (m *model) isForeign(field *schema.Field) bool {
	for _, r := range m.refs {
		if field == r.kind {
			return true
		}
		for _, p := range r.pairs {
			if field == p.foreign {
				return true
			}
		}
	}
	return false
}

// isUnique says whether a field is in a unique index, the key included.
func (m *model) isUnique(field *schema.Field) bool {
	for _, i := range m.indexes {
		if i.unique && i.has(field.DBName) {
			return true
		}
	}
	return false
}

// isNatural says whether both tenants may have the same value in a field: the unique indexes that it
// is in carry the tenant.
func (m *model) isNatural(field *schema.Field) bool {
	natural := false
	for _, i := range m.indexes {
		if i.unique && i.has(field.DBName) {
			if m.tenant == nil || !i.has(m.tenant.DBName) {
				return false
			}
			natural = true
		}
	}
	return natural
}

func (i index) has(column string) bool {
	for _, c := range i.columns {
		if c == column {
			return true
		}
	}
	return false
}
