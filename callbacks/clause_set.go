package callbacks

import (
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// buildSet keeps the tenant column out of SET. Save writes every column, the tenant's zero value
// included; Citus refuses to set a distribution column even to the value that it has.
func buildSet(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	r := runOf(stmt)
	set, ok := c.Expression.(clause.Set)
	if r != nil && stmt.Error == nil && ok && r.own.table != nil && !r.open {
		if scoped, changed := r.scopeSet(set); changed {
			c.Expression = scoped
		}
	}
	if stmt.Error == nil || r == nil {
		write(c, stmt, prev)
	}
}

// scopeSet returns set without the tenant column, and whether that is another. It refuses a set
// that would change the tenant.
func (r *run) scopeSet(set clause.Set) (kept clause.Set, changed bool) {
	stmt, t, s := r.stmt, r.own.table, r.scope
	kept = set[:0:0]
	for i, a := range set {
		switch isTenant := t.isColumn(stmt, a.Column.Name); {
		case isTenant && !s.unscoped:
			if err := r.checkAssigned(a.Value, set); err != nil {
				failBuild(stmt, t.Name, err)
				return set, false
			}
		case isTenant && isZero(a.Value):
			if _, ok := stmt.Dest.(map[string]any); ok && !unlinks(stmt.Schema, set) {
				failBuild(stmt, t.Name, gormtenant.ErrNoTenant)
				return set, false
			}
		case len(kept) == i:
			kept = set[: i+1 : i+1] // Nothing was left out so far.
		default:
			kept = append(kept, a)
		}
	}
	if !s.unscoped {
		if err := r.checkAssignedReferences(kept); err != nil {
			failBuild(stmt, t.Name, err)
			return set, false
		}
	}
	if len(kept) == len(set) && len(kept) > 0 {
		return set, false
	}
	if len(kept) == 0 {
		kept = t.sameValue(stmt)
	}
	return kept, true
}

// checkAssigned decides on an assignment to the tenant column. The tenant itself is dropped in
// silence, and so is the zero value of a struct, which says nothing. A map says what it holds.
func (r *run) checkAssigned(value any, set clause.Set) error {
	fromStruct := r.fromStruct || isStruct(r.stmt.Dest)
	switch {
	case r.own.table.isTenant(value, r.bound), fromStruct && isZero(value),
		unlinks(r.stmt.Schema, set):
		return nil
	case fromStruct:
		return errAssigned
	}
	return gormtenant.ErrTenantChange
}

// checkDropped refuses a change of the tenant that GORM would drop in silence: the field may only
// be written by a create.
func (r *run) checkDropped(db *gorm.DB) {
	t := r.own.table
	if t.Field == nil || t.Field.Updatable {
		return
	}
	for _, row := range mapsOf(db.Statement.Dest) {
		for name, value := range row {
			if spells(name, t.Field) && !t.isTenant(value, r.bound) {
				fail(db, r.op, t.Name, gormtenant.ErrTenantChange)
				return
			}
		}
	}
}

// unlinks reports whether set takes a key of several columns apart, as Association.Delete and Clear
// do: each column of the key becomes NULL. The tenant stays what it is.
func unlinks(model *schema.Schema, set clause.Set) bool {
	cleared := map[string]bool{}
	for _, a := range set {
		if a.Value == nil {
			cleared[a.Column.Name] = true
		}
	}
	if model == nil || len(cleared) < 2 {
		return false
	}
	defer lockRelations(model)()
	for _, relation := range model.Relationships.Relations {
		of := 0
		for _, ref := range relation.References {
			if ref.ForeignKey.Schema == model && cleared[ref.ForeignKey.DBName] {
				of++
			}
		}
		if of == len(cleared) {
			return true
		}
	}
	return false
}

// lockRelations keeps the relations of a model as they are until the function that it returns is
// called: GORM adds to them when it parses another model that refers to this one. Its mutex is
// looked up by name because GORM before 1.26 has none, and leaves that race to its callers.
func lockRelations(model *schema.Schema) (unlock func()) {
	field := reflect.ValueOf(&model.Relationships).Elem().FieldByName("Mux")
	if field.IsValid() {
		if mutex, ok := field.Addr().Interface().(*sync.RWMutex); ok {
			mutex.RLock()
			return mutex.RUnlock
		}
	}
	return func() {}
}

// sameValue returns an assignment that changes nothing, for an update of which nothing is left.
func (t *table) sameValue(stmt *gorm.Statement) clause.Set {
	model := t.Model
	if stmt.Schema != nil {
		model = stmt.Schema
	}
	same := clause.Column{}
	for _, name := range model.DBNames {
		if t.isColumn(stmt, name) {
			continue
		}
		field := model.FieldsByDBName[name]
		ordinary := field.Updatable && !field.PrimaryKey
		if same.Name == "" || ordinary {
			same.Name = name
		}
		if ordinary { // rather than the key, or what only a create writes
			break
		}
	}
	if same.Name == "" {
		failBuild(stmt, t.Name, gormtenant.ErrTenantChange)
		return nil
	}
	return clause.Set{{Column: same, Value: same}}
}

// isColumn reports whether name, in whatever spelling, is a tenant column: tenant_id, TENANT_ID,
// projects.tenant_id, "tenant_id". SQLite and MySQL match columns in any case.
func (t *table) isColumn(stmt *gorm.Statement, name string) bool {
	if t.Field == nil {
		return false
	}
	if name == clause.PrimaryKey {
		return isPrimaryKey(stmt.Schema, t.Field.DBName)
	}
	return (*tenanttable.Table)(t).IsColumn(bareName(name))
}

func isPrimaryKey(model *schema.Schema, column string) bool {
	return model != nil && model.PrioritizedPrimaryField != nil &&
		model.PrioritizedPrimaryField.DBName == column
}

// lastPart returns the table's name without its schema.
func lastPart(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

// bareName returns the last part of a qualified and quoted name.
func bareName(name string) string {
	return strings.Trim(lastPart(strings.Trim(name, " \t\r\n\"`[]")), " \t\r\n\"`[]")
}

// isStruct reports whether dest is a struct, or a slice of them, rather than a map.
func isStruct(dest any) bool {
	kind := reflect.TypeOf(dest)
	for kind != nil && (kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice ||
		kind.Kind() == reflect.Array) {
		kind = kind.Elem()
	}
	return kind != nil && kind.Kind() == reflect.Struct
}
