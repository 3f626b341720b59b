package callbacks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

var errNoWhere = fmt.Errorf("%w: Statement.BuildClauses leaves out WHERE, or the clause that begins "+
	"a statement, so no condition would be written: add it", gormtenant.ErrUnsupported)

var errNoValues = fmt.Errorf("%w: Statement.BuildClauses of a create must have VALUES and no SELECT: "+
	"rows from elsewhere have no tenant", gormtenant.ErrUnsupported)

// scope is what the context of a statement says.
type scope struct {
	id       any // nil where the statement is unscoped
	reason   string
	unscoped bool
}

// resolve returns what ctx says, or the error with which its statements fail.
func resolve(ctx context.Context) (scope, error) {
	if ctx == nil {
		return scope{}, gormtenant.ErrNoTenant
	}
	if id, ok := gormtenant.FromContext(ctx); ok {
		return scope{id: id}, nil
	}
	if reason, ok, err := gormtenant.UnscopedReason(ctx); ok {
		return scope{reason: reason, unscoped: true}, err
	}
	_, err := gormtenant.Require(ctx)
	return scope{}, err
}

// decided says whether ctx names a tenant or is unscoped, rather than leaving it open.
func decided(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	s, _ := resolve(ctx)
	return s.id != nil || s.unscoped
}

// refused stands in the text of a sub-query that was refused. GORM drops a sub-query's error where
// it writes the text into another statement; this makes the database refuse that statement.
const refused = "!gormtenant: refused sub-query"

// fail makes the statement fail, once: GORM would join a second error to the first as text.
func fail(db *gorm.DB, op, table string, err error) {
	if db.Error != nil {
		return
	}
	_ = db.AddError(&gormtenant.Error{Op: op, Table: table, Err: err})
	if db.DryRun && db.Statement.SQL.Len() == 0 {
		db.Statement.SQL.WriteString(refused)
	}
}

// failBuild makes a statement fail while it is built.
func failBuild(stmt *gorm.Statement, table string, err error) {
	if stmt.Error == nil {
		_ = stmt.AddError(&gormtenant.Error{Op: operation(stmt), Table: table, Err: err})
	}
}

var operations = [...]struct{ word, name string }{
	{"INSERT", "create"}, {"UPDATE", "update"}, {"DELETE", "delete"},
}

// operation returns GORM's name for the statement that is being built, by its text.
func operation(stmt *gorm.Statement) string {
	text := stmt.SQL.String()
	for strings.HasPrefix(text, "/*") { // an optimizer hint
		_, text, _ = strings.Cut(text, "*/")
		text = strings.TrimSpace(text)
	}
	for _, o := range operations {
		_, has := stmt.Clauses[o.word]
		if strings.HasPrefix(text, o.word) || text == "" && has {
			return o.name
		}
	}
	return "query"
}

// enter resolves the tenant of a statement on the table of tenants t.
func (g *guard) enter(db *gorm.DB, op string, t *table) (scope, bool) {
	s, err := resolve(db.Statement.Context)
	if err == nil && s.id != nil && t.Field != nil {
		_, err = t.bind(s.id)
	}
	if err == nil {
		err = g.hasWhere(db.Statement, op)
	}
	if err != nil {
		fail(db, op, t.Name, err)
		return s, false
	}
	return s, true
}

// hasWhere refuses a statement whose caller set the clauses to be built and left out WHERE: no
// condition would be written.
func (g *guard) hasWhere(stmt *gorm.Statement, op string) error {
	if buildsAsEver(stmt) {
		return nil
	}
	if op == "create" {
		if !slices.Contains(stmt.BuildClauses, "VALUES") || slices.Contains(stmt.BuildClauses, "SELECT") {
			return errNoValues
		}
		return nil
	}
	where := slices.Contains(stmt.BuildClauses, "WHERE")
	for _, name := range stmt.BuildClauses {
		if where && isHead(name) {
			return nil
		}
	}
	return errNoWhere
}

// reportedKey is the setting of a statement that was reported to OnUnscoped.
const reportedKey = "gormtenant:reported"

// report calls OnUnscoped, once for a statement. One that is only built is not reported.
func (g *guard) report(stmt *gorm.Statement, op, table, reason string) {
	if g.config.OnUnscoped == nil || stmt.DryRun {
		return
	}
	if _, reported := stmt.Settings.LoadOrStore(reportedKey, true); !reported {
		g.config.OnUnscoped(stmt.Context, op, table, reason)
	}
}

// forget makes a statement new to report: it may be used again, or have the settings of another.
func (g *guard) forget(stmt *gorm.Statement) {
	if g.config.OnUnscoped != nil {
		stmt.Settings.Delete(reportedKey)
	}
}
