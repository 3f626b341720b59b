package tenanttest

import (
	"database/sql/driver"
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
	// n counts all rows of the model, shared those of one tenant: rows with the same natural keys
	// in both tenants have the same.
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
		f := k.filler(m, t, n, keyed)
		for _, field := range m.schema.Fields {
			if f.fills(field) {
				f.fill(field, row)
			}
		}
	}
	return row, k.refer(m, row, t, n)
}

func (k *kit) filler(m *model, t tenant, n int, keyed bool) *filler {
	return &filler{kit: k, m: m, n: 50*t.index + n, shared: n, marker: t.marker, keyed: keyed}
}

// fills reports whether a field is to be filled, because nobody else does.
func (f *filler) fills(field *schema.Field) bool {
	if field.DBName == "" || !field.Creatable || field == f.m.tenant ||
		f.m.schema.FieldsByDBName[field.DBName] != field ||
		field.AutoCreateTime > 0 || field.AutoUpdateTime > 0 || field.Serializer != nil ||
		f.m.isForeign(field) ||
		isSoftDelete(field) {
		return false
	}
	if field.PrimaryKey {
		return f.keyed && !field.AutoIncrement && !field.HasDefaultValue
	}
	return !field.HasDefaultValue
}

// fill sets a field to a value that its type takes. Where there is none it stays empty: the
// database decides whether that will do.
func (f *filler) fill(field *schema.Field, row reflect.Value) {
	ctx := f.db.Statement.Context
	for _, value := range []any{f.value(field), int64(1), "1"} { // the last two for enumerations
		if value == nil {
			return
		}
		if field.Set(ctx, row, value) == nil && writable(field.ReflectValueOf(ctx, row)) {
			return
		}
	}
	field.ReflectValueOf(ctx, row).SetZero()
}

// writable reports whether a value can be written: some types refuse values that they do not know.
func writable(value reflect.Value) bool {
	if valuer, ok := value.Interface().(driver.Valuer); ok &&
		(value.Kind() != reflect.Pointer || !value.IsNil()) {
		_, err := valuer.Value()
		return err == nil
	}
	return true
}

// value returns a value for a field, nil where none can be made up.
func (f *filler) value(field *schema.Field) any {
	limits, natural := f.m.limitsOf(field), f.m.isNatural(field)
	n := f.n
	if natural {
		n = f.shared
	}
	if isUUID(field) {
		return fmt.Sprintf("%s-0000-4000-8000-%012d", f.stamp, f.unique(natural))
	}
	switch field.GORMDataType {
	case schema.Bool:
		return f.marker == f.ours.marker
	case schema.Int, schema.Uint:
		if field.PrimaryKey || f.m.isUnique(field) {
			n = f.unique(natural)
		}
		return int64(limits.number(float64(n)))
	case schema.Float:
		return limits.number(float64(n))
	case schema.Time:
		return time.Date(2001, 2, 3, n, 0, 0, 0, time.UTC)
	case schema.Bytes:
		return []byte(fmt.Sprintf("%s %d", f.marker, n))
	}
	marker := f.marker
	if natural {
		marker = f.stamp
	}
	if text, ok := literal(field, limits, marker, n); ok {
		return text
	}
	if field.GORMDataType != schema.String {
		return nil
	}
	text := fmt.Sprintf("%s-%s-%d", strings.ToLower(field.Name), marker, n)
	if address := text + "@example.com"; strings.Contains(text, "mail") &&
		len(address) <= limits.maxLen && limits.like == "" {
		text = address // hooks often look whether it is one
	}
	return limits.text(text, n)
}

// unique numbers rows over all tenants, or equally in each of them.
func (f *filler) unique(natural bool) int {
	if natural {
		return 1_000_000 + f.shared
	}
	return 2_000_000 + f.n
}

// isUUID reports whether a field holds UUIDs: by its column type, or because it is an array of 16
// bytes.
func isUUID(field *schema.Field) bool {
	t := field.IndirectFieldType
	return strings.EqualFold(string(field.DataType), "uuid") ||
		strings.EqualFold(field.TagSettings["TYPE"], "uuid") ||
		t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// isSoftDelete reports whether a field marks rows as deleted: GORM asks its type for a delete
// clause.
func isSoftDelete(field *schema.Field) bool {
	_, ok := reflect.New(field.IndirectFieldType).Interface().(schema.DeleteClausesInterface)
	return ok
}

var _ schema.DeleteClausesInterface = gorm.DeletedAt{}

// isForeign reports whether a field is part of a foreign key.
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

// isUnique reports whether a field is in a unique index, the key included.
func (m *model) isUnique(field *schema.Field) bool {
	for _, i := range m.indexes {
		if i.unique && i.covers(field.DBName) {
			return true
		}
	}
	return false
}

// isNatural reports whether both tenants may have the same value in a field: the unique indexes
// that it is in carry the tenant.
func (m *model) isNatural(field *schema.Field) bool {
	natural := false
	for _, i := range m.indexes {
		if i.unique && i.covers(field.DBName) {
			if m.tenant == nil || !i.has(m.tenant.DBName) {
				return false
			}
			natural = true
		}
	}
	return natural
}
