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
	r := runOf(db.Statement)
	if r == nil || !r.limits() {
		return
	}
	t := r.own.table
	if t.Field != nil && !t.Joins && !g.config.CheckReferences && isStruct(db.Statement.Dest) {
		return
	}
	var questions []question
	for _, key := range t.References {
		ref := (*reference)(key)
		if slices.ContainsFunc(mapsOf(db.Statement.Dest), ref.spelledTwice) {
			fail(db, "create", t.Name, errSpelledTwice)
			return
		}
		keys := ref.keysOf(db.Statement)
		if len(keys) > 0 {
			look := r.lookup((*table)(ref.Target), names(ref.PrimaryKeys))
			questions = append(questions, question{look, besides(keys, db.Statement, ref)})
		}
	}
	if err := g.checkKeys(t, questions); err != nil {
		fail(db, "create", t.Name, err)
	}
}

// checkKeys makes sure that keys, which are about to be written to t, name rows of the tenant. The
// keys of a join table are all asked for in one query.
func (g *guard) checkKeys(t *table, questions []question) error {
	if !g.config.CheckReferences || t.Joins {
		// Save writes the rows of a join table before a new row that it has to create after all, so
		// a key of no row passes.
		if foreign, err := anyForeign(questions); !foreign || err != nil {
			return err
		}
		for _, q := range questions {
			if err := q.noneOnlyForeign(q.keys); err != nil {
				return err
			}
		}
		return nil
	}
	for _, q := range questions {
		if err := q.allOwn(q.keys); err != nil {
			return err
		}
	}
	return nil
}

// besides returns keys without those of the rows that the statement itself creates: a row may refer
// to itself, or to another of its batch. afterInsert sees to it that these are the tenant's.
func besides(keys [][]any, stmt *gorm.Statement, ref *reference) [][]any {
	if stmt.Schema == nil || lastPart(stmt.Schema.Table) != ref.Target.Name ||
		!slices.Equal(names(ref.PrimaryKeys), stmt.Schema.PrimaryFieldDBNames) ||
		leavesOut(stmt, ref.PrimaryKeys) {
		return keys
	}
	created := map[string]bool{}
	for _, key := range keysIn(stmt, stmt.Schema.PrimaryFields, allRows) {
		created[keyText(key)] = true
	}
	return slices.DeleteFunc(slices.Clone(keys),
		func(key []any) bool { return created[keyText(key)] })
}

// leavesOut reports whether Select or Omit leaves one of fields out of an INSERT: the rows hold
// keys in memory that they will not have.
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

// spells reports whether a name in a map is the column of field. SQLite and MySQL match in any
// case.
func spells(name string, field *schema.Field) bool {
	return name == field.Name || strings.EqualFold(bareName(name), field.DBName)
}

// spelledTwice reports whether a map has a column of the key in two spellings.
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

// isKind reports whether a polymorphic key with that type can name a row of r's target.
func (r *reference) isKind(value any) bool {
	return isExpression(value) || fmt.Sprint(indirectValue(value)) == r.TypeValue
}

// checkAssignedReferences does the same for the assignments of an update.
func (r *run) checkAssignedReferences(set clause.Set) error {
	t := r.own.table
	if r.stmt.DryRun || t.Field != nil && !t.Joins && !r.guard.config.CheckReferences {
		return nil
	}
	if len(t.References) > 0 && slices.ContainsFunc(set, r.goesOn) {
		return errGoesOn
	}
	for _, foreign := range t.References {
		ref := (*reference)(foreign)
		key, written, err := ref.assigned(set)
		if err != nil {
			return err
		}
		if !written {
			continue
		}
		look := r.lookup((*table)(ref.Target), names(ref.PrimaryKeys))
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
			if column, ok := a.Value.(clause.Column); ok && column.Table == "excluded" &&
				column.Name == field.DBName {
				return nil, false, nil
			}
			if e, ok := a.Value.(clause.Expr); isZero(a.Value) ||
				ok && strings.EqualFold(strings.TrimSpace(e.SQL), "NULL") {
				return nil, false, nil
			}
			if isExpression(a.Value) {
				return nil, false, fmt.Errorf("%w: the key %s is set to an SQL expression, which "+
					"cannot be checked: set it to a value", gormtenant.ErrUnsupported, field.DBName)
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

// goesOn reports whether the text of an assignment may go on to another column, whose key nobody
// would see.
func (r *run) goesOn(a clause.Assignment) bool {
	value := a.Value
	if valuer, ok := value.(gorm.Valuer); ok && !isNilPointer(value) {
		value = valuer.GormValue(r.stmt.Context, r.stmt.DB)
	}
	text := ""
	switch e := value.(type) {
	case clause.Expr:
		text = e.SQL
	case clause.NamedExpr:
		text = e.SQL
	}
	return a.Column.Raw && strings.ContainsAny(a.Column.Name, "=,") || hasComma(text)
}

func isNilPointer(value any) bool {
	reflected := reflect.ValueOf(value)
	return reflected.Kind() == reflect.Pointer && reflected.IsNil()
}

// hasComma reports whether a text has a comma outside of parentheses and quotes.
func hasComma(text string) bool {
	depth, quote := 0, rune(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			return true
		}
	}
	return false
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
	r := runOf(stmt)
	if db.Error != nil || db.DryRun || r == nil || !r.limits() || stmt.Schema == nil {
		return
	}
	r.beginJoins(db)
	if r.own.table.Field == nil || r.updatedOwner(db) || !savesChildren(stmt) {
		return
	}
	all := &stmt.Schema.Relationships
	for _, relation := range slices.Concat(all.HasOne, all.HasMany) {
		if err := r.checkOwners(relation); err != nil {
			fail(db, "update", r.own.table.Name, err)
			return
		}
	}
}

// updatedOwner reports whether the update has changed the one row that it is about, which is
// therefore the tenant's.
func (r *run) updatedOwner(db *gorm.DB) bool {
	return db.RowsAffected == 1 && r.stmt.ReflectValue.Kind() == reflect.Struct && isDest(r.stmt) &&
		r.sent.text != "" && len(keysIn(r.stmt, r.stmt.Schema.PrimaryFields, allRows)) == 1
}

func allRows(reflect.Value) bool { return true }

// checkOwners checks the keys with which the rows of one relation will be saved. Where the database
// itself keeps tenants apart it may hide the row of another tenant, so the owner has to be found;
// only Save makes it afterwards.
func (r *run) checkOwners(relation *schema.Relationship) error {
	var fields []*schema.Field
	for _, ref := range relation.References {
		if !ref.OwnPrimaryKey {
			continue
		}
		if ref.PrimaryKey.DBName == r.own.table.Field.DBName {
			return nil // Such a key cannot be another tenant's.
		}
		fields = append(fields, ref.PrimaryKey)
	}
	look := r.lookup(r.own.table, names(fields))
	keys := keysIn(r.stmt, fields, func(row reflect.Value) bool {
		_, zero := relation.Field.ValueOf(r.stmt.Context, row)
		return !zero
	})
	if saves := slices.Equal(r.stmt.Selects, []string{"*"}); r.guard.config.AllowRawSQL && !saves {
		return look.allOwn(keys)
	}
	return look.noneOnlyForeign(keys)
}

// keysIn returns the keys that rows of the statement's model hold in memory.
func keysIn(
	stmt *gorm.Statement, fields []*schema.Field, counts func(row reflect.Value) bool,
) [][]any {
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

// savesChildren reports whether the statement holds rows that refer to its own row. Those of a
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
