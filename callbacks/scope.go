package callbacks

import (
	"context"

	"github.com/gormtenant/gormtenant"
)

// scope is what the context of a statement says.
type scope struct {
	id       any // nil where the statement is unscoped
	reason   string
	unscoped bool
}

// resolve returns what ctx says, or the error with which its statements fail.
func resolve(ctx context.Context) (scope, error) {
	if ctx == nil {
		return scope{}, gormtenant.ErrNoTenant
	}
	if id, ok := gormtenant.FromContext(ctx); ok {
		return scope{id: id}, nil
	}
	if reason, ok, err := gormtenant.UnscopedReason(ctx); ok {
		return scope{reason: reason, unscoped: true}, err
	}
	_, err := gormtenant.Require(ctx)
	return scope{}, err
}

// decided reports whether ctx names a tenant or is unscoped, rather than leaving it open.
func decided(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	s, _ := resolve(ctx)
	return s.id != nil || s.unscoped
}
