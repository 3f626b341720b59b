package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Resolver finds the tenants of requests. It is made by [New] and safe for concurrent use.
type Resolver struct {
	directory   tenants.Directory
	anyone      bool
	hideUnknown bool
	now         func() time.Time
}

// Option changes what [New] makes.
type Option interface {
	apply(r *Resolver) error
}

type optionFunc func(r *Resolver) error

func (o optionFunc) apply(r *Resolver) error { return o(r) }

// AnyoneMayNameTheirTenant lets every request use the tenant that it names, though nothing vouches
// for it: for what is public, and between servers that only trusted ones can reach.
func AnyoneMayNameTheirTenant() Option {
	return optionFunc(func(r *Resolver) error {
		r.anyone = true
		return nil
	})
}

// HideUnknown makes a tenant that is unknown, and candidates that disagree, look to the client as
// if it was not authorized. [Error.Err] still has the reason. How long an answer takes may differ.
func HideUnknown() Option {
	return optionFunc(func(r *Resolver) error {
		r.hideUnknown = true
		return nil
	})
}

// Clock gives the time at which tenants must be usable. Defaults to time.Now. It must be safe for
// concurrent use.
func Clock(now func() time.Time) Option {
	return optionFunc(func(r *Resolver) error {
		if now == nil {
			return errors.New("gormtenant: resolve.Clock needs a function, such as time.Now")
		}
		r.now = now
		return nil
	})
}

// New returns a Resolver that finds tenants in directory. It panics if there is none, and if an
// option is wrong.
//
// Requests wait for the directory for as long as their contexts last, so it should be a quick one
// whose lookups end by themselves, such as tenants.Cached.
func New(directory tenants.Directory, options ...Option) *Resolver {
	if directory == nil {
		panic("gormtenant: resolve.New needs a directory of tenants")
	}
	r := &Resolver{directory: directory, now: time.Now}
	err := option.Apply("resolve.New", options, func(o Option) error { return o.apply(r) })
	if err != nil {
		panic(err.Error())
	}
	return r
}

// Tenant returns the tenant that all candidates of request name, if the request may use it and it
// is served at this time. It is shared with others: read it only. Otherwise the error is an
// [*Error].
//
// The directory is asked only where something vouches for the request, or may still do so: a
// stranger neither learns from it nor makes it work.
func (r *Resolver) Tenant(ctx context.Context, request Request) (*tenants.Tenant, error) {
	t, refused := r.check(ctx, &request)
	if refused != nil {
		return nil, r.hide(refused)
	}
	return t, nil
}

// check is Tenant before anything is hidden.
func (r *Resolver) check(ctx context.Context, request *Request) (*tenants.Tenant, *Error) {
	first, vouched := -1, false
	for i := range request.Candidates {
		c := &request.Candidates[i]
		if refused := c.refusal(); refused != nil {
			return nil, refused
		}
		if c.Name == "" {
			continue
		}
		if !tenants.ValidIdentifier(c.Name) {
			return nil, Refuse(Malformed, fmt.Errorf("what %s says is too long or no text",
				c.Source))
		}
		if first < 0 {
			first = i
		}
		vouched = vouched || c.Vouches
	}
	switch {
	case first < 0:
		return nil, &Error{Kind: NoTenantNamed, Err: ErrNoTenantNamed}
	case !vouched && request.Authorize == nil && !r.anyone:
		return nil, unvouched(request.Candidates[first].Source, request.Authenticated)
	}
	t, refused := r.find(ctx, request.Candidates[first:])
	if refused != nil {
		return nil, refused
	}
	if request.Authorize != nil {
		if err := request.Authorize(ctx, t); err != nil {
			return nil, Refuse(NotAuthorized, err)
		}
	}
	return t, r.usable(t)
}

// unvouched refuses a request whose tenant the client chose, as source says, and nothing else.
func unvouched(source string, authenticated bool) *Error {
	if authenticated {
		return &Error{Kind: NotAuthorized, Err: fmt.Errorf(
			"%w: only %s names it, which the client chooses", ErrNotAuthorized, source)}
	}
	return &Error{Kind: Unauthenticated, Err: fmt.Errorf(
		"%w: there is none, and only %s names a tenant, which the client chooses",
		ErrUnauthenticated, source)}
}

// find returns the one tenant that all of the candidates name. The first of them names one.
func (r *Resolver) find(ctx context.Context, candidates []Candidate) (*tenants.Tenant, *Error) {
	first, refused := r.lookup(ctx, candidates[0])
	if refused != nil {
		return nil, refused
	}
	for _, c := range candidates[1:] {
		if c.Name == "" {
			continue
		}
		t := first
		if c.Name != candidates[0].Name {
			if t, refused = r.lookup(ctx, c); refused != nil {
				return nil, refused
			}
		}
		if t.ID != first.ID {
			return nil, &Error{Kind: Disagree, Err: fmt.Errorf("%w: %s one, %s another",
				ErrDisagree, candidates[0].Source, c.Source)}
		}
		if refused = mustBeID(c, t); refused != nil {
			return nil, refused
		}
	}
	return first, nil
}

// lookup asks the directory.
func (r *Resolver) lookup(ctx context.Context, c Candidate) (*tenants.Tenant, *Error) {
	t, err := r.directory.Lookup(ctx, c.Name)
	switch {
	case errors.Is(err, tenants.ErrNotFound):
		return nil, &Error{Kind: Unknown, Err: fmt.Errorf("%w: the one that %s names",
			tenants.ErrNotFound, c.Source)}
	case err != nil:
		return nil, &Error{Kind: Unavailable, Err: prefix.Errorf("%w: %w", ErrUnavailable, err)}
	case t == nil || t.ID == "":
		return nil, &Error{Kind: Unavailable, Err: fmt.Errorf("%w: the directory returned "+
			"neither an error nor a tenant with an ID", ErrUnavailable)}
	}
	return t, mustBeID(c, t)
}

// mustBeID refuses a candidate that was to be an ID and found its tenant by something else.
func mustBeID(c Candidate, t *tenants.Tenant) *Error {
	if !c.ID || c.Name == t.ID {
		return nil
	}
	return &Error{Kind: Unknown, Err: fmt.Errorf("%w: the one that %s names: it holds a slug or a "+
		"domain, which may be another tenant's tomorrow: put the tenant's ID there",
		tenants.ErrNotFound, c.Source)}
}

// usable refuses a tenant that is not served at this time.
func (r *Resolver) usable(t *tenants.Tenant) *Error {
	err := t.Usable(r.now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tenants.ErrClosed):
		return &Error{Kind: Closed, Err: err}
	case errors.Is(err, tenants.ErrExpired):
		return &Error{Kind: Expired, Err: err}
	}
	return &Error{Kind: Suspended, Err: err}
}

// hide returns refused as the client may see it.
func (r *Resolver) hide(refused *Error) *Error {
	if r.hideUnknown && (refused.Kind == Unknown || refused.Kind == Disagree) {
		return &Error{Kind: NotAuthorized, Err: refused.Err}
	}
	return refused
}
