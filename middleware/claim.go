package middleware

import (
	"fmt"
	"net/http"
)

// Claim is the source of tenants that vouches for them: the tenant of a verified token or session,
// by its ID. It is asked for each request, by several goroutines at once, and usually reads what an
// authentication middleware in front put into the request's context.
//
//	middleware.Claim(func(r *http.Request) (string, error) {
//		token, err := verify(r.Header.Get("Authorization"))
//		if err != nil {
//			return "", err // 401
//		}
//		return token.TenantID, nil
//	})
//
// Put the ID of the tenant into the token, not its slug: an ID never changes hands, and a slug may
// be another tenant's tomorrow. A claim that is a slug or a domain is refused with
// tenants.ErrNotFound; see [ClaimSlug].
//
// A claim that returns "" names no tenant: the request has no token, or one of no particular
// tenant. Other sources may then name the tenant, but only [Middleware.Authorize] can say that it
// is the client's. Without it the request is refused with [ErrUnauthenticated] or, if it has an
// Authorization header, with [ErrNotAuthorized].
//
// A claim that returns an error refuses the request with [ErrUnauthenticated]; with
// [ErrUnavailable] if it wraps that or the error of a context, for example because keys could not
// be fetched; with [ErrNotAuthorized] if it wraps that.
func Claim(claim func(r *http.Request) (string, error)) Option {
	return claimOption("Claim", claim, true)
}

// ClaimSlug is [Claim] for tokens that hold the slug or a domain of the tenant. It is dangerous
// where tenants may change these: if acme renames itself and another tenant takes the slug acme,
// the tokens that were issued to acme's users let them in with the other tenant. Use it only where
// a slug never changes, or where every token has expired before a released slug may be taken (see
// store.Rest).
func ClaimSlug(claim func(r *http.Request) (string, error)) Option {
	return claimOption("ClaimSlug", claim, false)
}

func claimOption(name string, claim func(r *http.Request) (string, error), id bool) Option {
	return optionFunc(func(m *Middleware) error {
		if claim == nil {
			return fmt.Errorf("%s needs a function that returns the tenant of the request's token",
				name)
		}
		return m.addSource(source{name: name, id: id, find: claim})
	})
}
