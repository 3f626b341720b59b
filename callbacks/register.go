// Package callbacks enforces isolation inside GORM. The plugin package registers it; applications
// need it only for the names of its callbacks, to order their own around them.
//
// GORM runs callbacks before it adds primary keys, soft-delete conditions, joins and assignments to
// a statement: a condition that is added in a callback is added too early, and whoever looks at a
// part sees a part. So there are two mechanisms. Writers (the files clause_*.go) put the tenant's
// condition where GORM's clauses have a place for it. One gate (gate.go) reads the finished text
// and its arguments right before they leave, and is the guarantee: it proves each reference to a
// table of tenants to be limited to the tenant, limits it, or refuses the text. The callbacks in
// front of them (hook_*.go) resolve the tenant once, fill what is created, and look up whose the
// rows are that are linked. A door (door.go) around the callbacks that send lets out nothing that
// the gate has not seen.
//
// To read it, begin with run.go (what is known of one statement), gate.go and door.go.
package callbacks

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// Names of the callbacks, for db.Callback().Create().After(callbacks.CreateName) and the like.
const (
	// QueryName resolves the tenant of Find, First, Count, Pluck and the like, first of all.
	QueryName = "gormtenant:query"
	// RowName does the same for Row, Rows and Scan.
	RowName = "gormtenant:row"
	// RawName refuses raw SQL of Exec that names a tenant's table, first of all.
	RawName = "gormtenant:raw"
	// CreateName resolves the tenant and fills it in, before the transaction begins.
	CreateName = "gormtenant:create"
	// AssociatedName fills the tenant into the rows that are saved with those of a statement.
	AssociatedName = "gormtenant:associated"
	// ReferencesName checks the keys of other rows that a create writes, just before the INSERT.
	ReferencesName = "gormtenant:references"
	// ConflictName checks, just after the INSERT, that no conflict was with another tenant's row.
	ConflictName = "gormtenant:conflict"
	// UpdateName resolves the tenant of an update, before the transaction begins.
	UpdateName = "gormtenant:update"
	// OwnerName checks the owner of associations that an update is about to save.
	OwnerName = "gormtenant:owner"
	// DeleteName resolves the tenant of a delete, before the transaction begins.
	DeleteName = "gormtenant:delete"

	// ObserveName looks at a statement just before it is built, under [Observe].
	ObserveName = "gormtenant:observe"

	failedRowName = "gormtenant:failed_row"
	endName       = "gormtenant:end"
)

// Config says how isolation is enforced on one *gorm.DB. The zero value is the strict one.
type Config struct {
	// Column makes a model a tenant model without a tag. Defaults to "tenant_id".
	Column string
	// Models are known from the start, for statements that name their table only as text.
	Models []any
	// Tables are further names of models' tables.
	Tables []Table
	// Shared are models whose rows belong to no tenant. Strict refuses statements on any other
	// model without a tenant.
	Shared []any
	Strict bool
	// AllowRawSQL lets the text of Raw and Exec through as it is.
	AllowRawSQL bool
	// CheckReferences makes sure that the foreign keys that are written name rows of the tenant.
	CheckReferences bool
	// SplitCreates sends creates of several tenants' rows as one INSERT for each tenant.
	SplitCreates bool
	// Only are the models for which isolation is enforced, nil for all: others are nobody's.
	Only []any
	// Default is the tenant of statements whose context says nothing, nil for none. OnDefault is
	// called once for each statement on tables of tenants that ran as it. It may be nil.
	Default   any
	OnDefault func(ctx context.Context, operation, table, caller string)
	// OnUnscoped is called once for each statement that runs across tenants. It may be nil.
	// elsewhere is how many tenants live where the statement does not come.
	OnUnscoped func(ctx context.Context, operation, table, reason string, elsewhere int)
}

// Table is a further name of a model's table.
type Table struct {
	Name  string
	Model any
}

// sameAs reports whether other enforces the same.
func (c Config) sameAs(other Config) bool {
	return c.Column == other.Column && c.AllowRawSQL == other.AllowRawSQL &&
		c.CheckReferences == other.CheckReferences && c.Strict == other.Strict &&
		c.SplitCreates == other.SplitCreates && len(c.Only) == len(other.Only) &&
		c.Default == other.Default
}

// guard enforces isolation on one *gorm.DB. It holds no state of a statement and is safe for
// concurrent use.
type guard struct {
	config   Config
	tables   *registry
	dialect  sqltext.Dialect
	numbered string // In front of the number of a placeholder: "@p" on SQL Server.
	verdicts *verdicts
	known    transactions
	uniques  sync.Map // *schema.Schema -> [][]string: see uniqueKeys
}

// Register adds the callbacks and clause builders to db. Clause builders that were registered
// before, by the dialect or by another plugin, are called by ours.
//
// GORM calls it again for each *gorm.DB that is opened with the same gorm.Config or a copy of it,
// as dbresolver opens replicas. Such databases share their clause builders, and so the guard.
func Register(db *gorm.DB, config Config) error {
	g := guardOf(db.ClauseBuilders["WHERE"])
	if g == nil {
		g = &guard{
			config: config, tables: newRegistry(db, config),
			dialect: dialectOf(db), numbered: numberedOf(db), verdicts: newVerdicts(),
		}
	} else if !g.config.sameAs(config) {
		return errOtherOptions
	}
	if err := g.declare(config); err != nil {
		return err
	}
	if err := g.registerCallbacks(db); err != nil {
		return err
	}
	g.registerBuilders(db)
	return nil
}

