package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
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
		add(func(field *schema.Field) any {
			value, _ := valueIn(row, field)
			return value
		})
	}
	eachOwn(stmt, func(row reflect.Value) bool {
		add(func(field *schema.Field) any { return valueOf(stmt, row, field) })
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

// spelledTwice reports whether a map has a column of the key in two spellings.
func (r *reference) spelledTwice(row map[string]any) bool {
	return slices.ContainsFunc(r.ForeignKeys, func(field *schema.Field) bool {
		_, times := valueIn(row, field)
		return times > 1
	})
}
