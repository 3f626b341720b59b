package callbacks

import (
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// refusals says what a text is refused with, by the reason of the reader, and what to do about it.
// The reader's own words come first.
var refusals = [...]struct {
	err    error
	advice string
}{
	sqltext.Unreadable: {
		gormtenant.ErrRawSQL, "write it so that it can be read in one way",
	},
	sqltext.SeveralStatements: {
		gormtenant.ErrRawSQL, "run each statement by itself",
	},
	sqltext.TenantChange: {
		gormtenant.ErrTenantChange, "",
	},
	sqltext.RawInsert: {
		gormtenant.ErrRawSQL, "use Create, or bind scopes.ID(ctx) to the tenant column of each row",
	},
	sqltext.Upsert: {
		gormtenant.ErrRawSQL, "use Create with clause.OnConflict, or Save",
	},
	sqltext.Command: {
		gormtenant.ErrRawSQL, "use gormtenant.Unscoped(ctx, reason) for work on all tenants' rows",
	},
	sqltext.RunsText: {
		gormtenant.ErrRawSQL, "use gormtenant.Unscoped(ctx, reason) " +
			"if it may read all tenants' rows",
	},
	sqltext.Catalog: {
		gormtenant.ErrRawSQL, "use gormtenant.Unscoped(ctx, reason) " +
			"if it may read all tenants' values",
	},
	sqltext.Placeholders: {
		gormtenant.ErrRawSQL, "give as many arguments as the text has placeholders",
	},
	sqltext.TooLarge: {
		gormtenant.ErrRawSQL, "split it into several",
	},
	sqltext.NotFound: {
		gormtenant.ErrUnsupported, "use Model or Table for the table that the statement is about",
	},
	sqltext.NotTenant: {
		gormtenant.ErrOtherTenant, "",
	},
	sqltext.Forged: {
		gormtenant.ErrRawSQL, "put the sub-query into parentheses of its own, as in (?)",
	},
}

// refusal returns the error for what the reader refused.
func (r *run) refusal(err error) error {
	var refused *sqltext.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	if r.err != nil { // No tenant could have been let through either.
		return tableError{refused.Table, r.err}
	}
	known := refusals[refused.Reason]
	switch refused.Reason {
	case sqltext.Upsert, sqltext.Command, sqltext.RawInsert:
		if !r.raw {
			known.err = gormtenant.ErrUnsupported
		}
	}
	switch {
	case known.err == nil:
		known.err, known.advice = gormtenant.ErrRawSQL, ""
	case known.advice == "":
		return tableError{refused.Table, known.err}
	}
	// The reader's own advice knows nothing of GORM.
	what, _, _ := strings.Cut(refused.Detail, "; ")
	return tableError{refused.Table, fmt.Errorf("%w: %s: %s", known.err, what, known.advice)}
}

// notFound reports whether a text was refused because the statement's own table is not in it.
func notFound(err error) bool {
	var refused *sqltext.Refusal
	return errors.As(err, &refused) && refused.Reason == sqltext.NotFound
}

// What the writers refuse.
var (
	errStaleRun = fmt.Errorf("%w: it was copied from one that is being built: "+
		"begin a new one with db.Session(&gorm.Session{NewDB: true})", gormtenant.ErrUnsupported)
	errNoRun = fmt.Errorf("%w: the callbacks of the plugin did not run before it: "+
		"register tenantplugin after other plugins, and remove none of its callbacks",
		gormtenant.ErrUnsupported)
	errNoDoor = fmt.Errorf("%w: another plugin has replaced the callback that sends it: "+
		"register tenantplugin after that one", gormtenant.ErrUnsupported)
	errSentBefore = fmt.Errorf("%w: it was sent before", gormtenant.ErrUnsupported)
	errRewriter   = fmt.Errorf("%w: a pgx.QueryRewriter changes the text after it was read: "+
		"use GORM's own arguments", gormtenant.ErrRawSQL)
	errOpenInRaw = fmt.Errorf("%w: a sub-query of raw SQL: give it a tenant by its own context",
		gormtenant.ErrNoTenant)
	errForeignBuilder = fmt.Errorf("%w: another plugin's clause builder writes to something else "+
		"than the statement: let it pass on the clause.Builder that it was given",
		gormtenant.ErrUnsupported)
	errOtherOptions = errors.New("gormtenant: this *gorm.DB was opened with the gorm.Config of " +
		"another, whose plugin has other options: open it with a gorm.Config of its own")
	errUpsert = fmt.Errorf("%w: this database's upsert takes no condition, so the row of another "+
		"tenant with the same key could be overwritten: look the row up first, "+
		"then create or update it",
		gormtenant.ErrUnsupported)
	errGoesOn = fmt.Errorf("%w: the text for a column goes on to another one, whose key cannot be "+
		"checked: set each column by itself", gormtenant.ErrUnsupported)
	errSpelledTwice = fmt.Errorf("%w: a map has a column twice, in two spellings: "+
		"which one counts cannot be told", gormtenant.ErrUnsupported)
)

// bothErrors is two errors of which one is told.
type bothErrors struct{ told, also error }

func (b bothErrors) Error() string   { return b.told.Error() }
func (b bothErrors) Unwrap() []error { return []error{b.told, b.also} }

// An update with a struct of another tenant would change the tenant, and it is another tenant's
// value. Which of the two it looks like depends on where the struct was given.
var (
	errRemembered = bothErrors{gormtenant.ErrOtherTenant, gormtenant.ErrTenantChange}
	errAssigned   = bothErrors{gormtenant.ErrTenantChange, gormtenant.ErrOtherTenant}
)

// tableError is an error about a table that may not be the statement's own.
type tableError struct {
	table string // "" for the statement's own
	err   error
}

func (e tableError) Error() string { return e.table + ": " + e.err.Error() }
func (e tableError) Unwrap() error { return e.err }

// refused stands in the text of a statement that is only built, and was refused, so that a database
// refuses it too.
const refused = "!gormtenant: refused"

// fail makes the statement fail, once: GORM would join a second error to the first as text.
func fail(db *gorm.DB, op, table string, err error) {
	if db.Error != nil {
		return
	}
	_ = db.AddError(&gormtenant.Error{Op: op, Table: table, Err: err})
	if db.DryRun && db.Statement.SQL.Len() == 0 {
		_, _ = db.Statement.SQL.WriteString(refused)
	}
}

// tellOnce makes one error of what is the same error several times: GORM adds the error of a create
// to that of the statement which it was for, once at each level.
func tellOnce(db *gorm.DB) {
	var ours *gormtenant.Error
	if db.Error == nil || !errors.As(db.Error, &ours) {
		return
	}
	others := strings.ReplaceAll(db.Error.Error(), ours.Error(), "")
	if strings.Trim(others, "; ") == "" {
		db.Error = ours
	}
}

// failBuild makes a statement fail while it is built.
func failBuild(stmt *gorm.Statement, table string, err error) {
	if stmt.Error != nil {
		return
	}
	op := "query"
	if r := runOf(stmt); r != nil {
		op = r.op
	}
	_ = stmt.AddError(&gormtenant.Error{Op: op, Table: table, Err: err})
}
