package migrations

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gormtenant/gormtenant/tenants"
)

// All calls one, which calls [Apply], for every tenant that lister yields, as tenants.Each does
// with tenants.Everyone: several at a time, with a progress bar on a terminal, and to the end even
// if some fail. one returns the versions that it applied.
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
	b := &brake{Lister: lister, limit: int64(c.failures)}
	if lister != nil && c.failures > 0 {
		lister = b
	}
	err = tenants.Each(ctx, lister, func(ctx context.Context, t *tenants.Tenant) error {
		if b.limit > 0 && b.failed.Load() >= b.limit {
			return ErrStopped // it was listed before
		}
		if _, err := one(ctx, t); err != nil {
			b.failed.Add(1)
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
	result := &PartialError{Applied: done, Err: each.Err}
	for _, failed := range each.Failed {
		if errors.Is(failed.Err, ErrStopped) {
			result.Err = cmp.Or[error](result.Err, ErrStopped)
			continue
		}
		result.Failed = append(result.Failed, failed)
	}
	return result
}

// ErrStopped is why [All] did not begin with the rest: as many tenants as [StopAfter] says failed.
var ErrStopped = errors.New("gormtenant: migrations: too many tenants failed, so the rest was " +
	"not begun")

// brake ends a list of tenants when too many have failed.
type brake struct {
	tenants.Lister
	limit  int64
	failed atomic.Int64
}

// List lists the tenants, until too many have failed.
func (b *brake) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for t, err := range b.Lister.List(ctx, after) {
			if b.failed.Load() >= b.limit {
				yield(nil, ErrStopped)
				return
			}
			if !yield(t, err) {
				return
			}
		}
	}
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
