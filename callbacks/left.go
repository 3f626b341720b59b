package callbacks

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// router is a pool over places of tenants, such as isolation.Router. What crosses tenants runs in
// its shared tables, where tenants that have moved away may have left rows.
type router interface {
	Elsewhere(ctx context.Context) (living int, left []string, err error)
}

// routerOf returns the pool of db as a router, nil if it is none. Within a transaction the
// statement's pool is the transaction.
func routerOf(db *gorm.DB) router {
	pool := db.ConnPool
	if prepared, ok := pool.(*gorm.PreparedStmtDB); ok {
		pool = prepared.ConnPool
	}
	over, _ := pool.(router)
	return over
}

// passOver makes a read that crosses tenants pass over the rows that were left behind.
func (r *run) passOver(db *gorm.DB) {
	t, over := r.own.table, routerOf(db)
	if over == nil || t == nil || t.Field == nil || r.err != nil || r.open {
		return
	}
	_, ids, err := over.Elsewhere(db.Statement.Context)
	if err != nil {
		fail(db, r.op, t.Name, err)
		return
	}
	r.left = r.left[:0]
	for _, id := range ids {
		bound, err := t.bind(id)
		if err != nil {
			fail(db, r.op, t.Name, err)
			return
		}
		r.left = append(r.left, bound)
	}
	if len(r.left) > 0 {
		r.addWhere()
	}
}

// elsewhere returns how many tenants live where a statement that crosses tenants does not come, as
// far as is known.
func (r *run) elsewhere() int {
	over := routerOf(r.stmt.DB)
	if over == nil {
		return 0
	}
	living, _, err := over.Elsewhere(r.stmt.Context)
	if err != nil {
		return 0
	}
	return living
}

// addWhere sees to it that the statement has a WHERE.
func (r *run) addWhere() {
	if _, has := r.stmt.Clauses["WHERE"]; !has {
		r.addedWhere = true // It has no name, so that it writes nothing without its builder.
		r.stmt.Clauses["WHERE"] = clause.Clause{Expression: clause.Where{}}
	}
}

// writeNotLeft writes that a row is none of those that were left behind.
func (t *table) writeNotLeft(stmt *gorm.Statement, alias string, left []any) {
	stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: t.Field.DBName})
	_, _ = stmt.WriteString(" NOT IN ")
	stmt.AddVar(stmt, left)
}
