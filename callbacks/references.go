package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// checkCreatedReferences checks, just before an INSERT, the keys of other rows in the rows to be
// created. A row of a join table must join the tenant's own rows. Other tables are checked under
// CheckReferences, and where the row is a map: Association.Append creates maps without a look at
// the owner they refer to.
func (g *guard) checkCreatedReferences(db *gorm.DB) {
	if db.Error != nil || db.DryRun {
		return
	}
	own, err := g.target(db.Statement)
	if err != nil || own.table == nil {
		return // The clause builders refuse it.
	}
	s, err := resolve(db.Statement.Context)
	if err != nil || s.unscoped {
		return
	}
	if own.table.Field != nil && !own.table.Joins && !g.config.CheckReferences && isStruct(db.Statement.Dest) {
		return
	}
	for _, ref := range own.table.referring() {
		if slices.ContainsFunc(mapsOf(db.Statement.Dest), ref.spelledTwice) {
			fail(db, "create", own.table.Name, errSpelledTwice)
			return
		}
		keys := ref.keysOf(db.Statement)
		if len(keys) == 0 {
			continue
		}
		if err := g.checkKeys(db.Statement, own.table, ref, s.id, keys); err != nil {
			fail(db, "create", own.table.Name, err)
			return
		}
	}
}

// checkKeys makes sure that keys, which are about to be written to t, name rows of the tenant.
func (g *guard) checkKeys(stmt *gorm.Statement, t *table, ref *reference, id any, keys [][]any) error {
	look := lookup{stmt: stmt, table: (*table)(ref.Target), columns: names(ref.PrimaryKeys), id: id}
	if g.config.CheckReferences && !t.Joins {
		return look.allOwn(besides(keys, stmt, ref))
	}
	// Save writes the rows of a join table before a new row that it has to create after all.
	return look.noneOnlyForeign(keys)
}

// besides returns keys without those of the rows that the statement itself creates: a row may refer
// to itself, or to another of its batch. afterInsert sees to it that these are the tenant's.
func besides(keys [][]any, stmt *gorm.Statement, ref *reference) [][]any {
	if stmt.Schema == nil || lastPart(stmt.Schema.Table) != ref.Target.Name ||
		!slices.Equal(names(ref.PrimaryKeys), stmt.Schema.PrimaryFieldDBNames) || leavesOut(stmt, ref.PrimaryKeys) {
		return keys
	}
	created := map[string]bool{}
	for _, key := range keysIn(stmt, stmt.Schema.PrimaryFields, func(reflect.Value) bool { return true }) {
		created[keyText(key)] = true
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key []any) bool { return created[keyText(key)] })
}

// leavesOut says whether Select or Omit leaves one of fields out of an INSERT: the rows hold keys in
// memory that they will not have.
func leavesOut(stmt *gorm.Statement, fields []*schema.Field) bool {
	selected, restricted := stmt.SelectAndOmitColumns(true, false)
	return slices.ContainsFunc(fields, func(field *schema.Field) bool {
		chosen, named := selected[field.DBName]
		return named && !chosen || !named && restricted
	})
}

// keysOf returns the keys that the rows of a create write for ref, without the empty ones.
func (r *reference) keysOf(stmt *gorm.Statement) [][]any {
	var keys [][]any
	add := func(get func(*schema.Field) any) {
		if r.TypeField != nil && !r.isKind(get(r.TypeField)) {
			return
		}
		key, empty := make([]any, len(r.ForeignKeys)), true
		for i, field := range r.ForeignKeys {
			if key[i] = get(field); indirectValue(key[i]) == nil {
				return
			}
			empty = empty && isZero(key[i])
		}
		if !empty {
			keys = append(keys, key)
		}
	}
	for _, row := range mapsOf(stmt.Dest) {
		add(func(field *schema.Field) any { return valueIn(row, field) })
	}
	eachRow(stmt.ReflectValue, func(row reflect.Value) bool {
		if stmt.Schema != nil && row.Type() == stmt.Schema.ModelType {
			add(func(field *schema.Field) any { return valueOf(stmt, row, field) })
		}
		return true
	})
	return keys
}

// valueOf returns what a row holds in the column of field. The two ends of a many2many relation
// have a model of the join table each.
func valueOf(stmt *gorm.Statement, row reflect.Value, field *schema.Field) any {
	own := stmt.Schema.FieldsByDBName[field.DBName]
	if own == nil {
		return nil
	}
	value, _ := own.ValueOf(stmt.Context, row)
	return value
}

// mapsOf returns the rows of a create from maps.
func mapsOf(dest any) []map[string]any {
	switch rows := dest.(type) {
	case map[string]any:
		return []map[string]any{rows}
	case *map[string]any:
		return []map[string]any{*rows}
	case []map[string]any:
		return rows
	case *[]map[string]any:
		return *rows
	}
	return nil
}

// valueIn returns what a map holds for a field, under its name or its column.
func valueIn(row map[string]any, field *schema.Field) any {
	for name, value := range row {
		if spells(name, field) {
			return value
		}
	}
	return nil
}

// spells says whether a name in a map is the column of field. SQLite and MySQL match in any case.
func spells(name string, field *schema.Field) bool {
	return name == field.Name || strings.EqualFold(bareName(name), field.DBName)
}

var errSpelledTwice = fmt.Errorf("%w: a map has a column twice, in two spellings: which one counts "+
	"cannot be told", gormtenant.ErrUnsupported)

// spelledTwice says whether a map has a column of the key in two spellings.
func (r *reference) spelledTwice(row map[string]any) bool {
	for _, field := range r.ForeignKeys {
		found := 0
		for name := range row {
			if spells(name, field) {
				found++
			}
		}
		if found > 1 {
			return true
		}
	}
	return false
}

