// Package callbacks enforces isolation inside GORM. The plugin package registers it; applications
// need it only for the names of its callbacks, to order their own around them.
//
// GORM runs callbacks before it adds primary keys, soft-delete conditions, joins and assignments
// to a statement, so a condition that is added in a callback is added too early. Here the
// callbacks only resolve the tenant, fill what is created and refuse what cannot be scoped. The
// condition itself is written by clause builders, which GORM calls when a clause becomes SQL text:
// the last moment, at which everything is known and nothing can follow.
package callbacks

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
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

	subqueryName  = "gormtenant:subquery"
	textName      = "gormtenant:text"
	failedRowName = "gormtenant:failed_row"
)

// Config says how isolation is enforced on one *gorm.DB. The zero value is the strict one.
type Config struct {
	// Column makes a model a tenant model without a tag. Defaults to "tenant_id".
	Column string
	// Models are known from the start, for statements that name their table only as text.
	Models []any
	// AllowRawSQL lets raw SQL through that names a tenant's table.
	AllowRawSQL bool
	// CheckReferences makes sure that the foreign keys that are written name rows of the tenant.
	CheckReferences bool
	// OnUnscoped is called once for each statement that runs across tenants. It may be nil.
	OnUnscoped func(ctx context.Context, operation, table, reason string)
}

// sameAs says whether other enforces the same.
func (c Config) sameAs(other Config) bool {
	return c.Column == other.Column && c.AllowRawSQL == other.AllowRawSQL && c.CheckReferences == other.CheckReferences
}

var errOtherOptions = errors.New("gormtenant: this *gorm.DB was opened with the gorm.Config of another, " +
	"whose plugin has other options: open it with a gorm.Config of its own")

// guard enforces isolation on one *gorm.DB. It holds no state of a statement and is safe for
// concurrent use.
type guard struct {
	config  Config
	tables  *registry
	dialect sqlscan.Dialect
}

// buildsAsEver says whether stmt is built of the clauses that GORM builds by itself, rather than of
// a list that its caller made.
func buildsAsEver(stmt *gorm.Statement) bool {
	if len(stmt.BuildClauses) == 0 {
		return true
	}
	callback := stmt.DB.Callback()
	for _, list := range [...][]string{
		callback.Query().Clauses, callback.Create().Clauses, callback.Update().Clauses, callback.Delete().Clauses,
	} {
		if len(list) > 0 && &list[0] == &stmt.BuildClauses[0] {
			return true
		}
	}
	return false
}

// Register adds the callbacks and clause builders to db. Clause builders that were registered
// before, by the dialect or by another plugin, are called by ours.
//
// GORM calls it again for each *gorm.DB that is opened with the same gorm.Config or a copy of it, as
// dbresolver opens replicas. Such databases share their clause builders, and so the guard.
func Register(db *gorm.DB, config Config) error {
	g := guardOf(db.ClauseBuilders["WHERE"])
	if g == nil {
		g = &guard{config: config, tables: newRegistry(db, config.Column)}
		if db.Dialector != nil && db.Name() == "mysql" {
			g.dialect = sqlscan.MySQL
		}
	} else if !g.config.sameAs(config) {
		return errOtherOptions
	}
	if err := g.tables.Declare(config.Models...); err != nil {
		return err
	}
	if err := g.registerCallbacks(db); err != nil {
		return err
	}
	g.registerBuilders(db)
	return nil
}

// first is where a callback runs before all others, GORM's own BEGIN included.
const first = "*"

