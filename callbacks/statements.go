package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// begin learns the statement's model and finds its table. ok is false where that failed.
func (g *guard) begin(db *gorm.DB, op string) (own target, ok bool) {
	stmt := db.Statement
	err := g.learn(stmt, op)
	if err == nil {
		own, err = g.target(stmt)
	}
	if err != nil {
		fail(db, op, stmt.Table, err)
		return target{}, false
	}
	if stmt.SQL.Len() == 0 && !buildsAsEver(stmt) {
		w := walker{guard: g, stmt: stmt}
		w.extraClauses() // They may be all there is, so that no builder of ours runs.
	}
	return own, db.Error == nil
}

// beforeQuery resolves the tenant of a query.
func (g *guard) beforeQuery(db *gorm.DB) { g.beforeRead(db, "query") }

func (g *guard) beforeRead(db *gorm.DB, op string) {
	g.forget(db.Statement)
	if err := takeHandover(db.Statement); err != nil {
		fail(db, op, db.Statement.Table, err)
	}
	if db.Error != nil {
		return
	}
	if db.Statement.SQL.Len() > 0 {
		g.checkRaw(db)
		return
	}
	own, ok := g.begin(db, op)
	if !ok {
		return
	}
	if len(db.Statement.Joins) > 0 {
		g.scopeOn(db.Statement)
	}
	if own.table == nil {
		return
	}
	s, ok := g.enter(db, op, own.table)
	if ok && !isDest(db.Statement) {
		g.checkRemembered(db, op, own.table, s, db.Statement.Model)
	}
	if ok && s.unscoped {
		g.report(db.Statement, op, own.table.Name, s.reason)
	}
}

// scopeOn scopes the sub-queries in the conditions of association joins. GORM builds those
// conditions in a scratch statement, which no builder sees.
func (g *guard) scopeOn(stmt *gorm.Statement) {
	w := walker{guard: g, stmt: stmt}
	for i := range stmt.Joins {
		if stmt.Joins[i].On == nil {
			continue
		}
		if exprs, changed := w.expressions(stmt.Joins[i].On.Exprs); changed {
			stmt.Joins[i].On = &clause.Where{Exprs: exprs}
		}
	}
}

// beforeUpdate resolves the tenant of an update and refuses values of another tenant.
func (g *guard) beforeUpdate(db *gorm.DB) { g.beforeWrite(db, "update") }

// beforeDelete resolves the tenant of a delete and refuses values of another tenant.
func (g *guard) beforeDelete(db *gorm.DB) { g.beforeWrite(db, "delete") }

func (g *guard) beforeWrite(db *gorm.DB, op string) {
	if db.Error != nil || op == "update" && isNil(db) {
		return
	}
	g.forget(db.Statement)
	own, ok := g.begin(db, op)
	if !ok || own.table == nil {
		return
	}
	s, ok := g.enter(db, op, own.table)
	if !ok {
		return
	}
	g.checkRemembered(db, op, own.table, s, db.Statement.Model)
	if !isDest(db.Statement) {
		g.checkRemembered(db, op, own.table, s, db.Statement.Dest)
	}
	if s.unscoped {
		g.report(db.Statement, op, own.table.Name, s.reason)
	}
}

// isDest says whether the model of a statement is also what its rows are read into or taken from.
// The two are compared as pointers: other values may not be comparable.
func isDest(stmt *gorm.Statement) bool {
	model, dest := reflect.ValueOf(stmt.Model), reflect.ValueOf(stmt.Dest)
	return model.Kind() == reflect.Pointer && dest.Kind() == reflect.Pointer &&
		model.Pointer() == dest.Pointer()
}

// checkRemembered refuses a value that another tenant's row was read into. Left alone, it would
// match no row, and the statement would change nothing in silence.
func (g *guard) checkRemembered(db *gorm.DB, op string, t *table, s scope, value any) {
	if s.unscoped || t.Field == nil || value == nil || db.Error != nil {
		return
	}
	eachRow(reflect.ValueOf(value), func(row reflect.Value) bool {
		if !t.isModel(row) {
			return true
		}
		bound, err := t.bind(s.id)
		zero, same := t.tenantOf(db.Statement.Context, row, bound)
		if err == nil && !zero && !same {
			err = gormtenant.ErrOtherTenant
			if op == "update" {
				err = errRemembered
			}
		}
		if err != nil {
			fail(db, op, t.Name, err)
		}
		return err == nil
	})
}
