package callbacks

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// afterInsert looks, after an INSERT, for keys that are another tenant's: of rows that were in the
// way of an upsert, or that only memory holds. Those rows stayed as they were, but GORM takes them
// for saved: an association would link to one.
func (g *guard) afterInsert(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun {
		return
	}
	r := runOf(stmt)
	if r == nil || r.own.table == nil {
		return
	}
	r.beginJoins(db)
	r.noteMade()
	conflict, upserts := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if upserts && r.upsertsByAssignment() {
		values, _ := stmt.Clauses["VALUES"].Expression.(clause.Values)
		r.afterDuplicate(db, values)
		return
	}
	if r.ofJoins && conflict.DoNothing && !g.config.AllowRawSQL {
		return // The question is asked with the join rows.
	}
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !upserts && len(stmt.Selects) == 0 && len(stmt.Omits) == 0 &&
		wroteAll(db, conflict, values) {
		return // The common case: every row was inserted as it is in memory.
	}
	if !ok || !r.limits() || r.own.table.Field == nil {
		return
	}
	own := r.own
	all := wroteAll(db, conflict, values)
	if stmt.Schema != nil && len(stmt.Schema.PrimaryFields) > 0 &&
		!holdsWritten(stmt, conflict, upserts, all, values) {
		fields := stmt.Schema.PrimaryFields
		look := r.lookup(own.table, names(fields))
		err := look.noneForeign(keysIn(stmt, fields, allRows))
		if err != nil {
			fail(db, "create", own.table.Name, err)
			return
		}
	}
	if all || !upserts {
		return
	}
	columns, known := conflictColumns(own.table, conflict)
	if !known {
		if len(conflict.Where.Exprs) == 0 && !conflict.DoNothing {
			fail(db, "create", own.table.Name, gormtenant.ErrOtherTenant)
		}
		return
	}
	keys, known := own.table.keysIn(stmt, values, columns)
	if !known && len(conflict.Where.Exprs) == 0 && !conflict.DoNothing {
		fail(db, "create", own.table.Name, gormtenant.ErrOtherTenant)
		return
	}
	look := r.lookup(own.table, columns)
	look.where = conflict.TargetWhere.Exprs
	if err := g.noneInTheWay(look, keys, conflict); err != nil {
		fail(db, "create", own.table.Name, err)
	}
}

// noneInTheWay returns ErrOtherTenant where the row that was in the way of an upsert is another
// tenant's. Where the database itself keeps tenants apart it may hide that row: then what was to be
// updated, or is to be linked by the association that GORM saves, has to be found among the
// tenant's own. DO NOTHING by the caller's own wish may have passed over a row for another reason.
func (g *guard) noneInTheWay(look lookup, keys [][]any, conflict clause.OnConflict) error {
	if g.config.AllowRawSQL && (!conflict.DoNothing || savesAssociation(look.stmt)) {
		return look.allOwn(keys)
	}
	return look.noneForeign(keys)
}

// savesAssociation reports whether GORM creates the rows on its own, for an association of another
// row.
func savesAssociation(stmt *gorm.Statement) bool {
	_, nested := stmt.Settings.Load("gorm:saved_association_map")
	return nested && stmt.DB.DisableNestedTransaction
}

// holdsWritten reports whether the keys that the rows hold in memory are those of rows that were
// written, or are looked up as the keys of the conflict. Associations are saved with them next.
func holdsWritten(
	stmt *gorm.Statement, conflict clause.OnConflict, upserts, all bool, values clause.Values,
) bool {
	written, omitted, returned := true, leavesOut(stmt, stmt.Schema.PrimaryFields), true
	for _, field := range stmt.Schema.PrimaryFields {
		written = written && slices.ContainsFunc(values.Columns, func(c clause.Column) bool {
			return c.Name == field.DBName
		})
		returned = returned && field.HasDefaultValue && field.DefaultValueInterface == nil
	}
	onKey := conflict.OnConstraint == "" && (len(conflict.Columns) == 0 ||
		slices.EqualFunc(conflict.Columns, stmt.Schema.PrimaryFieldDBNames,
			func(c clause.Column, name string) bool {
				return bareName(c.Name) == name || c.Name == clause.PrimaryKey
			}))
	switch {
	case !written && !omitted: // The database made all of them.
		return returned
	case written && onKey:
		return upserts || all
	}
	return all && returned
}

// wroteAll reports whether every row was inserted or updated. Of DO NOTHING with RETURNING, GORM
// counts the rows that were skipped as well.
func wroteAll(db *gorm.DB, conflict clause.OnConflict, values clause.Values) bool {
	if conflict.DoNothing && db.Statement.ReflectValue.Kind() != reflect.Struct {
		return false
	}
	// Of a map without columns GORM builds no row.
	return db.RowsAffected == max(1, int64(len(values.Values)))
}

// conflictColumns returns the columns of the key on which rows conflict. known is false where the
// name of a constraint tells nothing, or the model has no key.
func conflictColumns(t *table, conflict clause.OnConflict) (columns []string, known bool) {
	for _, column := range conflict.Columns {
		if column.Name == clause.PrimaryKey {
			return t.Model.PrimaryFieldDBNames, true
		}
		columns = append(columns, bareName(column.Name))
	}
	switch {
	case len(columns) > 0:
		return columns, true
	case conflict.OnConstraint != "":
		return constraintColumns(t.Model, bareName(conflict.OnConstraint))
	}
	return t.Model.PrimaryFieldDBNames, len(t.Model.PrimaryFieldDBNames) > 0
}

// constraintColumns returns the columns of a constraint that the model declares.
func constraintColumns(model *schema.Schema, name string) ([]string, bool) {
	if name == lastPart(model.Table)+"_pkey" {
		return model.PrimaryFieldDBNames, true
	}
	for _, index := range model.ParseIndexes() {
		if index.Name == name {
			columns := make([]string, len(index.Fields))
			for i, option := range index.Fields {
				columns[i] = option.DBName
			}
			return columns, true
		}
	}
	for _, unique := range model.ParseUniqueConstraints() {
		if unique.Name == name {
			return []string{unique.Field.DBName}, true
		}
	}
	return nil, false
}

// keysIn returns the values of columns in the rows of an INSERT, without rows that leave one to the
// database: then known is false. A key that holds the tenant cannot be another tenant's.
func (t *table) keysIn(
	stmt *gorm.Statement, values clause.Values, columns []string,
) (keys [][]any, known bool) {
	at := make([]int, len(columns))
	for i, name := range columns {
		if t.isColumn(stmt, name) {
			return nil, true
		}
		at[i] = slices.IndexFunc(values.Columns, func(c clause.Column) bool {
			return strings.EqualFold(bareName(c.Name), name)
		})
	}
	if slices.Contains(at, -1) {
		return nil, false
	}
	known = true
	for _, row := range values.Values {
		key := make([]any, len(at))
		for i, column := range at {
			key[i] = row[column]
		}
		if !slices.ContainsFunc(key, func(part any) bool {
			return part == nil || isExpression(part)
		}) {
			keys = append(keys, key)
		} else if !slices.Equal(columns, t.Model.PrimaryFieldDBNames) {
			known = false // A primary key that the database makes is in nobody's way.
		}
	}
	return keys, known
}
