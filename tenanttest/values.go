package tenanttest

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

// fresh returns a new row of a tenant that is not in the database, a pointer to a struct. It panics
// where that fails, which is a finding of the attack that asked for it.
func (k *kit) fresh(m *model, t tenant) reflect.Value {
	return k.mustMake(m, t, m.natural)
}

func (k *kit) mustMake(m *model, t tenant, keyed bool) reflect.Value {
	k.made++
	row, err := k.newRow(m, t, rowsEach+k.made%20, keyed)
	if err != nil {
		panic(err)
	}
	return row
}

// freshMap returns the columns of a new row of ours that are not empty. No hook gives a map its
// key.
func (k *kit) freshMap(m *model) map[string]any {
	row := k.mustMake(m, k.ours, true)
	values := map[string]any{}
	for _, name := range m.schema.DBNames {
		field := m.schema.FieldsByDBName[name]
		if value, zero := k.valueOf(field, row); (!zero || field.NotNull) &&
			(!field.AutoIncrement || m.isForeign(field)) && field != m.tenant {
			values[name] = value
		}
	}
	return values
}

// newValue is another value for a column of a row of ours.
func (k *kit) newValue(m *model, field *schema.Field) any {
	row := reflect.ValueOf(m.new())
	k.made++
	k.filler(m, k.ours, rowsEach+k.made%20, false).fill(field, row)
	value, _ := k.valueOf(field, row)
	return value
}

// keyed returns a row that has nothing but the key of another.
func (k *kit) keyed(m *model, row reflect.Value) any {
	key := reflect.New(m.schema.ModelType)
	for _, field := range m.schema.PrimaryFields {
		value, _ := k.valueOf(field, row)
		_ = field.Set(k.db.Statement.Context, key, value)
	}
	return key.Interface()
}

// withKey returns a new row of ours with the key of another row.
func (k *kit) withKey(m *model, row reflect.Value) reflect.Value {
	fresh := k.fresh(m, k.ours)
	for _, field := range m.schema.PrimaryFields {
		value, _ := k.valueOf(field, row)
		_ = field.Set(k.db.Statement.Context, fresh, value)
	}
	return fresh
}

// copied returns a copy of a row without its relations: what the application had in its hands.
func (k *kit) copied(m *model, row reflect.Value) reflect.Value {
	c := reflect.New(m.schema.ModelType)
	c.Elem().Set(row.Elem())
	for i := range c.Elem().NumField() { // what is written into the copy must not be in the row too
		clonePointer(c.Elem().Field(i))
	}
	for _, field := range m.schema.Fields {
		clonePointer(field.ReflectValueOf(k.db.Statement.Context, c.Elem()))
	}
	for _, relation := range relationsOf(m.schema) {
		field := relation.Field.ReflectValueOf(k.db.Statement.Context, c.Elem())
		field.Set(reflect.Zero(field.Type()))
	}
	return c
}

func clonePointer(v reflect.Value) {
	if v.Kind() == reflect.Pointer && !v.IsNil() && v.CanSet() {
		clone := reflect.New(v.Type().Elem())
		clone.Elem().Set(v.Elem())
		v.Set(clone)
	}
}

// setTenant sets the tenant of a row.
func (k *kit) setTenant(m *model, row reflect.Value, t tenant) {
	_ = m.tenant.Set(k.db.Statement.Context, row, k.tenantID(m, t))
}

// tenantID is the ID of a tenant in the type of the tenant field.
func (k *kit) tenantID(m *model, t tenant) any {
	id, _ := k.valueOf(m.tenant, m.rows[t.index][0])
	return id
}

// column is a field that updates can write: no key, and nothing that is unique. It is nil if there
// is none.
func (m *model) column() *schema.Field {
	for _, want := range []schema.DataType{
		schema.String, schema.Int, schema.Uint, schema.Float, schema.Bool, schema.Time,
	} {
		for _, field := range m.schema.Fields {
			if field.DBName != "" && field.GORMDataType == want && field.Updatable &&
				!field.PrimaryKey && field != m.tenant &&
				field.AutoCreateTime == 0 && field.AutoUpdateTime == 0 && field.Serializer == nil &&
				m.schema.FieldsByDBName[field.DBName] == field &&
				!m.isForeign(field) && !m.isUnique(field) && !isSoftDelete(field) &&
				len(m.limitsOf(field).list) == 0 {
				return field
			}
		}
	}
	return nil
}

// literal writes the key of a row as in &Project{ID: 7}.
func (k *kit) literal(m *model, row reflect.Value) string {
	return "&" + m.schema.Name + "{" + k.fields(m, row) + "}"
}

func (k *kit) fields(m *model, row reflect.Value) string {
	var parts []string
	for _, field := range m.schema.PrimaryFields {
		value, _ := k.valueOf(field, row)
		switch v := indirect(value).(type) {
		case string:
			parts = append(parts, fmt.Sprintf("%s: %q", field.Name, v))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s", field.Name, text(v)))
		}
	}
	return strings.Join(parts, ", ")
}

// snake writes a name as those of columns are written: DueTasks, due_tasks.
func snake(name string) string { return schema.NamingStrategy{}.ColumnName("", name) }
