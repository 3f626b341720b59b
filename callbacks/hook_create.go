package callbacks

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// beforeCreate resolves the tenant of a create and fills it into the values, before the model's
// own hooks see them. The clause builder of VALUES checks again: a hook may have changed it.
func (g *guard) beforeCreate(db *gorm.DB) {
	r := g.start(db, "create")
	if r == nil || isNil(db) {
		return
	}
	own, ok := r.find(db)
	if !ok || !r.enter(db, own) || own.table == nil || own.table.Field == nil {
		return
	}
	r.takeJoins()
	r.saveByKey()
	r.insertNewRows()
	eachRow(db.Statement.ReflectValue, func(row reflect.Value) bool {
		if own.table.isModel(row) {
			if err := own.table.fill(db, row, r.scope); err != nil {
				fail(db, "create", own.table.Name, err)
			}
		}
		return db.Error == nil
	})
}

// isNil refuses a create or update of nil, on which GORM panics.
func isNil(db *gorm.DB) bool {
	if db.Statement.Dest == nil {
		_ = db.AddError(gorm.ErrInvalidValue)
	}
	return db.Statement.Dest == nil
}

// fill gives a row its tenant, and refuses one that has another. Unscoped, it must have one.
func (t *table) fill(db *gorm.DB, row reflect.Value, s scope) error {
	ctx := db.Statement.Context
	if s.unscoped {
		if zero, _ := t.tenantOf(ctx, row, nil); zero {
			return gormtenant.ErrNoTenant
		}
		return nil
	}
	bound, err := t.bind(s.id)
	if err != nil {
		return err
	}
	zero, same := t.tenantOf(ctx, row, bound)
	switch {
	case zero && row.CanAddr():
		return t.Field.Set(ctx, row, bound)
	case !zero && !same:
		return gormtenant.ErrOtherTenant
	}
	return nil
}
