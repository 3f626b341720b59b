package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

// Plugin is what db.Use takes. It is made by [New] and may be used for several databases.
type Plugin struct {
	limits    []limit
	plans     tenants.Plans
	directory tenants.Directory
	recount   time.Duration
	meters    []meter
	citus     bool
	soft      map[string]func(ctx context.Context, use Use)
	guards    sync.Map // *guard by what db.Callback returns, which the sessions of a DB share
	err       error
}

// limit is what one option Limit said.
type limit struct {
	model any
	name  string
}

var _ gorm.Plugin = (*Plugin)(nil)

// New returns the plugin. It needs one [Limit] at least. It never fails: an option that makes no
// sense is reported by db.Use.
func New(options ...Option) *Plugin {
	p := &Plugin{plans: tenants.DefaultPlans(), recount: time.Minute}
	p.err = option.Apply("quota.New", options, func(o Option) error { return o.apply(p) })
	return p
}

// Name returns "gormtenant:quota", the key in gorm.DB.Plugins. A second db.Use on the same *gorm.DB
// fails with gorm.ErrRegistered.
func (p *Plugin) Name() string { return "gormtenant:quota" }

// Initialize is called by db.Use. It sends nothing: the table of [Migrate] may be made later.
func (p *Plugin) Initialize(db *gorm.DB) error {
	switch {
	case p.err != nil:
		return p.err
	case len(p.limits) == 0 && len(p.meters) == 0:
		return errors.New("gormtenant: quota.New limits nothing: " +
			"give it what it is to limit, as in quota.Limit(&Project{}, \"projects\")")
	case !slices.Contains([]string{"postgres", "sqlite"}, db.Name()):
		return fmt.Errorf("gormtenant: quota works on PostgreSQL and SQLite, not on %s", db.Name())
	}
	g := &guard{plans: p.plans, directory: p.directory, models: map[string]*limited{}}
	g.recounts = &recounts{db: db.Session(&gorm.Session{NewDB: true}), after: p.recount}
	var ok bool
	if g.plugin, ok = db.Plugins[models.PluginName].(tenantPlugin); !ok {
		return fmt.Errorf("%w; quota needs it to know whose a row is: call it before "+
			"db.Use(quota.New(...))",
			gormtenant.ErrNotRegistered)
	}
	for _, l := range p.limits {
		if err := g.add(db, l, p.citus && db.Name() == "postgres"); err != nil {
			return err
		}
	}
	if err := g.addMeters(p); err != nil {
		return err
	}
	p.guards.Store(db.Callback(), g)
	return g.register(db)
}

// addMeters takes the meters and the soft limits.
func (g *guard) addMeters(p *Plugin) error {
	g.meters, g.soft = map[string]meter{}, p.soft
	names := map[string]bool{}
	for _, l := range g.models {
		names[l.name] = true
	}
	for _, m := range p.meters {
		if names[m.name] {
			return fmt.Errorf("gormtenant: quota.New was given the limit %q twice: a meter needs "+
				"a name of its own", m.name)
		}
		names[m.name], g.meters[m.name] = true, m
	}
	for name := range names {
		if before, _, found := strings.Cut(name, "@"); found && names[before] {
			return fmt.Errorf("gormtenant: quota.New was given the limits %q and %q: the rows of "+
				"the first could be those of a month of the second", name, before)
		}
	}
	for name := range p.soft {
		if !names[name] {
			return fmt.Errorf("gormtenant: quota.Soft(%q): there is no quota.Limit and no "+
				"quota.Meter of that name", name)
		}
	}
	return nil
}

// tenantPlugin is what gormtenant's plugin tells of models.
type tenantPlugin interface {
	TenantField(model *schema.Schema) (*schema.Field, error)
}

// guard checks the creates of one *gorm.DB. It holds no state of a statement and is safe for
// concurrent use.
type guard struct {
	plugin    tenantPlugin
	plans     tenants.Plans
	directory tenants.Directory
	models    map[string]*limited // by tableKey
	meters    map[string]meter
	soft      map[string]func(ctx context.Context, use Use)
	recounts  *recounts
}

// add makes a model limited.
func (g *guard) add(db *gorm.DB, given limit, citus bool) error {
	l, err := newLimited(db, g.plugin, given)
	if err != nil {
		return err
	}
	if citus {
		l.apart = l.buildApart(db)
		l.texts.count = l.apart.rows
	}
	key := tableKey(l.schema.Table)
	if other := g.models[key]; other != nil {
		return fmt.Errorf("gormtenant: quota.Limit was given the table %s twice, as %q and as %q: "+
			"a table has one limit", l.schema.Table, other.name, l.name)
	}
	for _, other := range g.models {
		if other.name == l.name {
			return fmt.Errorf("gormtenant: quota.Limit was given the name %q for %s and for %s: "+
				"each model needs a limit of its own", l.name, other.schema.Name, l.schema.Name)
		}
	}
	g.models[key] = l
	return nil
}
