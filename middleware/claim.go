package middleware

import (
	"errors"
	"net/http"
)

// Claim is the source of tenants that vouches for them: the tenant of a verified token or session.
// It is asked for each request, by several goroutines at once, and usually reads what an
// authentication middleware in front put into the request's context.
//
//	middleware.Claim(func(r *http.Request) (string, error) {
//		token, err := verify(r.Header.Get("Authorization"))
//		if err != nil {
//			return "", err // 401
//		}
//		return token.Tenant, nil
//	})
//
// A claim that returns "" names no tenant: the request has no token, or one of no particular
// tenant. Other sources may then name the tenant, but only [Middleware.Authorize] can say that it
// is the client's. A claim that returns an error refuses the request with [ErrUnauthenticated], or
// with [ErrUnavailable] if it wraps that or the error of a context, for example because keys could
// not be fetched.
func Claim(claim func(r *http.Request) (string, error)) Option {
	return optionFunc(func(m *Middleware) error {
		if claim == nil {
			return errors.New("Claim needs a function that returns the tenant of the request's " +
				"token")
		}
		return m.addSource(source{name: "Claim", find: func(r *http.Request) (string, *Error) {
			identifier, err := claim(r)
			if err != nil {
				return "", judged(unauthenticated, ErrUnauthenticated, err)
			}
			return identifier, nil
		}})
	})
}
