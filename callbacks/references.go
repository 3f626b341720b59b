package callbacks

import (
	"fmt"
	"reflect"
	"slices"

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
	if own.table.field != nil && !g.config.CheckReferences && isStruct(db.Statement.Dest) {
		return
	}
	for _, ref := range own.table.referring() {
		keys := ref.keysOf(db.Statement)
		if len(keys) == 0 {
			continue
		}
		if err := g.checkKeys(db.Statement, own.table, ref, s.id, keys); err != nil {
			fail(db, "create", own.table.name, err)
			return
		}
	}
}

// checkKeys makes sure that keys, which are about to be written to t, name rows of the tenant.
func (g *guard) checkKeys(stmt *gorm.Statement, t *table, ref *reference, id any, keys [][]any) error {
	look := lookup{stmt: stmt, table: ref.target, columns: names(ref.primaryKeys), id: id}
	if t.field == nil || g.config.CheckReferences {
		return look.allOwn(keys)
	}
	return look.noneForeign(keys)
}

// keysOf returns the keys that the rows of a create write for ref, without the empty ones.
func (r *reference) keysOf(stmt *gorm.Statement) [][]any {
	var keys [][]any
	add := func(get func(*schema.Field) any) {
		if r.typeField != nil && fmt.Sprint(get(r.typeField)) != r.typeValue {
			return
		}
		key := make([]any, len(r.foreignKeys))
		for i, field := range r.foreignKeys {
			if key[i] = get(field); isZero(key[i]) {
				return
			}
		}
		keys = append(keys, key)
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
		if name == field.Name || bareName(name) == field.DBName {
			return value
		}
	}
	return nil
}

// checkAssignedReferences does the same for the assignments of an update.
func (g *guard) checkAssignedReferences(stmt *gorm.Statement, t *table, id any, set clause.Set) error {
	if stmt.DryRun || t.field != nil && !g.config.CheckReferences {
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
		look := lookup{stmt: stmt, table: ref.target, columns: names(ref.primaryKeys), id: id}
		if err := look.allOwn([][]any{key}); err != nil {
			return err
		}
	}
	return nil
}

// assigned returns the key that set writes for r. A part that set leaves as it is cannot be told,
// nor can an expression; the value of an upsert's own row was checked with the row.
func (r *reference) assigned(set clause.Set) (key []any, written bool, err error) {
	key = make([]any, len(r.foreignKeys))
	found := 0
	for i, field := range r.foreignKeys {
		for _, a := range set {
			if bareName(a.Column.Name) != field.DBName {
				continue
			}
			if column, ok := a.Value.(clause.Column); ok && column.Table == "excluded" {
				return nil, false, nil
			}
			if isZero(a.Value) {
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
	if found > 0 && found < len(key) {
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
	if err != nil || t == nil || t.field == nil {
		return
	}
	s, err := resolve(stmt.Context)
	if err != nil || s.unscoped {
		return
	}
	var keys [][]any
	eachRow(stmt.ReflectValue, func(row reflect.Value) bool {
		key := make([]any, len(stmt.Schema.PrimaryFields))
		for i, field := range stmt.Schema.PrimaryFields {
			var zero bool
			if key[i], zero = field.ValueOf(stmt.Context, row); zero {
				return true
			}
		}
		keys = append(keys, key)
		return true
	})
	look := lookup{stmt: stmt, table: t, columns: stmt.Schema.PrimaryFieldDBNames, id: s.id}
	if err := look.noneForeign(keys); err != nil {
		fail(db, "update", t.name, err)
	}
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
