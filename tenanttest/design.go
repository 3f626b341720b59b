package tenanttest

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
)

// findPlugin is the sub-test that looks for the plugin.
func (k *kit) findPlugin(db *gorm.DB) func(t *testing.T) {
	return func(t *testing.T) {
		if _, ok := db.Plugins[models.PluginName]; !ok {
			t.Fatal("the plugin is not registered on this *gorm.DB; add after gorm.Open:\n" +
				"\tdb.Use(tenantplugin.New()) // import tenantplugin " +
				"\"github.com/gormtenant/gormtenant/plugin\"")
		}
	}
}

// testDesign looks at how a model is made.
func (k *kit) testDesign(t *testing.T, m *model) {
	t.Helper()
	if m.tenant == nil {
		if !k.shared[m.schema.ModelType] {
			k.sub(t, m, "no_tenant", func(t *testing.T) {
				t.Errorf("%s has no tenant field: all tenants read and change the same rows; add "+
					"to the struct:\n\tmodels.TenantModel\nor, if that is right, to the "+
					"arguments of Run:\n\ttenanttest.Shared(&%s{})",
					m.schema.Name, m.schema.Name)
			})
		}
		return
	}
	k.testColumn(t, m)
	for _, i := range m.indexes {
		if i.unique && !i.has(m.tenant.DBName) && !m.hangsOn(i) && (!m.isKey(i) || m.natural) {
			k.testUnique(t, m, i)
		}
	}
	done := map[string]bool{}
	for _, r := range m.refs {
		if r.parent.tenant != nil && !done[r.name()] {
			done[r.name()] = true
			k.testReference(t, m, r)
		}
	}
}

// hangsOn reports whether an index holds a foreign key to a tenant's row with a generated key.
// Values then collide only among the children of one parent. Whether another tenant's parent can be
// named is testReference's concern.
func (m *model) hangsOn(i index) bool {
	refs, _ := m.refsIn(i)
	return slices.ContainsFunc(refs, func(r *ref) bool {
		if r.parent.tenant == nil || r.parent.natural {
			return false
		}
		return !slices.ContainsFunc(r.columns(), func(column string) bool { return !i.has(column) })
	})
}

// testColumn looks at the tenant column and its index.
func (k *kit) testColumn(t *testing.T, m *model) {
	t.Helper()
	k.sub(t, m, "tenant_not_null", func(t *testing.T) {
		if m.nullable {
			t.Errorf("%s.%s may be NULL: such a row is nobody's and nobody finds it; give the "+
				"field the tag:\n\t%s %s `gorm:\"%s\"`",
				m.schema.Table, m.tenant.DBName, m.tenant.Name, m.tenant.FieldType,
				"tenant;not null;index")
		}
	})
	k.sub(t, m, "tenant_index", func(t *testing.T) {
		k.skipOwn(t)
		for _, i := range m.indexes {
			if !i.partial && len(i.columns) > 0 && i.columns[0] == m.tenant.DBName {
				return
			}
		}
		t.Errorf("no index of %s begins with %s: every query of a tenant reads the rows of all; "+
			"give the field the tag:\n\t%s %s `gorm:\"%s\"`",
			m.schema.Table, m.tenant.DBName, m.tenant.Name, m.tenant.FieldType,
			"tenant;not null;index")
	})
}

// skipOwn skips what is no flaw where each tenant has tables of its own.
func (k *kit) skipOwn(t *testing.T) {
	t.Helper()
	if k.own {
		t.Skip("each tenant has tables of its own")
	}
}

// testUnique reports a unique index by which one tenant learns what another has.
func (k *kit) testUnique(t *testing.T, m *model, i index) {
	t.Helper()
	var fields []string
	for _, column := range i.columns {
		name := column
		if field := m.schema.FieldsByDBName[column]; field != nil {
			name = field.Name
		}
		fields = append(fields, name)
	}
	columns := strings.Join(slices.DeleteFunc(slices.Clone(i.columns),
		func(c string) bool { return c == "" }), "_")
	if columns == "" {
		columns = i.name // an index on expressions alone
	}
	k.sub(t, m, "unique_"+columns, func(t *testing.T) {
		k.skipOwn(t)
		if m.isKey(i) {
			t.Errorf("the application chooses the primary key of %s, and it does not carry the "+
				"tenant: a tenant learns which keys others have, and cannot use them; make the "+
				"tenant part of it:\n\t%s %s `gorm:\"primaryKey;tenant\"`",
				m.schema.Table, m.tenant.Name, m.tenant.FieldType)
			return
		}
		name := "idx_" + m.schema.Table + "_" + columns
		t.Errorf("unique index %s of %s is over all tenants: a tenant learns that another has a "+
			"value, and cannot use it; put the tenant in front:\n\t%s %s `gorm:\"tenant;not "+
			"null;uniqueIndex:%s,priority:1\"`\n\t%s `gorm:\"uniqueIndex:%s,priority:2\"`",
			i.name, m.schema.Table, m.tenant.Name, m.tenant.FieldType, name,
			strings.Join(fields, ", "), name)
	})
}

// testReference reports a foreign key that a row of another tenant can be written into.
func (k *kit) testReference(t *testing.T, m *model, r *ref) {
	t.Helper()
	k.sub(t, m, "foreign_key_"+r.name(), func(t *testing.T) {
		k.skipOwn(t)
		if r.carriesTenant(m) {
			return
		}
		ways := k.referWays(m, r)
		err := k.tryWay(ways[0])
		for _, way := range ways[1:] { // tenantplugin.CheckReferences looks after it
			if !errors.Is(err, gormtenant.ErrOtherTenant) {
				break
			}
			if missed := k.tryWay(way); missed == nil {
				t.Errorf("%s succeeded with the key of a %s of another tenant, but db.Create of "+
					"a struct did not",
					way.call, r.parent.schema.Name)
			}
		}
		if errors.Is(err, gormtenant.ErrOtherTenant) {
			return
		}
		parent := r.parent.schema.Name
		t.Errorf("%s of %s can be set to the key of a %s of another tenant; make the tenant part "+
			"of the foreign key:\n\t`gorm:\"foreignKey:%s;references:%s\"`\nor let the plugin "+
			"look the key up whenever it is "+
			"written:\n\tdb.Use(tenantplugin.New(tenantplugin.CheckReferences()))",
			strings.Join(r.columns(), ", "), m.schema.Table, parent,
			m.tenant.Name+","+strings.Join(r.fields(false), ","),
			r.parent.tenant.Name+","+strings.Join(r.fields(true), ","))
	})
}

// columns are those of the foreign key.
func (r *ref) columns() []string {
	var names []string
	for _, p := range r.pairs {
		names = append(names, p.foreign.DBName)
	}
	return names
}

// fields are those of the foreign key, or those that it refers to.
func (r *ref) fields(primary bool) []string {
	var names []string
	for _, p := range r.pairs {
		if primary {
			names = append(names, p.primary.Name)
		} else {
			names = append(names, p.foreign.Name)
		}
	}
	return names
}

// set makes a foreign key of row name the row to.
func (k *kit) set(m *model, row reflect.Value, r *ref, to reflect.Value) {
	for _, p := range r.pairs {
		if value, _ := k.valueOf(p.primary, to); p.foreign != m.tenant {
			_ = p.foreign.Set(k.db.Statement.Context, row, value)
		}
	}
	if r.kind != nil {
		_ = r.kind.Set(k.db.Statement.Context, row, r.value)
	}
}
