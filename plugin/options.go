package tenantplugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/callbacks"
)

// Option changes what [New] makes.
type Option interface {
	apply(p *Plugin) error
}

type optionFunc func(config *callbacks.Config) error

func (o optionFunc) apply(p *Plugin) error { return o(&p.config) }

// Models makes models known from the start: pointers to structs, as AutoMigrate takes them.
//
//	db.Use(tenantplugin.New(tenantplugin.Models(&Project{}, &User{})))
//
// The plugin learns a model from the first statement on it, or on a model related to it. Until
// then it cannot tell that db.Table("projects") or raw SQL is about a tenant's table; so name the
// models here that the application reads by their table's name. Something that is no model, or
// whose tenant field cannot be told, makes db.Use fail with gormtenant.ErrInvalidModel.
func Models(models ...any) Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.Models = append(config.Models, models...)
		return nil
	})
}

// Tables makes further names of a model's table known: of tables by year, by region, or of an
// archive. What is read or written under such a name is scoped like the model.
//
//	tenantplugin.Tables(map[string]any{"tags_2024": &Tag{}, "archive.tags": &Tag{}})
//
// The plugin learns such a name by itself from the first migration of or statement on the model
// under it, as in db.Table("tags_2024").Find(&tags). Something that is no model makes db.Use fail
// with gormtenant.ErrInvalidModel.
func Tables(names map[string]any) Option {
	return optionFunc(func(config *callbacks.Config) error {
		for name, model := range names {
			config.Tables = append(config.Tables, callbacks.Table{Name: name, Model: model})
		}
		return nil
	})
}

// Strict makes every statement on a model fail that is neither a tenant's nor declared [Shared],
// with gormtenant.ErrInvalidModel: a model whose tenant field was forgotten is an error, rather
// than a table that everyone reads.
//
//	db.Use(tenantplugin.New(tenantplugin.Strict(), tenantplugin.Shared(&Country{}, &Plan{})))
func Strict() Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.Strict = true
		return nil
	})
}

// Shared declares that the rows of models belong to no tenant, for [Strict]. One that has a tenant
// field, or whose table is that of a tenant model, makes db.Use fail with
// gormtenant.ErrInvalidModel.
func Shared(models ...any) Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.Shared = append(config.Shared, models...)
		return nil
	})
}

// Column gives the column that makes a model a tenant model without a tag. Defaults to
// "tenant_id".
func Column(name string) Option {
	return optionFunc(func(config *callbacks.Config) error {
		if name == "" {
			return errors.New("gormtenant: tenantplugin.Column needs a name, as in " +
				"tenantplugin.Column(\"org_id\")")
		}
		config.Column = name
		return nil
	})
}

// AllowRawSQL lets the text of Raw and Exec through as it is. It is for databases that enforce
// isolation themselves: row-level security, a schema or a database for each tenant. Elsewhere raw
// SQL then reads every tenant's rows. What GORM builds is limited to the tenant all the same.
func AllowRawSQL() Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.AllowRawSQL = true
		return nil
	})
}

// CheckReferences makes creates and updates look up the plain foreign keys that they write, where
// these refer to a tenant model: a key that names no row of the tenant fails with
// gormtenant.ErrOtherTenant. It costs one query for each relation that is written.
//
// Without it a foreign key can be set to the key of another tenant's row. Nothing of that row can
// be read through it, but the link is there. Composite foreign keys, (tenant_id, project_id)
// REFERENCES projects (tenant_id, id), are better: the database itself keeps them, at no cost.
// Associations that GORM saves are checked in any case.
func CheckReferences() Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.CheckReferences = true
		return nil
	})
}

// SplitCreates sends a create of several tenants' rows, which takes gormtenant.Unscoped, as one
// INSERT for each tenant. It is for databases that return the keys of new rows in an order of their
// own: Citus returns them by shard, and GORM takes the first key for the first row, so that rows
// would get each other's.
//
//	db, err := gorm.Open(rls.Open(dsn, rls.Citus()), &gorm.Config{})
//	db.Use(tenantplugin.New(tenantplugin.SplitCreates()))
//
// The rows stay in their order, RowsAffected counts all of them, hooks run as ever, and either all
// rows are created or none: without a transaction around it, such a create begins one. DryRun and
// ToSQL show one INSERT. Creates of one tenant's rows are not split, CreateInBatches splits each
// batch.
func SplitCreates() Option {
	return optionFunc(func(config *callbacks.Config) error {
		config.SplitCreates = true
		return nil
	})
}

