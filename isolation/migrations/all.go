package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gormtenant/gormtenant/tenants"
)

// All calls one, which calls [Apply], for every tenant that lister yields, as tenants.Each does with
// tenants.Everyone: several at a time, with a progress bar on a terminal, and to the end even if
// some fail. one returns the versions that it applied.
//
// If not everything is done the error is a [*PartialError]. Nothing has to be recorded for the next
// run: the places know their versions, and looking at a finished one is cheap. When ctx ends, the
// tenants at work are finished or rolled back, and the rest is not begun.
func All(
	ctx context.Context, lister tenants.Lister,
	one func(ctx context.Context, t *tenants.Tenant) (applied []string, err error),
	options ...Option,
) error {
	c, err := configure(options)
	switch {
	case err != nil:
		return err
	case one == nil:
		return errors.New("gormtenant: migrations.All: the function is nil")
	case c.dry != nil:
		lasting := one
		one = func(ctx context.Context, t *tenants.Tenant) ([]string, error) {
			return c.dry.run(ctx, t, lasting)
		}
	}
	var mu sync.Mutex
	var done []string
	err = tenants.Each(ctx, lister, func(ctx context.Context, t *tenants.Tenant) error {
		if _, err := one(ctx, t); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done = append(done, t.ID)
		return nil
	}, append([]tenants.EachOption{tenants.Everyone()}, c.each...)...)
	var each *tenants.EachError
	if !errors.As(err, &each) {
		return err
	}
	return &PartialError{Applied: done, Failed: each.Failed, Err: each.Err}
}

// PartialError is what [All] returns if not everything was done. It names tenants by their IDs: it
// is for the operator, not for a tenant.
type PartialError struct {
	// Applied has the IDs of the tenants that have all of the migrations now, in the order in which
	// they finished, including those with nothing pending.
	Applied []string
	// Failed has the tenants whose migrations failed. They are at the version at which they were.
	Failed []tenants.TenantError
	// Err is why the rest was not begun: the end of the context, or the lister's error. It is nil
	// if all were begun.
	Err error
}

// maxListed is how many failures the text of a PartialError lists.
const maxListed = 5

// Error returns how many are done, the first failures, why no more was done, and what to do next.
func (e *PartialError) Error() string {
	var text strings.Builder
	fmt.Fprintf(
		&text, "gormtenant: migrations: %d tenants are done, %d failed", len(e.Applied),
		len(e.Failed))
	for i, failed := range e.Failed {
		if i == maxListed {
			fmt.Fprintf(&text, "; and %d more", len(e.Failed)-i)
			break
		}
		text.WriteString("; " + firstLine(failed))
	}
	if e.Err != nil {
		text.WriteString("; " + firstLine(e.Err))
	}
	text.WriteString("; run it again: it goes on with those that are not done")
	return text.String()
}

// Unwrap returns Err, if there is one, and all of Failed, for errors.Is and errors.As.
func (e *PartialError) Unwrap() []error {
	errs := make([]error, 0, 1+len(e.Failed))
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	for _, failed := range e.Failed {
		errs = append(errs, failed)
	}
	return errs
}

// firstLine leaves out the stack of a panic.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
