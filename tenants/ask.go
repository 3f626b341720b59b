package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// timedOut is the error of a directory that did not answer in time.
func (c *Cache) timedOut() error {
	return fmt.Errorf("gormtenant: look up a tenant: the directory did not answer within "+
		"%v: %w", c.timeout, context.DeadlineExceeded)
}

// judge says what an answer of a directory is worth.
func judge(identifier string, t *Tenant, err error) (*Tenant, error) {
	switch {
	case errors.Is(err, ErrNotFound) && !isEnded(err):
		return nil, ErrNotFound
	case errors.Is(err, ErrNotFound):
		// Two things at once, such as the answers of two directories. That one gave up decides.
		return nil, fmt.Errorf("gormtenant: look up a tenant: the directory failed: %s",
			err.Error())
	case err != nil:
		return nil, prefix.Errorf("look up a tenant: %w", err)
	case t == nil:
		return nil, errors.New("gormtenant: look up a tenant: the directory returned neither a " +
			"tenant nor an error: where there is no tenant it has to return tenants.ErrNotFound")
	case t.ID == "":
		return nil, errors.New("gormtenant: look up a tenant: the directory returned a tenant " +
			"without an ID")
	case t.ID != identifier && t.Slug != identifier && !slices.Contains(t.Domains, identifier):
		return nil, fmt.Errorf("gormtenant: look up a tenant: the directory returned one that is "+
			"not %q by ID, slug or domain: it has to compare them byte by byte", identifier)
	}
	return t, nil
}

// isEnded reports whether err comes of the end of a context.
func isEnded(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// ended returns why ctx has ended: ctx.Err(), and its cause where that says more.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
