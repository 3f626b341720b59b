package tenantplugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/callbacks"
)

// Option changes what [New] makes.
type Option interface {
	apply(config *callbacks.Config) error
}

type optionFunc func(config *callbacks.Config) error

func (o optionFunc) apply(config *callbacks.Config) error { return o(config) }

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

// AllowRawSQL lets raw SQL through, statements and fragments. It is for databases that enforce
// isolation themselves: row-level security, a schema or a database for each tenant. Elsewhere raw
// SQL reads every tenant's rows.
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

// UnscopedEvent is one statement that runs across tenants.
type UnscopedEvent struct {
	// Operation is GORM's name for the kind of statement: create, query, update, delete, row, raw.
	Operation string
	// Table is the tenants' table that the statement is about; of several, the first.
	Table string
	// Reason is the one given to gormtenant.Unscoped.
	Reason string
}

// OnUnscoped calls fn once for each statement that runs across tenants, before it is sent: for an
// audit log. Statements on tables that are nobody's are not reported. fn runs in the goroutine of
// the statement, so it must be quick and safe for concurrent use; it must not use the *gorm.DB.
func OnUnscoped(fn func(ctx context.Context, e UnscopedEvent)) Option {
	return optionFunc(func(config *callbacks.Config) error {
		if fn == nil {
			return fmt.Errorf("gormtenant: tenantplugin.OnUnscoped needs a function")
		}
		config.OnUnscoped = func(ctx context.Context, operation, table, reason string) {
			fn(ctx, UnscopedEvent{Operation: operation, Table: table, Reason: reason})
		}
		return nil
	})
}
