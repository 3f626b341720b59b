package middleware

import (
	"fmt"
	"net/http"

	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// source finds the name of a tenant in a request.
type source struct {
	name string // for errors: the call that made it
	free bool   // the client chooses what it finds
	id   bool   // what it finds must be an ID
	// find returns "" where the request has nothing for it.
	find func(r *http.Request) (string, error)
}

// Source is a source of the application's own, such as a header that has parts:
//
//	middleware.Source("the API key's prefix", func(r *http.Request) (string, error) {
//		tenant, _, _ := strings.Cut(r.Header.Get("X-API-Key"), ".")
//		return tenant, nil
//	})
//
// find returns an ID, a slug or a domain, or "" where the request has nothing for it. It is asked
// for each request, by several goroutines at once. An error refuses the request with
// [ErrMalformed], or with [ErrUnavailable], [ErrUnauthenticated] or [ErrNotAuthorized] if it wraps
// that. name is for errors and logs.
//
// What it finds is the client's choice, so Source needs a [Claim] or [Middleware.Authorize] beside
// it. For what the application has verified there is [VouchingSource].
func Source(name string, find func(r *http.Request) (string, error)) Option {
	return ownSource("Source", name, find, true)
}

// VouchingSource is a [Source] that vouches for the tenant, as [Claim] does: what it finds was
// verified, as a client's certificate is, and is the tenant's ID. An error refuses the request with
// [ErrUnauthenticated], unless it wraps another.
func VouchingSource(name string, find func(r *http.Request) (string, error)) Option {
	return ownSource("VouchingSource", name, find, false)
}

func ownSource(
	option, name string, find func(r *http.Request) (string, error), free bool,
) Option {
	return optionFunc(func(m *Middleware) error {
		if name == "" {
			return fmt.Errorf("%s needs a name, which errors call it by", option)
		}
		if find == nil {
			return fmt.Errorf("%s(%q) needs a function that returns the tenant of the request",
				option, name)
		}
		return m.addSource(source{
			name: fmt.Sprintf("%s(%q)", option, name), free: free, id: !free, find: find,
		})
	})
}

// ask returns what s says of r.
func (s *source) ask(r *http.Request) resolve.Candidate {
	name, err := s.find(r)
	return resolve.Candidate{Source: s.name, Name: name, Vouches: !s.free, ID: s.id, Err: err}
}

// malformedf refuses a request whose tenant cannot be read.
func malformedf(format string, args ...any) error {
	return resolve.Refuse(resolve.Malformed, fmt.Errorf(format, args...))
}
