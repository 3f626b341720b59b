package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// naming is one thing that a request said.
type naming struct {
	source     string
	identifier string
}

// Resolve returns the tenant of r, which may be served now: all sources that name a tenant name
// this one, the directory knows it, Authorize agrees, and it is usable (see
// [tenants.Tenant.Usable]). The tenant is shared: read it only. Otherwise the error is an [*Error].
// Resolve is for programs that do without [Middleware.Handler]; it logs nothing and knows nothing
// of [Middleware.Except], and like Handler it panics if the client chooses the tenant and nothing
// vouches for it.
func (m *Middleware) Resolve(r *http.Request) (*tenants.Tenant, error) {
	m.mustVouch()
	t, refused := m.resolve(r)
	if refused != nil {
		return nil, refused
	}
	return t, nil
}

// resolve is Resolve for Handler, which has asked mustVouch.
func (m *Middleware) resolve(r *http.Request) (*tenants.Tenant, *Error) {
	t, refused := m.check(r)
	if refused != nil {
		return nil, m.hide(refused)
	}
	return t, nil
}

// check is resolve before anything is hidden.
func (m *Middleware) check(r *http.Request) (*tenants.Tenant, *Error) {
	var buffer [8]naming // for as many sources as a program has, without an allocation
	named, claimed, refused := m.ask(r, buffer[:0])
	if refused != nil {
		return nil, refused
	}
	authorize := m.authorize.Load()
	switch {
	case len(named) == 0:
		return nil, refusal(noTenantNamed, ErrNoTenantNamed)
	case !claimed && authorize == nil && !m.anyone:
		// There is a Claim, but not one for this request. Before the directory is asked, lest those
		// without a token find out who is in it.
		return nil, refusal(notAuthorized,
			fmt.Errorf("%w: only %s names it, which the client chooses",
				ErrNotAuthorized, named[0].source))
	}
	t, refused := m.find(r.Context(), named)
	if refused != nil {
		return nil, refused
	}
	if authorize != nil {
		if err := (*authorize)(r, t); err != nil {
			return nil, judged(notAuthorized, ErrNotAuthorized, err)
		}
	}
	return t, m.usable(t)
}

// ask appends to named what the sources find in r. claimed is true if a Claim is among them.
func (m *Middleware) ask(r *http.Request, named []naming) (_ []naming, claimed bool, _ *Error) {
	for i := range m.sources {
		s := &m.sources[i]
		identifier, refused := s.find(r)
		if refused != nil {
			return nil, false, refused
		}
		if identifier == "" {
			continue
		}
		if !tenants.ValidIdentifier(identifier) {
			return nil, false, malformedf("what %s found is too long or no text", s.name)
		}
		named = append(named, naming{source: s.name, identifier: identifier})
		claimed = claimed || !s.free
	}
	return named, claimed, nil
}

// find returns the one tenant that all of named name.
func (m *Middleware) find(ctx context.Context, named []naming) (*tenants.Tenant, *Error) {
	first, refused := m.lookup(ctx, named[0])
	if refused != nil {
		return nil, refused
	}
	for _, n := range named[1:] {
		if n.identifier == named[0].identifier {
			continue
		}
		t, refused := m.lookup(ctx, n)
		if refused != nil {
			return nil, refused
		}
		if t.ID != first.ID {
			return nil, refusal(disagree, fmt.Errorf("%w: %s one, %s another",
				ErrDisagree, named[0].source, n.source))
		}
	}
	return first, nil
}

// lookup asks the directory.
func (m *Middleware) lookup(ctx context.Context, n naming) (*tenants.Tenant, *Error) {
	t, err := m.directory.Lookup(ctx, n.identifier)
	switch {
	case errors.Is(err, tenants.ErrNotFound):
		return nil, refusal(unknown,
			fmt.Errorf("%w: the one that %s names", tenants.ErrNotFound, n.source))
	case err != nil:
		return nil, refusal(unavailable, prefix.Errorf("%w: %w", ErrUnavailable, err))
	case t == nil || t.ID == "":
		return nil, refusal(unavailable, fmt.Errorf("%w: the directory returned neither an error "+
			"nor a tenant with an ID", ErrUnavailable))
	}
	return t, nil
}

// usable refuses a tenant that is not served at this time.
func (m *Middleware) usable(t *tenants.Tenant) *Error {
	err := t.Usable(m.now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tenants.ErrClosed):
		return refusal(closed, err)
	case errors.Is(err, tenants.ErrExpired):
		return refusal(expired, err)
	}
	return refusal(suspended, err)
}

// judged refuses a request that the application's function refused with cause: as kind k, for the
// reason why, unless the function says that it could not find out.
func judged(k kind, why, cause error) *Error {
	if errors.Is(cause, ErrUnavailable) {
		return refusal(unavailable, cause)
	}
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, context.Canceled) {
		return refusal(unavailable, prefix.Errorf("%w: %w", ErrUnavailable, cause))
	}
	return refusal(k, prefix.Errorf("%w: %w", why, cause))
}

// hide returns refused as the client may see it.
func (m *Middleware) hide(refused *Error) *Error {
	if m.hideUnknown &&
		(refused.Problem == problems[unknown] || refused.Problem == problems[disagree]) {
		return refusal(notAuthorized, refused.Err)
	}
	return refused
}