// isKind says whether a polymorphic key with that type can name a row of r's target.
func (r *reference) isKind(value any) bool {
	return isExpression(value) || fmt.Sprint(indirectValue(value)) == r.TypeValue
}

// checkAssignedReferences does the same for the assignments of an update.
func (g *guard) checkAssignedReferences(stmt *gorm.Statement, t *table, id any, set clause.Set) error {
	if stmt.DryRun || t.Field != nil && !t.Joins && !g.config.CheckReferences {
		return nil
	}
	for _, ref := range t.referring() {
		key, written, err := ref.assigned(set)
		if err != nil {
			return err
		}
		if !written {
			continue
		}
		look := lookup{stmt: stmt, table: (*table)(ref.Target), columns: names(ref.PrimaryKeys), id: id}
		if err := look.allOwn([][]any{key}); err != nil {
			return err
		}
	}
	return nil
}

// assigned returns the key that set writes for r. A part that set leaves as it is cannot be told,
// nor can an expression; the value of an upsert's own row was checked with the row.
func (r *reference) assigned(set clause.Set) (key []any, written bool, err error) {
	key = make([]any, len(r.ForeignKeys))
	found := 0
	becomes := false
	for _, a := range set {
		if r.TypeField != nil && strings.EqualFold(bareName(a.Column.Name), r.TypeField.DBName) {
			if becomes = r.isKind(a.Value); !becomes {
				return nil, false, nil // The key is that of a row of another kind.
			}
		}
	}
	for i, field := range r.ForeignKeys {
		for _, a := range set {
			if !strings.EqualFold(bareName(a.Column.Name), field.DBName) {
				continue
			}
			if column, ok := a.Value.(clause.Column); ok && column.Table == "excluded" && column.Name == field.DBName {
				return nil, false, nil
			}
			if e, ok := a.Value.(clause.Expr); isZero(a.Value) || ok && strings.EqualFold(strings.TrimSpace(e.SQL), "NULL") {
				return nil, false, nil
			}
			if isExpression(a.Value) {
				return nil, false, fmt.Errorf("%w: the key %s is set to an SQL expression, which cannot "+
					"be checked: set it to a value", gormtenant.ErrUnsupported, field.DBName)
			}
			key[i] = a.Value
			found++
		}
	}
	if found > 0 && found < len(key) || found == 0 && becomes {
		return nil, false, fmt.Errorf("%w: only a part of a key is set, which cannot be checked: "+
			"set all of its columns", gormtenant.ErrUnsupported)
	}
	return key, found > 0, nil
}

func isExpression(value any) bool {
	switch v := value.(type) {
	case clause.Expression, *gorm.DB, clause.Column:
		return true
	case []any:
		return len(v) != 1 || isExpression(v[0])
	}
	return false
}

func names(fields []*schema.Field) []string {
	columns := make([]string, len(fields))
	for i, field := range fields {
		columns[i] = field.DBName
	}
	return columns
}

// checkOwner checks, before an update saves associations, that the row they are saved for is not
// another tenant's: Association.Append updates nothing in it, and Save saves them even where it
// changed no row.
func (g *guard) checkOwner(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun || stmt.Schema == nil || !savesChildren(stmt) {
		return
	}
	t, err := g.tables.tableOf(stmt.Schema)
	if err != nil || t == nil || t.Field == nil {
		return
	}
	s, err := resolve(stmt.Context)
	if err != nil || s.unscoped {
		return
	}
	all := &stmt.Schema.Relationships
	for _, relation := range slices.Concat(all.HasOne, all.HasMany) {
		if err := g.checkOwners(stmt, t, s.id, relation); err != nil {
			fail(db, "update", t.Name, err)
			return
		}
	}
}

// checkOwners checks the keys with which the rows of one relation will be saved. Where the database
// itself keeps tenants apart it may hide the row of another tenant, so the owner has to be found; only
// Save makes it afterwards.
func (g *guard) checkOwners(stmt *gorm.Statement, t *table, id any, relation *schema.Relationship) error {
	var fields []*schema.Field
	for _, ref := range relation.References {
		if !ref.OwnPrimaryKey {
			continue
		}
		if ref.PrimaryKey.DBName == t.Field.DBName {
			return nil // Such a key cannot be another tenant's.
		}
		fields = append(fields, ref.PrimaryKey)
	}
	look := lookup{stmt: stmt, table: t, columns: names(fields), id: id}
	keys := keysIn(stmt, fields, func(row reflect.Value) bool {
		_, zero := relation.Field.ValueOf(stmt.Context, row)
		return !zero
	})
	if saves := slices.Equal(stmt.Selects, []string{"*"}); g.config.AllowRawSQL && !saves {
		return look.allOwn(keys)
	}
	return look.noneOnlyForeign(keys)
}

// keysIn returns the keys that rows of the statement's model hold in memory.
func keysIn(stmt *gorm.Statement, fields []*schema.Field, counts func(row reflect.Value) bool) [][]any {
	var keys [][]any
	eachRow(stmt.ReflectValue, func(row reflect.Value) bool {
		if row.Type() != stmt.Schema.ModelType || !counts(row) {
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

// savesChildren says whether the statement holds rows that refer to its own row. Those of a
// many2many relation do not: the rows of the join table are checked when they are created.
func savesChildren(stmt *gorm.Statement) bool {
	found := false
	all := &stmt.Schema.Relationships
	for _, relation := range slices.Concat(all.HasOne, all.HasMany) {
		eachRow(stmt.ReflectValue, func(row reflect.Value) bool {
			if row.Type() == stmt.Schema.ModelType {
				_, zero := relation.Field.ValueOf(stmt.Context, row)
				found = found || !zero
			}
			return !found
		})
	}
	return found
}
