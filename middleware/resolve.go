package middleware

import (
	"context"
	"errors"
	"net/http"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

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
	var buffer [8]resolve.Candidate // for as many sources as a program has, without an allocation
	request := resolve.Request{
		Candidates:    m.ask(r, buffer[:0]),
		Authenticated: len(r.Header["Authorization"]) > 0,
	}
	if authorize := m.authorize.Load(); authorize != nil {
		request.Authorize = func(_ context.Context, t *tenants.Tenant) error {
			return (*authorize)(r, t)
		}
	}
	t, err := m.resolver.Tenant(r.Context(), request)
	if err == nil {
		return t, nil
	}
	var refused *resolve.Error
	if !errors.As(err, &refused) { // never: the resolver has no other errors
		refused = resolve.Refuse(resolve.Unavailable, err)
	}
	return nil, refusal(refused)
}

// ask appends to said what the sources find in r, up to the first that refuses it.
func (m *Middleware) ask(r *http.Request, said []resolve.Candidate) []resolve.Candidate {
	for i := range m.sources {
		candidate := m.sources[i].ask(r)
		said = append(said, candidate)
		if candidate.Err != nil {
			break
		}
	}
	return said
}
