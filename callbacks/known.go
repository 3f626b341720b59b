package callbacks

import (
	"database/sql"
	"runtime"
	"slices"
	"sync"
	"weak"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// known is what look-ups in one transaction have found, so that nothing is asked twice: keys that
// are not those of another tenant's rows. It is forgotten where rows can have gone since, which
// makes their keys free for others.
type known struct {
	mutex sync.Mutex
	keys  map[knownKey]struct{}
	// joins is set while a statement saves the rows of a many2many relation: the question whose
	// they are comes with their join rows.
	joins bool
}

type knownKey struct {
	table   *sqltext.Table
	columns string
	tenant  any
	key     string
}

// mostKnown bounds the memory of one transaction.
const mostKnown = 10_000

// transactions holds what is known by transaction, for as long as the transaction is in use.
type transactions struct{ byTx sync.Map } // weak.Pointer[sql.Tx] -> *known

// peek returns what is known in the transaction of a statement, nil where nothing is.
func (t *transactions) peek(stmt *gorm.Statement) *known {
	if tx := transactionOf(poolOf(stmt)); tx != nil {
		if k, ok := t.byTx.Load(weak.Make(tx)); ok {
			return k.(*known)
		}
	}
	return nil
}

// of is peek where something is about to be known. It returns nil where there is no transaction.
func (t *transactions) of(stmt *gorm.Statement) *known {
	tx := transactionOf(poolOf(stmt))
	if tx == nil {
		return nil
	}
	key := weak.Make(tx)
	if k, ok := t.byTx.Load(key); ok {
		return k.(*known)
	}
	k, loaded := t.byTx.LoadOrStore(key, &known{keys: map[knownKey]struct{}{}})
	if !loaded {
		runtime.AddCleanup(tx, func(key weak.Pointer[sql.Tx]) { t.byTx.Delete(key) }, key)
	}
	return k.(*known)
}

// forget forgets what is known in the transaction of a statement.
func (t *transactions) forget(stmt *gorm.Statement) {
	if k := t.peek(stmt); k != nil {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		clear(k.keys)
	}
}

func transactionOf(pool gorm.ConnPool) *sql.Tx {
	switch p := pool.(type) {
	case *sql.Tx:
		return p
	case *gorm.PreparedStmtTX:
		tx, _ := p.Tx.(*sql.Tx)
		return tx
	}
	return nil
}

// unknown returns those of keys that are not known, each once.
func (k *known) unknown(l lookup, keys [][]any) [][]any {
	keys = distinct(keys)
	if k == nil {
		return keys
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	left := keys[:0:0]
	for _, key := range keys {
		if _, ok := k.keys[l.known(key)]; !ok {
			left = append(left, key)
		}
	}
	return left
}

// note notes keys that a look-up found not to be another tenant's.
func (k *known) note(l lookup, keys [][]any) {
	if k == nil || l.where != nil {
		return
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if len(k.keys)+len(keys) > mostKnown {
		clear(k.keys)
	}
	for _, key := range keys {
		k.keys[l.known(key)] = struct{}{}
	}
}

// noteMade notes the keys that the database has made and returned for the statement's rows, which
// are therefore the tenant's, where look-ups in the transaction are to be expected.
func (r *run) noteMade() {
	stmt, t := r.stmt, r.own.table
	k := r.guard.known.peek(stmt)
	if k == nil || !r.limits() || t.Field == nil || stmt.Schema == nil ||
		r.guard.dialect != sqltext.SQLite && r.guard.dialect != sqltext.Postgres {
		return // Others return the last key alone, and GORM counts from it.
	}
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	fields := stmt.Schema.PrimaryFields
	if !ok || !returnsAsNamed(stmt) || len(fields) != 1 || !fields[0].HasDefaultValue ||
		fields[0].DefaultValueInterface != nil || leavesOut(stmt, fields) ||
		slices.ContainsFunc(values.Columns, func(c clause.Column) bool {
			return isNamed(c.Name, fields[0].DBName)
		}) {
		return
	}
	look := r.lookup(t, names(fields))
	look.memory.note(look, keysIn(stmt, fields, allRows))
}

// returnsAsNamed reports whether the statement returns columns under their own names.
func returnsAsNamed(stmt *gorm.Statement) bool {
	returning, ok := stmt.Clauses["RETURNING"].Expression.(clause.Returning)
	return ok && !slices.ContainsFunc(returning.Columns, func(c clause.Column) bool {
		return c.Raw || c.Alias != ""
	})
}

// swapJoins sets joins and returns what it was.
func (k *known) swapJoins(joins bool) (was bool) {
	if k == nil {
		return false
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	was, k.joins = k.joins, joins
	return was
}

// known returns the key under which a key is remembered.
func (l lookup) known(key []any) knownKey {
	columns := ""
	for _, column := range l.columns {
		columns += column + ","
	}
	return knownKey{l.table.SQL, columns, l.id, keyText(key)}
}

// beginJoins notes that the rows of many2many relations are about to be saved, and their join rows
// after them, and that the statement's own rows are the tenant's.
func (r *run) beginJoins(db *gorm.DB) {
	stmt := db.Statement
	if stmt.Schema == nil || !r.limits() || r.guard.config.AllowRawSQL || db.DryRun ||
		!holdsAny(stmt, stmt.Schema.Relationships.Many2Many) {
		return
	}
	k := r.guard.known.of(stmt)
	if k == nil {
		return
	}
	r.joins = true
	k.swapJoins(true)
}

// takeJoins tells a create of rows of a many2many relation that the question whose they are is
// asked with their join rows. The rows that it saves before itself are none of them.
func (r *run) takeJoins() {
	if !r.stmt.DB.DisableNestedTransaction || !savesAssociation(r.stmt) {
		return
	}
	if k := r.guard.known.peek(r.stmt); k.swapJoins(false) {
		r.ofJoins = true
	}
}

// endJoins puts back what beginJoins and takeJoins have changed.
func (r *run) endJoins() {
	if r.joins || r.ofJoins {
		r.guard.known.peek(r.stmt).swapJoins(r.ofJoins)
	}
}
