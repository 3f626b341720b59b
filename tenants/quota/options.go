package quota

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
)

// Option says what [New] limits, and where the limits are found.
type Option interface {
	apply(p *Plugin) error
}

type optionFunc func(p *Plugin) error

func (o optionFunc) apply(p *Plugin) error { return o(p) }

// Limit limits how many rows of model, a pointer to a struct, a tenant may have: as many as the
// tenant's limit of that name says. A tenant without that limit may have any number.
//
//	quota.Limit(&Project{}, tenants.Projects)
//
// db.Use fails for a model that is none or that has no tenant field, with
// gormtenant.ErrInvalidModel, and for an empty name, or for a model or a name that is given twice.
func Limit(model any, name string) Option {
	return optionFunc(func(p *Plugin) error {
		if name == "" {
			return fmt.Errorf("gormtenant: quota.Limit(%T, \"\") needs the name of a limit, "+
				"as in quota.Limit(&Project{}, \"projects\")", model)
		}
		p.limits = append(p.limits, limit{model, name})
		return nil
	})
}

// Plans are the plans that tenants have, with their limits. Defaults to [tenants.DefaultPlans].
func Plans(plans tenants.Plans) Option {
	return optionFunc(func(p *Plugin) error {
		if len(plans) == 0 {
			return errors.New("gormtenant: quota.Plans needs plans, as in " +
				"quota.Plans(tenants.DefaultPlans())")
		}
		p.plans = make(tenants.Plans, len(plans))
		for name, limits := range plans {
			p.plans[name] = maps.Clone(limits)
		}
		return nil
	})
}

// Directory is asked for the tenant, by its ID, where the context has only the ID
// (gormtenant.WithTenant without [tenants.NewContext]), and for the tenants that the rows of a
// create under gormtenant.Unscoped name. Without one such creates fail.
//
// It is asked for each create of a limited model, in the midst of the transaction if there is one:
// give it a [tenants.Cached] one. One that has to query the same *sql.DB meanwhile needs a second
// connection.
func Directory(directory tenants.Directory) Option {
	return optionFunc(func(p *Plugin) error {
		if directory == nil {
			return errors.New("gormtenant: quota.Directory needs a directory: leave the option " +
				"out if every context is made with tenants.NewContext")
		}
		p.directory = directory
		return nil
	})
}

// RecountAfter sets how old a counter may be before a create counts the rows again behind its back:
// see "What it costs" in the package's documentation. It must be positive. Defaults to a minute.
// Raw SQL, or an update that restores rows, can take a tenant with more than a thousand rows past
// its limit for that long, and until the count is done.
func RecountAfter(d time.Duration) Option {
	return optionFunc(func(p *Plugin) error {
		p.recount = d
		if d <= 0 {
			return fmt.Errorf("gormtenant: quota.RecountAfter(%v): it must be positive", d)
		}
		return nil
	})
}
