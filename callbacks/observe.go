package callbacks

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// An observer tells what enforcement would do to a statement, and does nothing to it. Just before
// GORM builds a statement, the observer copies it with its values and builds the copy twice, on two
// *gorm.DB that send nothing (shadow.go): on one as it is, on the other with isolation. What
// differs is a finding. The statement itself meets no builder, door or callback of ours but the one
// that copies it.

// Finding is what enforcement would do to the statements of one place.
type Finding struct {
	Kind, Operation, Table, Caller, SQL, Scoped, Advice string
}

// The kinds of findings.
const (
	Refused   = "refused"   // it would fail
	Scoped    = "scoped"    // what GORM builds would be limited, or filled in
	Rewritten = "rewritten" // raw SQL would be changed
	Full      = "full"      // no further place can be remembered
)

// mostPlaces bounds the memory of an observer.
const mostPlaces = 10_000

// observer reports what enforcement would do.
type observer struct {
	plain, full *gorm.DB
	guard       *guard // of full
	found       func(ctx context.Context, f Finding)

	mutex  sync.Mutex
	places map[place]struct{}
}

// place is where statements are made, and what would become of them.
type place struct{ caller, op, table, kind string }

// Observe reports to found what full would do to the statements of db beyond what now does. It
// changes nothing. now is nil where nothing is enforced; else Register is called with it
// afterwards.
func Observe(
	db *gorm.DB, now *Config, full Config, found func(ctx context.Context, f Finding),
) error {
	full.OnUnscoped, full.OnDefault = nil, nil // What is only built is not reported.
	o := &observer{found: found, places: map[place]struct{}{}}
	var err error
	if o.full, err = newShadow(db, &full); err != nil {
		return err
	}
	if o.plain, err = newShadow(db, now); err != nil {
		return err
	}
	o.guard = guardOf(o.full.ClauseBuilders["WHERE"])
	callback := db.Callback()
	return errors.Join(
		callback.Query().Before("gorm:query").Register(ObserveName, o.watch("query")),
		callback.Row().Before("gorm:row").Register(ObserveName, o.watch("row")),
		callback.Raw().Before("gorm:raw").Register(ObserveName, o.watch("raw")),
		callback.Create().Before("gorm:create").Register(ObserveName, o.watch("create")),
		callback.Update().Before("gorm:update").Register(ObserveName, o.watch("update")),
		callback.Delete().Before("gorm:delete").Register(ObserveName, o.watch("delete")),
	)
}

// watch returns the callback that looks at a statement before it is built.
func (o *observer) watch(op string) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error != nil || db.DryRun || isColumnTypes(db) {
			return
		}
		stmt, kind := db.Statement, Scoped
		name := op
		if stmt.SQL.Len() > 0 {
			name, kind = "raw", Rewritten
		}
		before, err := build(o.plain, db, op)
		if err != nil || before.text == "" {
			return // It fails by itself, or there is nothing to send.
		}
		after, err := build(o.full, db, op)
		f := Finding{Kind: kind, Operation: name, SQL: before.text, Scoped: after.text}
		switch {
		case err != nil:
			f.Kind, f.Scoped = Refused, ""
			f.Table, f.Advice = o.refused(err, stmt)
		case before.text == after.text && reflect.DeepEqual(before.vars, after.vars):
			return
		default:
			f.Table = o.tableIn(before, stmt)
			f.Advice = advice(kind, op)
		}
		f.Caller = caller()
		if o.isNew(&f) {
			o.found(stmt.Context, f)
		}
	}
}

// refused returns the table of what would fail, and why.
func (o *observer) refused(err error, stmt *gorm.Statement) (table, advice string) {
	var failure *gormtenant.Error
	if errors.As(err, &failure) {
		return failure.Table, strings.TrimPrefix(failure.Err.Error(), "gormtenant: ")
	}
	return stmt.Table, err.Error()
}

// tableIn returns the first table of tenants in a text.
func (o *observer) tableIn(text judged, stmt *gorm.Statement) string {
	view := o.guard.tables.View()
	plan, err := o.guard.verdicts.read(text.text, sqltext.Options{
		Dialect: o.guard.dialect, Tables: view, Raw: true, Nonce: nonce,
		Numbered: o.guard.numbered, Vars: len(text.vars),
	}, view.Generation())
	var refused *sqltext.Refusal
	switch {
	case errors.As(err, &refused) && refused.Table != "":
		return refused.Table
	case err == nil && firstTable(plan) != "":
		return firstTable(plan)
	}
	return stmt.Table
}

// advice says what to do about a statement that would run.
func advice(kind, op string) string {
	switch {
	case kind == Rewritten:
		return "read the text that would be sent: it is limited to the tenant of the context; " +
			"if it is to cross tenants, give it gormtenant.Unscoped(ctx, reason)"
	case op == "create":
		return "nothing, if the row is to be the tenant's of the context: it is filled in"
	}
	return "nothing, if it is to see the rows of the tenant of the context only; " +
		"if it is to cross tenants, give it gormtenant.Unscoped(ctx, reason)"
}

// isNew reports whether f is to be told: it is the first of its place. The finding that fills the
// memory is told as such, and none after it.
func (o *observer) isNew(f *Finding) bool {
	key := place{f.Caller, f.Operation, f.Table, f.Kind}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if _, known := o.places[key]; known || len(o.places) > mostPlaces {
		return false
	}
	o.places[key] = struct{}{}
	if len(o.places) > mostPlaces {
		*f = Finding{Kind: Full, Advice: "more places than can be remembered were found: " +
			"mend those, and start the program again to see the others"}
	}
	return true
}

// build builds a copy of a statement on a shadow.
func build(on, db *gorm.DB, op string) (judged, error) {
	stmt := db.Statement
	tx := db.Session(&gorm.Session{SkipHooks: true}) // Its statement is a copy.
	config := *on.Config
	config.AllowGlobalUpdate, config.QueryFields = db.AllowGlobalUpdate, db.QueryFields
	config.DisableNestedTransaction = db.DisableNestedTransaction
	tx.Config = &config
	clone := tx.Statement
	clone.ConnPool = config.ConnPool
	clone.BuildClauses = stmt.BuildClauses
	if r := runOf(stmt); r != nil {
		delete(clone.Clauses, runClause)
		if !r.raw {
			clone.BuildClauses = r.list
		}
		where, ok := clone.Clauses["WHERE"].Expression.(clause.Where)
		if r.addedWhere && ok && len(where.Exprs) == 0 {
			delete(clone.Clauses, "WHERE")
		}
	}
	clone.Dest = copyOf(stmt.Dest)
	if clone.Model = clone.Dest; !isDest(stmt) {
		clone.Model = copyOf(stmt.Model)
	}
	callback := tx.Callback()
	switch op {
	case "query":
		callback.Query().Execute(tx)
	case "row":
		callback.Row().Execute(tx)
	case "raw":
		callback.Raw().Execute(tx)
	case "create":
		callback.Create().Execute(tx)
	case "update":
		callback.Update().Execute(tx)
	case "delete":
		callback.Delete().Execute(tx)
	}
	return judged{withoutMarks(clone.SQL.String()), clone.Vars}, tx.Error
}
