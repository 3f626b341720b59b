package callbacks

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// run is one statement on its way through GORM: its operation, target and scope, resolved once. It
// travels in Statement.Clauses, where it is the clause that builds all others (see gate.go), and
// stands in for Statement.ConnPool while the statement is sent (see door.go).
type run struct {
	guard *guard
	stmt  *gorm.Statement // nil when the run is over
	op    string
	raw   bool // the text is the caller's
	first int  // the arguments of the statement around it, in front of its own

	// fromStruct tells an update whose values were given as a struct. Field types that rewrite the
	// statement make a map of it later.
	fromStruct bool

	own   target
	table string // Statement.Table and TableExpr as they were when own was found
	expr  *clause.Expr
	scope scope
	err   error // why there is no scope
	bound any   // the tenant as own's column holds it

	// argument tells a sub-query: a statement that is built as an argument of another one. An open
	// one names no tenant itself, so that it is limited with the statement around it.
	argument, open bool

	// probe tells the statement by which a migrator learns the types of columns.
	probe bool

	// joins and ofJoins are of the rows of many2many relations: see known.go.
	joins, ofJoins bool

	left []any // tenants whose rows a read that crosses tenants passes over

	list       []string // the clauses that the statement is built of
	addedWhere bool
	nothing    bool // an upsert of MySQL that updates nothing
	reported   bool

	defaulted bool            // it runs as the default tenant: see default.go
	ctx       context.Context // as the statement had it

	pool gorm.ConnPool // behind the door
	sent judged        // what the gate let through
}

// judged is a text and its arguments as the gate let them through.
type judged struct {
	text string
	vars []any
}

var runs = sync.Pool{New: func() any { return new(run) }}

// runClause is the name under which Statement.Clauses holds the run, and the only clause of which a
// statement is built.
const runClause = "gormtenant"

var runList = []string{runClause}

// begin makes the run of a statement.
func (g *guard) begin(db *gorm.DB, op string) *run {
	stmt := db.Statement
	r := runs.Get().(*run)
	*r = run{guard: g, stmt: stmt, op: op, raw: stmt.SQL.Len() > 0}
	if r.raw {
		r.op = "raw"
	}
	r.ctx = stmt.Context
	r.scope, r.defaulted, r.err = g.resolve(stmt.Context)
	if db.DryRun && isArgument() {
		r.argument, r.first = true, len(stmt.Vars)
		r.open = !decided(stmt.Context)
		if r.defaulted { // The statement around it has a tenant of its own, or the default too.
			r.scope, r.defaulted, r.err = scope{}, false, gormtenant.ErrNoTenant
		}
	}
	if stmt.Clauses == nil {
		stmt.Clauses = map[string]clause.Clause{}
	}
	stmt.Clauses[runClause] = clause.Clause{Expression: r}
	if !r.raw {
		r.list, stmt.BuildClauses = stmt.BuildClauses, runList
	}
	return r
}

// runOf returns the run of a statement, nil if it has none. A statement that was copied from
// another one has the other's in its clauses.
func runOf(stmt *gorm.Statement) *run {
	if r, ok := stmt.Clauses[runClause].Expression.(*run); ok && r.stmt == stmt {
		return r
	}
	return nil
}

// end leaves the statement as it was: it may be used again.
func end(db *gorm.DB) {
	stmt := db.Statement
	r := runOf(stmt)
	if r == nil {
		return
	}
	tellOnce(db)
	switch {
	case db.Error == nil:
	case r.argument:
		r.carryError(db.Error)
	case db.DryRun && r.own.table != nil: // Nobody is to run it.
		stmt.SQL.Reset()
		_, _ = stmt.SQL.WriteString(refused)
	}
	r.endJoins()
	r.leaveDefault()
	delete(stmt.Clauses, runClause)
	where, ok := stmt.Clauses["WHERE"].Expression.(clause.Where)
	if r.addedWhere && ok && len(where.Exprs) == 0 {
		delete(stmt.Clauses, "WHERE") // Soft delete may have put its condition there, for good.
	}
	if len(stmt.BuildClauses) == 1 && &stmt.BuildClauses[0] == &runList[0] {
		stmt.BuildClauses = r.list
	}
	*r = run{}
	runs.Put(r)
}

// isArgument reports whether the statement is built as an argument of another one, by
// Statement.AddVar or by the Build of a generic chain, rather than for its caller.
func isArgument() bool {
	return executedBy("gorm.(*Statement).AddVar", "gorm.chainG[...].Build")
}

// executedBy reports whether the statement is executed by a function whose name ends in one of
// functions. GORM's are too long to be inlined.
func executedBy(functions ...string) bool {
	var pcs [16]uintptr
	executed := false
	for _, pc := range pcs[:runtime.Callers(3, pcs[:])] {
		f := runtime.FuncForPC(pc - 1)
		if f == nil {
			return false
		}
		if executed {
			return slices.ContainsFunc(functions, func(end string) bool {
				return strings.HasSuffix(f.Name(), end)
			})
		}
		executed = strings.HasSuffix(f.Name(), "gorm.(*processor).Execute")
	}
	return false
}

// enter resolves the tenant of a statement whose own table is t. ok is false where it fails.
func (r *run) enter(db *gorm.DB, own target) (ok bool) {
	r.own = own
	t := own.table
	if t == nil || r.open {
		return true
	}
	r.asDefault(t.Name)
	if r.err == nil && r.scope.id != nil && t.Field != nil {
		r.bound, r.err = t.bind(r.scope.id)
	}
	if r.err != nil {
		fail(db, r.op, t.Name, r.err)
		return false
	}
	r.makeRoom()
	return true
}

// makeRoom makes room for the text and the arguments with the tenant's condition: GORM's own is for
// the text without, and would be outgrown.
func (r *run) makeRoom() {
	if r.raw || r.scope.id == nil {
		return
	}
	r.stmt.SQL.Grow(240)
	if r.stmt.Vars == nil {
		r.stmt.Vars = make([]any, 0, 4)
	}
}

// limits reports whether the writers have to limit the statement's own table to the tenant.
func (r *run) limits() bool { return r.own.table != nil && r.scope.id != nil && r.err == nil }

// tenant returns the tenant as the writers write it.
func (r *run) tenant() any {
	if r.argument {
		return ownTenant{id: r.scope.id}
	}
	return r.scope.id
}

// report calls OnUnscoped, once for a statement. table is "" for one that names none of tenants.
func (r *run) report(table string) {
	if table != "" {
		r.reported = true
		r.guard.config.OnUnscoped(r.stmt.Context, r.op, table, r.scope.reason, r.elsewhere())
	}
}

// options are what the reader of the finished text has to know.
func (r *run) options(view *tenanttable.View, raw bool) sqltext.Options {
	o := sqltext.Options{
		Dialect: r.guard.dialect, Tables: view, Raw: raw, Nonce: nonce, First: r.first,
		Numbered: r.guard.numbered,
	}
	if !raw && r.own.table != nil {
		o.Own, o.OwnName = r.own.table.SQL, r.own.name
	}
	return o
}
