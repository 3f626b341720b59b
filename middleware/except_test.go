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
		{"usual_escape", "GET", "/assets/a%20b", true},
		{"usual_escape_beyond_ascii", "GET", "/assets/caf%C3%A9", true},
		{"usual_escape_in_a_literal", "GET", "/caf%C3%A9", true},
		{"unusual_escape_below", "GET", "/assets/logo%402x.png", true}, // below in each reading
		{"unusual_escape_in_a_wildcard", "POST", "/hooks/a%3Ab", true},
		{"no_escape_where_one_is_usual", "GET", "/assets/a!b", true},
		{"dots_in_a_name", "GET", "/assets/..a/b../c...d/.well-known", true},
		{"percent_that_escapes_nothing", "GET", "/assets/100%25", true},
		{"root", "PATCH", "/", true},

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
		{"double_slash_at_the_end", "GET", "/assets/x//", false},

		// Some routers decode these before they match, others match what was sent.
		{"encoded_letter", "GET", "/he%61lth", false},
		{"encoded_first_letter", "GET", "/%68ealth", false},
		{"encoded_letter_in_upper_case", "POST", "/auth/%6Cogin", false},
		{"encoded_capital", "GET", "/assets/%41", false},
		{"encoded_letter_of_a_subtree", "GET", "/%61ssets/x", false},
		{"encoded_letter_below", "GET", "/assets/%61dmin", false},
		{"encoded_letter_in_a_wildcard", "POST", "/hooks/%73tripe", false},
		{"encoded_digit", "GET", "/assets/%30", false},
		{"encoded_hyphen", "GET", "/assets/a%2Db", false},
		{"encoded_dot", "GET", "/assets/a%2Eb", false},
		{"encoded_underscore", "GET", "/assets/a%5Fb", false},
		{"encoded_tilde", "GET", "/assets/a%7Eb", false},
		{"encoded_letter_beside_a_usual_escape", "GET", "/assets/%20%61", false},
		{"encoded_method_path", "CONNECT", "/%61ny/x", false},
		{"unusual_escape_in_a_literal", "GET", "/v1%3Ainfo", false},
		{"escape_in_lower_case_in_a_literal", "GET", "/caf%c3%a9", false},
		{"unusual_escape_of_a_subtree", "GET", "/a%40b/x", false},

		{"backslash", "GET", `/assets/..\projects`, false},
		{"backslash_alone", "GET", `/assets/a\b`, false},
		{"encoded_backslash", "GET", "/assets/..%5Cprojects", false},
		{"encoded_backslash_in_lower_case", "GET", "/assets/a%5cb", false},
		{"dots_at_the_end", "GET", "/assets/..", false},
		{"dot_at_the_end", "GET", "/assets/.", false},
		{"dots_with_a_parameter", "GET", "/assets/..;/projects", false},
		{"dots_with_a_parameter_that_says_something", "GET", "/assets/..;a=b/projects", false},
		{"encoded_parameter_of_dots", "GET", "/assets/..%3B/projects", false},
		{"one_dot_encoded", "GET", "/assets/.%2e/projects", false},
		{"dots_encoded_twice", "GET", "/assets/%252e%252e/projects", false},
		{"slash_encoded_twice", "GET", "/assets/..%252Fprojects", false},
		{"letter_encoded_twice", "GET", "/assets/%2561", false},
		{"backslash_encoded_twice", "GET", "/assets/..%255cprojects", false},
		{"nul", "GET", "/assets/x%00", false},
		{"nul_encoded_twice", "GET", "/assets/x%2500", false},
		{"tab", "GET", "/assets/.%09./projects", false},
		{"delete", "GET", "/assets/x%7F", false},
		{"connect_with_dots", "CONNECT", "/any/../projects", false},
		{"connect", "CONNECT", "/any/x", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), claim())
			m.Except("GET /health", "OPTIONS /", "POST /auth/login")
			m.Except("GET /assets/", "POST /hooks/{provider}", "example.com/status",
				"CONNECT /any/", "/caf%C3%A9", "/v1:info", "/a@b/", "PATCH /{$}")
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

// What other middleware may have left of a URL: routers that go by RawPath would take that.
func TestExceptWithARawPathThatIsNotThePath(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, path, raw string }{
		{"another", "/health", "/projects"},
		{"another_that_is_excepted_too", "/health", "/assets/x"},
		{"encoded_wrongly", "/health", "/health%"},
		{"stripped_on_one_side", "/health", "/x/health"},
		{"encoded_letters", "/health", "/%68ealth"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), claim())
			m.Except("GET /health", "/assets/")
			r := request(t, "/")
			r.URL.Path, r.URL.RawPath = test.path, test.raw
			_, ids := serve(m, r)
			require.Empty(t, ids)
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
