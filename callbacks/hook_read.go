package callbacks

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// start begins the run of a statement, and puts text that is there already through the gate: that
// of Raw and Exec, or what a hook wrote. It returns nil for one that has failed.
func (g *guard) start(db *gorm.DB, op string) *run {
	r := g.begin(db, op)
	if !hasDoor(db, op) {
		fail(db, op, db.Statement.Table, errNoDoor)
	}
	if db.Error != nil {
		return nil
	}
	if r.raw {
		text := db.Statement.SQL.String()
		g.tables.Migrating(text)
		g.tables.Scanned(db.Statement.Schema, text)
		g.known.forget(db.Statement)
		r.judgeStatement(true)
	}
	if db.Error != nil {
		return nil
	}
	return r
}

// find learns the statement's model and finds its table. ok is false where that failed.
func (r *run) find(db *gorm.DB) (own target, ok bool) {
	r.table, r.expr = db.Statement.Table, db.Statement.TableExpr
	own, err := r.guard.target(db.Statement, r.op)
	if err == nil && r.guard.config.Strict {
		err = r.guard.isDeclared(db.Statement, own)
	}
	if err != nil {
		fail(db, r.op, db.Statement.Table, err)
	}
	return own, err == nil
}

// again resolves the statement's table and scope once more where a hook or another plugin has
// changed what they depend on.
func (r *run) again() {
	scope, defaulted, err := r.guard.resolve(r.stmt.Context)
	if r.probe {
		scope, err = probeScope, nil
	}
	if r.table == r.stmt.Table && r.expr == r.stmt.TableExpr && scope == r.scope &&
		(err == nil) == (r.err == nil) {
		return
	}
	r.scope, r.err, r.bound = scope, err, nil
	r.defaulted = r.defaulted || defaulted
	if own, ok := r.find(r.stmt.DB); ok {
		r.enter(r.stmt.DB, own)
	}
}

// beforeQuery resolves the tenant of a query.
func (g *guard) beforeQuery(db *gorm.DB) {
	if r := g.start(db, "query"); r != nil {
		r.beforeRead(db)
	}
}

// beforeRow resolves the tenant of Row, Rows and Scan. The migrator asks for the types of a table's
// columns in this way, and the tenant's may not be among them yet.
func (g *guard) beforeRow(db *gorm.DB) {
	probe := isColumnTypes(db)
	if probe {
		if !decided(db.Statement.Context) {
			db.Statement.Context = gormtenant.Unscoped(db.Statement.Context, columnTypesProbe)
		}
		db.Statement.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{
			Exprs: []clause.Expression{clause.Expr{SQL: "1 = 0"}},
		}}
	}
	if r := g.start(db, "row"); r != nil {
		if probe {
			r.probe, r.reported, r.scope, r.err = true, true, probeScope, nil
		}
		r.beforeRead(db)
	}
}

// beforeRaw puts the text of Exec through the gate.
func (g *guard) beforeRaw(db *gorm.DB) { g.start(db, "raw") }

func (r *run) beforeRead(db *gorm.DB) {
	if r.raw {
		return
	}
	own, ok := r.find(db)
	if !ok || !r.enter(db, own) {
		return
	}
	if r.scope.unscoped {
		r.passOver(db)
	}
	if !r.limits() {
		return
	}
	r.fillConditions()
	if !isDest(db.Statement) {
		r.checkRemembered(db, db.Statement.Model)
	}
	r.addWhere()
}

// beforeUpdate resolves the tenant of an update and refuses values of another tenant.
func (g *guard) beforeUpdate(db *gorm.DB) { g.beforeWrite(db, "update") }

// beforeDelete resolves the tenant of a delete and refuses values of another tenant.
func (g *guard) beforeDelete(db *gorm.DB) {
	g.known.forget(db.Statement)
	g.beforeWrite(db, "delete")
}

func (g *guard) beforeWrite(db *gorm.DB, op string) {
	r := g.start(db, op)
	if r == nil || op == "update" && isNil(db) {
		return
	}
	own, ok := r.find(db)
	if !ok || !r.enter(db, own) || !r.limits() {
		return
	}
	r.fromStruct = isStruct(db.Statement.Dest)
	r.checkRemembered(db, db.Statement.Model)
	if !isDest(db.Statement) {
		r.checkRemembered(db, db.Statement.Dest)
	}
	if op == "update" && db.Error == nil {
		r.checkDropped(db)
	}
	if db.Error == nil {
		r.fillKeys()
		r.fillConditions()
	}
}

// isDest reports whether the model of a statement is also what its rows are read into or taken
// from. The two are compared as pointers: other values may not be comparable.
func isDest(stmt *gorm.Statement) bool {
	model, dest := reflect.ValueOf(stmt.Model), reflect.ValueOf(stmt.Dest)
	return model.Kind() == reflect.Pointer && dest.Kind() == reflect.Pointer &&
		model.Pointer() == dest.Pointer()
}

// checkRemembered refuses a value that another tenant's row was read into. Left alone, it would
// match no row, and the statement would change nothing in silence.
func (r *run) checkRemembered(db *gorm.DB, value any) {
	t := r.own.table
	if t.Field == nil || value == nil || db.Error != nil {
		return
	}
	eachRow(reflect.ValueOf(value), func(row reflect.Value) bool {
		if !t.isModel(row) {
			return true
		}
		zero, same := t.tenantOf(db.Statement.Context, row, r.bound)
		if zero || same {
			return true
		}
		if r.op == "update" {
			fail(db, r.op, t.Name, errRemembered)
		} else {
			fail(db, r.op, t.Name, gormtenant.ErrOtherTenant)
		}
		return false
	})
}