// declare makes known what the options name.
func (g *guard) declare(config Config) error {
	if err := g.tables.Declare(config.Models...); err != nil {
		return err
	}
	for _, t := range config.Tables {
		if err := g.tables.Name(t.Name, t.Model); err != nil {
			return err
		}
	}
	return g.tables.Share(config.Shared...)
}

// first and last are where a callback runs before and after all others, GORM's own BEGIN and COMMIT
// included.
const first, last = "*", "*"

// savesFirst is GORM's callback that saves the rows which a statement's own refer to.
const savesFirst = "gorm:save_before_associations"

func (g *guard) registerCallbacks(db *gorm.DB) error {
	callback := db.Callback()
	queries, rows, raws := callback.Query(), callback.Row(), callback.Raw()
	creates, updates, deletes := callback.Create(), callback.Update(), callback.Delete()
	for _, c := range []struct {
		register func(name string, fn func(*gorm.DB)) error
		name     string
		run      func(*gorm.DB)
	}{
		{queries.Before(first).Register, QueryName, g.beforeQuery},
		{rows.Before(first).Register, RowName, g.beforeRow},
		{raws.Before(first).Register, RawName, g.beforeRaw},
		{creates.Before(first).Register, CreateName, g.beforeCreate},
		{updates.Before(first).Register, UpdateName, g.beforeUpdate},
		{deletes.Before(first).Register, DeleteName, g.beforeDelete},

		{creates.Before(savesFirst).Register, AssociatedName, g.fillAssociated},
		{updates.Before(savesFirst).Register, AssociatedName, g.fillAssociated},
		{creates.Before("gorm:create").Register, ReferencesName, g.checkCreatedReferences},
		{creates.Before("gorm:save_after_associations").Register, ConflictName, g.afterInsert},
		{updates.Before("gorm:save_after_associations").Register, OwnerName, g.checkOwner},

		{queries.Replace, "gorm:query", throughDoor(queries.Get("gorm:query"))},
		{rows.Replace, "gorm:row", throughDoor(rows.Get("gorm:row"))},
		{raws.Replace, "gorm:raw", throughDoor(raws.Get("gorm:raw"))},
		{creates.Replace, "gorm:create", throughDoor(creates.Get("gorm:create"))},
		{updates.Replace, "gorm:update", throughDoor(updates.Get("gorm:update"))},
		{deletes.Replace, "gorm:delete", throughDoor(deletes.Get("gorm:delete"))},

		{rows.After("gorm:row").Register, failedRowName, afterRow},
		{queries.After(last).Register, endName, end},
		{rows.After(last).Register, endName, end},
		{raws.After(last).Register, endName, end},
		{creates.After(last).Register, endName, end},
		{updates.After(last).Register, endName, end},
		{deletes.After(last).Register, endName, end},
	} {
		if err := c.register(c.name, c.run); err != nil {
			return fmt.Errorf("gormtenant: registering callback %s: %w", c.name, err)
		}
	}
	return lightenBegin(db)
}

// builder writes one clause of a statement. prev is the builder that was registered before, nil
// where GORM writes the clause itself.
type builder func(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder)

func (g *guard) registerBuilders(db *gorm.DB) {
	for name, build := range map[string]builder{
		"VALUES": buildValues, "ON CONFLICT": buildConflict, "SET": buildSet, "WHERE": buildWhere,
	} {
		prev := db.ClauseBuilders[name]
		if guardOf(prev) != nil {
			continue
		}
		db.ClauseBuilders[name] = func(c clause.Clause, b clause.Builder) {
			if ask, ok := b.(*guardProbe); ok {
				ask.guard = g
			} else if stmt, ok := statementOf(b); ok {
				build(c, stmt, prev)
			}
		}
	}
}

// guardProbe is passed to a clause builder to learn whether it is one of ours, or passes on to one.
type guardProbe struct {
	clause.Builder // nil: whoever writes to it is not ours
	guard          *guard
}

// guardOf returns the guard behind a clause builder, nil if there is none.
func guardOf(build clause.ClauseBuilder) *guard {
	if build == nil {
		return nil
	}
	var ask guardProbe
	func() {
		defer func() { _ = recover() }()
		build(clause.Clause{}, &ask)
	}()
	return ask.guard
}

// statementOf returns the statement that b is. A clause builder that was registered after ours can
// call ours with a builder of its own: what is written there cannot be scoped.
func statementOf(b clause.Builder) (*gorm.Statement, bool) {
	stmt, ok := b.(*gorm.Statement)
	if !ok {
		_ = b.AddError(&gormtenant.Error{Op: "query", Err: errForeignBuilder})
	}
	return stmt, ok
}

// write builds c as it would be built without this package.
func write(c clause.Clause, b clause.Builder, prev clause.ClauseBuilder) {
	if prev != nil {
		prev(c, b)
	} else {
		c.Build(b)
	}
}

// dialectOf returns how the database reads a text.
func dialectOf(db *gorm.DB) sqltext.Dialect {
	if db.Dialector == nil {
		return sqltext.Other
	}
	switch db.Name() {
	case "sqlite":
		return sqltext.SQLite
	case "postgres":
		return sqltext.Postgres
	case "mysql":
		return sqltext.MySQL
	}
	return sqltext.Other
}

// numberedOf returns what stands in front of the number of a placeholder, "" where it has none.
func numberedOf(db *gorm.DB) string {
	if db.Dialector == nil {
		return ""
	}
	stmt := gorm.Statement{DB: db, Vars: []any{nil}}
	db.BindVarTo(&stmt, &stmt, nil)
	before, found := strings.CutSuffix(stmt.SQL.String(), "1")
	if !found {
		return ""
	}
	return before
}
