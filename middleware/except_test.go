package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExcept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method, path string
		excepted           bool
	}{
		{"get", "GET", "/health", true},
		{"head_is_get", "HEAD", "/health", true},
		{"preflight", "OPTIONS", "/projects", true},
		{"post", "POST", "/auth/login", true},
		{"below", "GET", "/assets/css/site.css", true},
		{"wildcard", "POST", "/hooks/stripe", true},
		{"another_host", "GET", "/status", true},
		{"encoded_letters", "GET", "/he%61lth", true}, // routers agree on these

		{"another_method", "POST", "/health", false},
		{"another_path", "GET", "/healthz", false},
		{"slash_behind", "GET", "/health/", false},
		{"below_what_has_no_slash", "GET", "/health/x", false},
		{"case", "GET", "/HEALTH", false},
		{"redirected_to_a_slash", "GET", "/assets", false},
		{"two_segments_for_a_wildcard", "POST", "/hooks/a/b", false},
		{"dots_out", "GET", "/assets/../projects", false},
		{"dots_in", "GET", "/projects/../health", false},
		{"dot", "GET", "/./health", false},
		{"encoded_dots_out", "GET", "/assets/%2e%2e/projects", false},
		{"encoded_slash_out", "GET", "/assets%2F..%2Fprojects", false},
		{"encoded_dots_and_slash_out", "GET", "/assets/..%2fprojects", false},
		{"encoded_slash_in_a_wildcard", "POST", "/hooks/a%2Fb", false},
		{"encoded_slash", "GET", "/assets/a%2fb", false},
		{"double_slash", "GET", "//health", false},
		{"double_slash_behind", "GET", "/assets//x", false},
		{"connect_with_dots", "CONNECT", "/any/../projects", false},
		{"connect", "CONNECT", "/any/x", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), claim())
			m.Except("GET /health", "OPTIONS /", "POST /auth/login")
			m.Except("GET /assets/", "POST /hooks/{provider}", "example.com/status",
				"CONNECT /any/")
			r := request(t, "/")
			u, err := url.ParseRequestURI("http://example.com" + test.path)
			require.NoError(t, err)
			r.Method, r.URL = test.method, &url.URL{Path: u.Path, RawPath: u.RawPath}
			w, ids := serve(m, r)
			if test.excepted {
				require.Equal(t, []string{""}, ids, "the handler is called with no tenant")
				return
			}
			require.Empty(t, ids)
			require.Equal(t, http.StatusBadRequest, w.Code)
		})
	}
}

// A request that is let through has no tenant, even if it names one, and nothing of it is asked.
func TestExceptComesFirst(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), everySource()...)
	m.Except("/auth/")
	for _, token := range []string{"acme", "forged", "nobody", "unpaid"} {
		w, ids := serve(m,
			request(t, "http://globex.example.com/auth/login", "Authorization", token))
		require.Equal(t, []string{""}, ids)
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Empty(t, w.Header())
	}
}

// Patterns that a ServeMux would not take together are no trouble, since no handler is chosen.
func TestExceptOverlaps(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim())
	m.Except("OPTIONS /", "/assets/", "GET /health", "GET /health", "/{page}", "/x/{a}/y",
		"/x/z/{b}")
	for _, r := range []*http.Request{
		request(t, "/assets/x"), request(t, "/health"), request(t, "/about"), request(t, "/x/z/y"),
		request(t, "/x/1/y"),
	} {
		_, ids := serve(m, r)
		require.Equal(t, []string{""}, ids, r.URL.Path)
	}
	_, ids := serve(m, request(t, "/x/1/z"))
	require.Empty(t, ids)
}

// Patterns may be added after Handler.
func TestExceptLater(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim())
	var next seen
	handler := m.Handler(&next)
	m.Except("/auth/")
	handler.ServeHTTP(httptest.NewRecorder(), request(t, "/auth/login"))
	require.Equal(t, []string{""}, next.ids)
}

func TestExceptPanics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, pattern, want string }{
		{"empty", "", `Except("")`},
		{"no_path", "GET", `Except("GET")`},
		{"wildcard_open", "GET /x/{id", "{id"},
		{"half_a_segment", "/x-{id}/", "/x-{id}/"},
		{"bad_method", "G@T /x", `G@T`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), claim())
			m.Except("GET /health")
			requirePanics(t, "gormtenant: Except(", func() { m.Except(test.pattern) })
			requirePanics(t, test.want, func() { m.Except(test.pattern) })
			requirePanics(t, "such as \"GET /health\"", func() { m.Except(test.pattern) })
		})
	}
}
