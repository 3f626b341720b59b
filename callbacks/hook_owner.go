package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

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
	if r.own.table.Field == nil || r.updatedOwner(db) {
		return
	}
	// Rows of a many2many relation do not refer to their owner: the rows of the join table do, and
	// are checked when they are created.
	children := slices.Concat(stmt.Schema.Relationships.HasOne, stmt.Schema.Relationships.HasMany)
	if !holdsAny(stmt, children) {
		return
	}
	for _, relation := range children {
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
