package tenantplugin

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/callbacks"
)

// Finding is what the plugin would do to the statements of one place in the application's code.
type Finding struct {
	// Kind is one of [Refused], [Scoped], [Rewritten] and [Full].
	Kind string
	// Operation is GORM's name for the kind of statement: create, query, update, delete, row, raw.
	Operation string
	// Table is the tenants' table that the statement is about; of several, the first.
	Table string
	// Caller is where the statement was made, as file:line.
	Caller string
	// SQL is the text as it is sent, with placeholders in the place of values.
	SQL string
	// Scoped is the text as it would be sent, "" where none would be. Where it is the same as SQL,
	// an argument differs: the tenant that would be filled in.
	Scoped string
	// Advice says what to do before isolation is enforced.
	Advice string
}

// The kinds of findings.
const (
	// Refused is the kind of statements that would fail.
	Refused = callbacks.Refused
	// Scoped is that of statements built by GORM that would be limited to the tenant, or filled in.
	Scoped = callbacks.Scoped
	// Rewritten is that of raw SQL that would be limited to the tenant.
	Rewritten = callbacks.Rewritten
	// Full is that of the last finding: there are more places than the 10,000 that are remembered.
	Full = callbacks.Full
)

// Observe turns isolation off, and reports what it would do: the first step of adopting the library
// in an application that exists. Statements are sent byte for byte as without the plugin. Each one
// that would be refused, scoped or rewritten is given to found, once for each place in the
// application's code.
//
//	db.Use(tenantplugin.New(tenantplugin.Observe(observe.Log(slog.Default()))))
//
// db.Use says through GORM's logger that isolation is off. With [Only] it is on for some models,
// and the rest is reported. The other options count for what is reported: with [DefaultTenant], a
// statement whose context says nothing is one that would be scoped. [OnUnscoped] and [OnDefault]
// are not called for what is only reported.
//
// A statement is observed by building it two times more, without sending it. What only a look at
// rows could tell is not reported: keys of another tenant's rows in associations, upserts, and
// [CheckReferences]. A sub-query is judged with the statement around it.
//
// found runs in the goroutine of the statement, before it is sent, so it must be quick and safe for
// concurrent use; it must not use the *gorm.DB. Package plugin/observe has two for it: into a log,
// and into a table.
func Observe(found func(ctx context.Context, f Finding)) Option {
	return pluginOption(func(p *Plugin) error {
		if found == nil {
			return errors.New("gormtenant: tenantplugin.Observe needs a function, such as " +
				"observe.Log(slog.Default())")
		}
		p.observe = found
		return nil
	})
}

// Only enforces isolation for the given models and no others: an application goes over to it model
// by model. To the plugin, all other models are nobody's: their rows are read and written by
// everyone, and raw SQL on their tables is not looked at. With [Observe] they are reported.
//
//	db.Use(tenantplugin.New(tenantplugin.Only(&Project{}, &Task{})))
//
// It may be given several times. db.Use says through GORM's logger that isolation is off for the
// rest. It cannot be used with [Strict].
func Only(models ...any) Option {
	return optionFunc(func(config *callbacks.Config) error {
		for _, model := range models {
			of := reflect.TypeOf(model)
			if of == nil || of.Kind() != reflect.Pointer || of.Elem().Kind() != reflect.Struct {
				return fmt.Errorf("%w: tenantplugin.Only takes pointers to structs, as in "+
					"tenantplugin.Only(&Project{}), and was given a %T",
					gormtenant.ErrInvalidModel, model)
			}
		}
		config.Models = append(config.Models, models...)
		config.Only = append(append([]any{}, config.Only...), models...)
		return nil
	})
}

var errStrictOnly = errors.New("gormtenant: tenantplugin.Strict and Only exclude each other: " +
	"take Only out when every model is enforced")

// pluginOption is an option of what is not in callbacks.Config.
type pluginOption func(p *Plugin) error

func (o pluginOption) apply(p *Plugin) error { return o(p) }

// watch observes db, and enforces what Only names.
func (p *Plugin) watch(db *gorm.DB) error {
	full := p.config
	full.Only = nil
	var now *callbacks.Config
	says := "gormtenant: isolation is OFF: tenantplugin.Observe reports what it would do, and " +
		"does nothing"
	if p.config.Only != nil {
		now = &p.config
		says = "gormtenant: isolation is OFF but for the models given to tenantplugin.Only: " +
			"tenantplugin.Observe reports the rest"
	}
	db.Logger.Warn(context.Background(), says)
	err := callbacks.Observe(db, now, full, func(ctx context.Context, f callbacks.Finding) {
		p.observe(ctx, Finding(f))
	})
	if err != nil || now == nil {
		return err
	}
	return callbacks.Register(db, p.config)
}
