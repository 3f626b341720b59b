package adopt

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/option"
)

// Option changes what is planned.
type Option interface {
	apply(c *config) error
}

type optionFunc func(c *config) error

func (o optionFunc) apply(c *config) error { return o(c) }

// config is what the options say.
type config struct {
	tenant      any // nil where the rows that are there have tenants already
	global      []string
	keepDefault bool
	batch       int
	progress    io.Writer
}

// Tenant says whose the rows are that name no tenant: NULL, or an empty text. Without it such rows
// are an error.
func Tenant(id any) Option {
	return optionFunc(func(c *config) error {
		id, ok := gormtenant.FromContext(gormtenant.WithTenant(context.Background(), id))
		if !ok {
			return errors.New("gormtenant: adopt.Tenant needs the ID of a tenant, as in " +
				"adopt.Tenant(\"acme\")")
		}
		c.tenant = id
		return nil
	})
}

// Global keeps unique indexes as they are, by name: those of secrets, tokens and the like, which
// have to be unique over all tenants.
func Global(indexes ...string) Option {
	return optionFunc(func(c *config) error {
		c.global = append(c.global, indexes...)
		return nil
	})
}

// KeepDefault leaves the tenant of [Tenant] as the DEFAULT of the tenant column, for as long as a
// version of the application runs that does not know the column. [Check] reports it until Apply has
// run without this option: with a default, a row that is written past the plugin is that tenant's,
// in silence.
func KeepDefault() Option {
	return optionFunc(func(c *config) error {
		c.keepDefault = true
		return nil
	})
}

// Batch sets how many pages of a table, of 8 KB each, one UPDATE fills on Postgres. Defaults to
// 256. SQLite fills a table at once.
func Batch(pages int) Option {
	return optionFunc(func(c *config) error {
		if pages < 1 {
			return errors.New("gormtenant: adopt.Batch needs at least 1 page")
		}
		c.batch = pages
		return nil
	})
}

// Progress shows on w what [Apply] does: a line for each statement, and a bar on a terminal while
// rows are filled. Defaults to nothing.
func Progress(w io.Writer) Option {
	return optionFunc(func(c *config) error {
		c.progress = w
		return nil
	})
}

func configure(name string, options []Option) (config, error) {
	c := config{batch: 256}
	err := option.Apply(name, options, func(o Option) error { return o.apply(&c) })
	return c, err
}

// keeps reports whether a unique index stays over all tenants.
func (c config) keeps(index string) bool { return slices.Contains(c.global, index) }