func (g *guard) registerCallbacks(db *gorm.DB) error {
	callback := db.Callback()
	for _, c := range []struct {
		register func(name string, fn func(*gorm.DB)) error
		name     string
		run      func(*gorm.DB)
	}{
		{callback.Query().Before(first).Register, QueryName, g.beforeQuery},
		{callback.Query().After("gorm:query").Register, subqueryName, afterSubquery},
		{callback.Row().Before(first).Register, RowName, g.beforeRow},
		{callback.Row().After("gorm:row").Register, failedRowName, afterRow},
		{callback.Raw().Before(first).Register, RawName, g.beforeRaw},
		{callback.Create().Before(first).Register, CreateName, g.beforeCreate},
		{callback.Create().Before("gorm:create").Register, ReferencesName, g.checkCreatedReferences},
		{callback.Create().Before("gorm:create").Register, textName, g.checkText},
		{callback.Update().Before("gorm:update").Register, textName, g.checkText},
		{callback.Delete().Before("gorm:delete").Register, textName, g.checkText},
		{callback.Create().Before("gorm:save_after_associations").Register, ConflictName, g.afterInsert},
		{callback.Update().Before(first).Register, UpdateName, g.beforeUpdate},
		{callback.Update().Before("gorm:save_after_associations").Register, OwnerName, g.checkOwner},
		{callback.Delete().Before(first).Register, DeleteName, g.beforeDelete},
	} {
		if err := c.register(c.name, c.run); err != nil {
			return fmt.Errorf("gormtenant: registering callback %s: %w", c.name, err)
		}
	}
	return nil
}

// builder writes one clause of a statement. prev is the builder that was registered before, nil
// where GORM writes the clause itself.
type builder func(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder)

// tail is a builder for the clause with that name, one that comes after WHERE.
func (g *guard) tail(name string) builder {
	return func(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
		g.buildTail(name, c, stmt, prev)
	}
}

func (g *guard) registerBuilders(db *gorm.DB) {
	for name, build := range map[string]builder{
		"INSERT":      g.buildHead,
		"SELECT":      g.buildHead,
		"UPDATE":      g.buildHead,
		"DELETE":      g.buildHead,
		"VALUES":      g.buildValues,
		"ON CONFLICT": g.buildConflict,
		"SET":         g.buildSet,
		"FROM":        g.buildFrom,
		"WHERE":       g.buildWhere,
		"GROUP BY":    g.tail("GROUP BY"),
		"ORDER BY":    g.tail("ORDER BY"),
		"LIMIT":       g.tail("LIMIT"),
		"FOR":         g.tail("FOR"),
		"RETURNING":   g.tail("RETURNING"),
	} {
		prev := db.ClauseBuilders[name]
		if guardOf(prev) != nil {
			continue
		}
		db.ClauseBuilders[name] = func(c clause.Clause, b clause.Builder) {
			if ask, ok := b.(*question); ok {
				ask.guard = g
			} else if stmt, ok := statementOf(b); ok {
				build(c, stmt, prev)
			}
		}
	}
}

// question is passed to a clause builder to learn whether it is one of ours, or passes on to one.
type question struct {
	clause.Builder // nil: whoever writes to it is not ours
	guard          *guard
}

// guardOf returns the guard behind a clause builder, nil if there is none.
func guardOf(build clause.ClauseBuilder) *guard {
	if build == nil {
		return nil
	}
	var ask question
	func() {
		defer func() { _ = recover() }()
		build(clause.Clause{}, &ask)
	}()
	return ask.guard
}

var errForeignBuilder = fmt.Errorf("%w: another plugin's clause builder writes to something else than "+
	"the statement: let it pass on the clause.Builder that it was given", gormtenant.ErrUnsupported)

// statementOf returns the statement that b is. A clause builder that was registered after ours can
// call ours with a builder of its own: what is written there cannot be scoped.
func statementOf(b clause.Builder) (*gorm.Statement, bool) {
	stmt, ok := b.(*gorm.Statement)
	if !ok {
		_ = b.AddError(&gormtenant.Error{Op: "query", Err: errForeignBuilder})
	}
	return stmt, ok
}

// failed says whether stmt failed before c is built. GORM goes on building such a statement, for the
// log and for DryRun, and never sends it. What it would write is written, unless the error is ours or
// the statement is about a table of tenants.
func (g *guard) failed(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) bool {
	if stmt.Error == nil {
		return false
	}
	var ours *gormtenant.Error
	if !errors.As(stmt.Error, &ours) && !g.touches(stmt) {
		write(c, stmt, prev)
	}
	return true
}

// write builds c as it would be built without this package.
func write(c clause.Clause, b clause.Builder, prev clause.ClauseBuilder) {
	if prev != nil {
		prev(c, b)
	} else {
		c.Build(b)
	}
}
