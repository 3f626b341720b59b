// Package tenantplugin is the GORM plugin that keeps tenants apart. It is all that an application
// registers:
//
//	import tenantplugin "github.com/gormtenant/gormtenant/plugin"
//
//	db, err := gorm.Open(dialector, &gorm.Config{})
//	if err != nil { ... }
//	if err := db.Use(tenantplugin.New()); err != nil { ... }
//
// From then on every statement on a tenant model (see the package models) is limited to the tenant
// of its context (see gormtenant.WithTenant), whichever part of GORM it comes through:
//
//	SELECT * FROM "projects" WHERE (name = 'x') AND "projects"."tenant_id" = 'acme'
//
// Statements on other models stay as they are, byte for byte. A statement whose context has no
// tenant fails before anything is sent, and so does one that cannot be isolated.
//
// The plugin sees what goes through its *gorm.DB, and nothing else: not database/sql beside it, not
// functions and triggers of the database. Row-level security (package isolation/rls) holds those.
//
// Register the plugin after dialect plugins, and let plugins that set clause builders of their own
// call the ones that they replace: a builder that drops the condition drops the isolation.
//
// To read the code, begin with options.go; the enforcement is in package callbacks, where
// register.go lists what runs when.
package tenantplugin

import (
	"context"
	"slices"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/callbacks"
	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/models"
)

// Plugin is what db.Use takes. It is made by [New] and may be used for several databases.
type Plugin struct {
	config   callbacks.Config
	observe  func(ctx context.Context, f Finding)
	err      error
	defaults atomic.Int64
}

var _ gorm.Plugin = (*Plugin)(nil)

// New returns the plugin. It never fails: an option that makes no sense is reported by db.Use.
//
// Without options the plugin is at its strictest: raw SQL that names a tenant's table is refused,
// and nothing crosses tenants but gormtenant.Unscoped.
func New(options ...Option) *Plugin {
	p := &Plugin{}
	p.err = option.Apply("tenantplugin.New", options,
		func(o Option) error { return o.apply(p) })
	tell := p.config.OnDefault
	p.config.OnDefault = func(ctx context.Context, operation, table, caller string) {
		p.defaults.Add(1)
		if tell != nil {
			tell(ctx, operation, table, caller)
		}
	}
	return p
}

// DefaultUses returns how many statements ran as the tenant of [DefaultTenant] so far, on all
// databases of the plugin. It is safe for concurrent use.
func (p *Plugin) DefaultUses() int64 { return p.defaults.Load() }

// Name returns the name under which GORM knows the plugin. A second db.Use on the same *gorm.DB
// fails with gorm.ErrRegistered.
func (p *Plugin) Name() string { return models.PluginName }

// Initialize is called by db.Use.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if p.err != nil {
		return p.err
	}
	if p.config.Strict && p.config.Only != nil {
		return errStrictOnly
	}
	if p.observe == nil {
		if p.config.Only != nil {
			db.Logger.Warn(context.Background(), "gormtenant: isolation is off but for the "+
				"models given to tenantplugin.Only")
		}
		return callbacks.Register(db, p.config)
	}
	return p.watch(db)
}

// TenantField returns the field by which the plugin tells whose row it is, nil for a model that
// belongs to no tenant. The error is a gormtenant.ErrInvalidModel.
func (p *Plugin) TenantField(model *schema.Schema) (*schema.Field, error) {
	return models.Field(model, p.config.Column)
}

// Models returns what the plugin knows on db: the models that were named with the option [Models],
// and the tenant models that were migrated or used so far, as pointers to structs.
//
// Under [Observe] it knows the models that were named, and those of [Only].
func (p *Plugin) Models(db *gorm.DB) []any {
	return append(slices.Clone(p.config.Models), callbacks.Known(db)...)
}
