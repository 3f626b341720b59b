package migrations

import (
	"errors"
	"fmt"
	"io"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/tenants"
)

// Option changes what [All] does.
type Option interface {
	apply(c *config) error
}

type allOption func(c *config) error

func (o allOption) apply(c *config) error { return o(c) }

// config is what the options set.
type config struct {
	each []tenants.EachOption
	dry  *dryOutput // nil for a real run
	// failures is how many failures end the run, 0 for no end.
	failures int
}

func configure(options []Option) (config, error) {
	var c config
	err := option.Apply("migrations.All", options, func(o Option) error { return o.apply(&c) })
	return c, err
}

func each(o tenants.EachOption) Option {
	return allOption(func(c *config) error {
		c.each = append(c.each, o)
		return nil
	})
}

// Concurrency sets how many tenants are migrated at the same time. It must be at least 1. Defaults
// to 4. Each holds a connection, so the pool must allow for as many.
func Concurrency(n int) Option { return each(tenants.Concurrency(n)) }

// Progress sets where progress is written: as a bar if w is a terminal, and otherwise as a line
// every ten seconds; in either case with a line at the end. nil and io.Discard are silent. Defaults
// to os.Stderr if that is a terminal, and otherwise to silence.
func Progress(w io.Writer) Option { return each(tenants.Progress(w)) }

// Total sets the number of tenants, for the bar of [Progress]. Defaults to 0, which means unknown.
func Total(n int) Option { return each(tenants.Total(n)) }

// StopAfter begins with no more tenants once n have failed, so that a migration that is wrong fails
// in a few places and not in all. Those at work are finished. It must be at least 1. Defaults to
// none: all are tried.
func StopAfter(n int) Option {
	return allOption(func(c *config) error {
		if n < 1 {
			return fmt.Errorf("gormtenant: migrations.StopAfter(%d): it must be at least 1", n)
		}
		c.failures = n
		return nil
	})
}

// Only skips the tenants for which keep returns false: to try a release on a few before the others.
// Defaults to all of them.
func Only(keep func(t *tenants.Tenant) bool) Option {
	if keep == nil {
		return allOption(func(*config) error {
			return errors.New("gormtenant: migrations.Only(nil): leave it out to keep every tenant")
		})
	}
	return each(tenants.Only(keep))
}

// DryRun changes nothing. It writes to w the SQL that a run would execute for each tenant, after a
// line that names the tenant and the versions. The migrations do run, in transactions that are
// rolled back, and hold their locks for as long; what an Up does outside of its db is done.
func DryRun(w io.Writer) Option {
	return allOption(func(c *config) error {
		if w == nil {
			return errors.New(
				"gormtenant: migrations.DryRun(nil): it needs somewhere to write the SQL to")
		}
		c.dry = &dryOutput{w: w}
		return nil
	})
}
