package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Except lets the requests that match one of the patterns through to the handler without a tenant:
// checks of health, the registration of tenants, log-ins, webhooks.
//
//	m.Except("GET /health", "POST /auth/register", "POST /auth/login", "/assets/")
//
// The patterns are those of [http.ServeMux]; GET is HEAD too. Only requests that match directly are
// let through: not those that ServeMux would redirect, nor those whose path can be read in two
// ways, because the router behind may read it as another path. That is a path with
//   - an escape of a letter, a digit, or one of - . _ ~, as in /%68ealth, or of a slash;
//   - dot segments, doubled slashes, backslashes or control characters, escaped or not;
//   - an escape of an escape, as in /%2568ealth;
//   - other escapes than the usual ones, if it matches in one of its two forms only.
//
// Nothing is looked up for these requests, and their statements on tenants' tables fail with
// gormtenant.ErrNoTenant. Except panics if a pattern is invalid. It applies to future requests.
func (m *Middleware) Except(patterns ...string) {
	m.excepting.Lock()
	defer m.excepting.Unlock()
	var all []exception
	if current := m.exceptions.Load(); current != nil {
		all = append(all, *current...)
	}
	for _, pattern := range patterns {
		all = append(all, newException(pattern))
	}
	m.exceptions.Store(&all)
}

// excepted reports whether r is let through without a tenant.
func (m *Middleware) excepted(r *http.Request) bool {
	all := m.exceptions.Load()
	if all == nil {
		return false
	}
	for i := range *all {
		if e := &(*all)[i]; e.matches(r) {
			if !oneReading(r.URL) {
				return false
			}
			if e.matchesAsSent(r) {
				return true
			}
		}
	}
	return false
}

// exception is one pattern of Except. Each has its own ServeMux: in one, OPTIONS / and /assets/
// conflict, since it could not tell which of two handlers to call. Here there is none.
type exception struct {
	mux *http.ServeMux

	// What all requests that match have in common. It is compared first, because a ServeMux takes a
	// microsecond and a dozen allocations to find that nothing matches.
	method string // "" for any
	start  string // of the path, decoded
	whole  bool   // start is all of the path
}

// exempt marks the requests that a ServeMux finds to match. It is never served.
type exempt struct{}

func (exempt) ServeHTTP(http.ResponseWriter, *http.Request) {}

// newException panics if the pattern is invalid.
func newException(pattern string) exception {
	e := exception{mux: http.NewServeMux()}
	func() {
		defer func() { // ServeMux does not say who called it
			if reason := recover(); reason != nil {
				panic(fmt.Sprintf("gormtenant: Except(%q): %v; it takes the patterns of "+
					"http.ServeMux, such as \"GET /health\"", pattern, reason))
			}
		}()
		e.mux.Handle(pattern, exempt{})
	}()

	rest := pattern // [METHOD ][HOST]/[PATH]
	if space := strings.IndexAny(pattern, " \t"); space >= 0 {
		e.method, rest = pattern[:space], pattern[space+1:]
	}
	// A wildcard comes after a slash.
	path, _, _ := strings.Cut(rest[strings.IndexByte(rest, '/'):], "{")
	if start, err := url.PathUnescape(path); err == nil {
		e.start, e.whole = start, !strings.HasSuffix(start, "/")
	}
	return e
}

// matches reports whether r matches the pattern directly.
func (e *exception) matches(r *http.Request) bool {
	if e.method != "" && e.method != r.Method &&
		(e.method != http.MethodGet || r.Method != http.MethodHead) {
		return false
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, e.start); !ok || e.whole && rest != "" {
		return false
	}
	handler, _ := e.mux.Handler(r)
	_, matches := handler.(exempt)
	return matches
}

// matchesAsSent reports whether r matches also for a router that does not decode what was sent in
// another encoding than the usual one.
func (e *exception) matchesAsSent(r *http.Request) bool {
	if r.URL.RawPath == r.URL.Path || r.URL.RawPath == "" {
		return true
	}
	sent := *r
	sent.URL = &url.URL{Host: r.URL.Host, Path: r.URL.RawPath}
	return e.matches(&sent)
}
