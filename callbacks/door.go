package callbacks

import (
	"context"
	"database/sql"
	"reflect"

	"gorm.io/gorm"
)

// Each callback of GORM that sends a statement is wrapped: while it runs, Statement.ConnPool is the
// statement's run, the door. It lets out the text that the gate let through. Any other text, of a
// dialect that writes its own, of soft delete, of a hook that wrote Statement.SQL, is put through
// the gate here. So nobody has to know whose code built a statement.

// throughDoor wraps a callback that sends statements. All that it returns has one code, by which
// hasDoor knows it: where it is inlined, each caller would have a copy.
//
//go:noinline
func throughDoor(send func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		r := runOf(stmt)
		if r == nil {
			if db.Error == nil {
				fail(db, "query", stmt.Table, errNoRun)
			}
			return
		}
		if db.Error == nil && stmt.SQL.Len() > 0 && r.sent.text == "" {
			r.raw = true // A hook has written it.
			r.judgeStatement(true)
		}
		if parts := r.parts(db); parts != nil {
			r.sendParts(db, parts, send)
			return
		}
		r.openDoor(stmt)
		defer r.closeDoor(stmt)
		send(db)
		if db.DryRun && db.Error == nil && stmt.SQL.Len() > 0 && r.sent.text == "" {
			r.judgeStatement(true) // Soft delete builds its text past the gate.
		}
	}
}

// doorCode is where the code of what throughDoor returns is.
var doorCode = reflect.ValueOf(throughDoor(nil)).Pointer()

// hasDoor reports whether what sends the statement still goes through the door, rather than having
// been replaced by another plugin.
func hasDoor(db *gorm.DB, op string) bool {
	callback := db.Callback()
	var send func(*gorm.DB)
	switch op {
	case "query":
		send = callback.Query().Get("gorm:query")
	case "row":
		send = callback.Row().Get("gorm:row")
	case "raw":
		send = callback.Raw().Get("gorm:raw")
	case "create":
		send = callback.Create().Get("gorm:create")
	case "update":
		send = callback.Update().Get("gorm:update")
	case "delete":
		send = callback.Delete().Get("gorm:delete")
	}
	return send != nil && reflect.ValueOf(send).Pointer() == doorCode
}

// openDoor puts the run in front of the pool.
func (r *run) openDoor(stmt *gorm.Statement) {
	r.pool = poolOf(stmt)
	stmt.ConnPool = r
}

// poolOf returns the pool of a statement behind its door, and those of the statements around it.
func poolOf(stmt *gorm.Statement) gorm.ConnPool {
	pool := stmt.ConnPool
	for {
		door, ok := pool.(*run)
		if !ok {
			return pool
		}
		pool = door.pool
	}
}

// closeDoor puts the pool back: what comes next looks for its transaction.
func (r *run) closeDoor(stmt *gorm.Statement) {
	if stmt.ConnPool == gorm.ConnPool(r) {
		stmt.ConnPool = r.pool
	}
	r.pool = nil
}

// pass returns what is sent for a text.
func (r *run) pass(text string, vars []any) (judged, error) {
	if r.stmt == nil || r.pool == nil {
		return judged{}, errSentBefore
	}
	if r.stmt.Error != nil {
		return judged{}, r.stmt.Error
	}
	if text == r.sent.text && len(vars) == len(r.sent.vars) &&
		(len(vars) == 0 || &vars[0] == &r.sent.vars[0]) {
		return r.sent, nil
	}
	as, err := r.judge(text, vars, true)
	if err != nil {
		return as, r.wrap(err)
	}
	if as.text != text && r.stmt.SQL.String() == text { // for the log
		r.stmt.SQL.Reset()
		_, _ = r.stmt.SQL.WriteString(as.text)
		r.stmt.Vars = as.vars
	}
	return as, nil
}

// ExecContext implements gorm.ConnPool.
func (r *run) ExecContext(ctx context.Context, text string, vars ...any) (sql.Result, error) {
	as, err := r.pass(text, vars)
	if err != nil {
		return nil, err
	}
	return r.pool.ExecContext(r.contextOf(ctx), as.text, as.vars...)
}

// QueryContext implements gorm.ConnPool.
func (r *run) QueryContext(ctx context.Context, text string, vars ...any) (*sql.Rows, error) {
	as, err := r.pass(text, vars)
	if err != nil {
		return nil, err
	}
	return r.pool.QueryContext(r.contextOf(ctx), as.text, as.vars...)
}

// QueryRowContext implements gorm.ConnPool.
func (r *run) QueryRowContext(ctx context.Context, text string, vars ...any) *sql.Row {
	as, err := r.pass(text, vars)
	if err != nil {
		if r.stmt != nil {
			_ = r.stmt.AddError(err)
		}
		return failedRow(ctx, err)
	}
	return r.pool.QueryRowContext(r.contextOf(ctx), as.text, as.vars...)
}

// PrepareContext implements gorm.ConnPool. What would be run with arguments that nobody sees is let
// through only if it names no table of tenants.
func (r *run) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	as, err := r.pass(text, nil)
	if err != nil {
		return nil, err
	}
	return r.pool.PrepareContext(r.contextOf(ctx), as.text)
}