// UnscopedEvent is one statement that runs across tenants.
type UnscopedEvent struct {
	// Operation is GORM's name for the kind of statement: create, query, update, delete, row, raw.
	Operation string
	// Table is the tenants' table that the statement is about: its own or the one that it changes,
	// else the first that its text names. It is one name, to count and alert by; further tables in
	// joins and sub-queries are in the text, which GORM's logger has.
	Table string
	// Reason is the one given to gormtenant.Unscoped.
	Reason string
	// Elsewhere is how many tenants live in schemas and databases of their own, which the statement
	// does not reach: isolation.Router.Across does, and is 0 here. It is known to an
	// isolation.Router with isolation.Listed; otherwise it is 0.
	Elsewhere int
}

// OnUnscoped calls fn once for each statement that runs across tenants, before it is sent: for an
// audit log. Statements on tables that are nobody's are not reported. fn runs in the goroutine of
// the statement, so it must be quick and safe for concurrent use; it must not use the *gorm.DB.
func OnUnscoped(fn func(ctx context.Context, e UnscopedEvent)) Option {
	return optionFunc(func(config *callbacks.Config) error {
		if fn == nil {
			return fmt.Errorf("gormtenant: tenantplugin.OnUnscoped needs a function")
		}
		config.OnUnscoped = func(
			ctx context.Context, operation, table, reason string, elsewhere int,
		) {
			fn(ctx, UnscopedEvent{
				Operation: operation, Table: table, Reason: reason, Elsewhere: elsewhere,
			})
		}
		return nil
	})
}

// DefaultTenant is for an application that is being adopted and has code that passes no context
// yet: a statement whose context says nothing, because neither gormtenant.WithTenant nor
// gormtenant.Unscoped was called for it, runs as tenant id.
//
//	db.Use(tenantplugin.New(tenantplugin.DefaultTenant("acme")))
//
//	db.Find(&projects) // SELECT * FROM "projects" WHERE "projects"."tenant_id" = 'acme'
//
// It never wins over a tenant, and never lifts Unscoped: a context with an empty tenant, or
// unscoped without a reason, fails as ever. A sub-query that says nothing is limited with the
// statement around it, and scopes.ID of a context that says nothing is id. Statements on tables
// that are nobody's, and those of the migrator, have no tenant as before.
//
// Each use is counted, see [Plugin.DefaultUses], and reported to [OnDefault]: when there are none
// left, take the option out. An id that is nil or a zero value makes db.Use fail.
//
// The tenant is in the context with which a statement is sent, so row-level security and the
// router of package isolation see it. They do not see it in a BEGIN of the application's own: a
// transaction that is begun without a tenant is begun in the shared tables.
func DefaultTenant(id any) Option {
	return optionFunc(func(config *callbacks.Config) error {
		id, ok := gormtenant.FromContext(gormtenant.WithTenant(context.Background(), id))
		if !ok {
			return errors.New("gormtenant: tenantplugin.DefaultTenant needs the ID of a tenant, " +
				"as in tenantplugin.DefaultTenant(\"acme\")")
		}
		config.Default = id
		return nil
	})
}

// DefaultEvent is one statement that ran as the tenant of [DefaultTenant].
type DefaultEvent struct {
	// Operation is GORM's name for the kind of statement: create, query, update, delete, row, raw.
	Operation string
	// Table is the tenants' table that the statement is about: its own or the one that it changes,
	// else the first that its text names. It is one name, to count and alert by; further tables in
	// joins and sub-queries are in the text, which GORM's logger has.
	Table string
	// Caller is where the statement was made, as file:line: the code to pass a context to.
	Caller string
}

// OnDefault calls fn once for each statement that ran as the tenant of [DefaultTenant], before it
// is sent. fn runs in the goroutine of the statement, so it must be quick and safe for concurrent
// use; it must not use the *gorm.DB.
func OnDefault(fn func(ctx context.Context, e DefaultEvent)) Option {
	return optionFunc(func(config *callbacks.Config) error {
		if fn == nil {
			return fmt.Errorf("gormtenant: tenantplugin.OnDefault needs a function")
		}
		config.OnDefault = func(ctx context.Context, operation, table, caller string) {
			fn(ctx, DefaultEvent{Operation: operation, Table: table, Caller: caller})
		}
		return nil
	})
}
