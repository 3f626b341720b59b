package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestRefusals_are_problem_json(t *testing.T) {
	t.Parallel()
	const (
		own   = "https://pkg.go.dev/github.com/gormtenant/gormtenant/middleware#"
		other = "https://pkg.go.dev/github.com/gormtenant/gormtenant/tenants#"
	)
	down := lookup(func(context.Context, string) (*tenants.Tenant, error) {
		return nil, errors.New("password authentication failed for user acme")
	})
	for _, test := range []struct {
		name, token, header string
		directory           tenants.Directory
		status              int
		problem             string
	}{
		{"no_tenant", "", "", directory(), 400, own + "ErrNoTenantNamed"},
		{"malformed", "acme", "acme,globex", directory(), 400, own + "ErrMalformed"},
		{"forged", "forged", "", directory(), 401, own + "ErrUnauthenticated"},
		{"unknown", "nobody", "", directory(), 404, other + "ErrNotFound"},
		{"disagree", "acme", "globex", directory(), 403, own + "ErrDisagree"},
		{"no_credentials", "", "acme", directory(), 401, own + "ErrUnauthenticated"},
		{"not_authorized", "personal", "acme", directory(), 403, own + "ErrNotAuthorized"},
		{"suspended", "unpaid", "", directory(), 403, other + "ErrSuspended"},
		{"closed", "gone", "", directory(), 403, other + "ErrClosed"},
		{"expired", "trial", "", directory(), 403, other + "ErrExpired"},
		{"odd_status", "odd", "", directory(), 403, other + "ErrSuspended"},
		{"directory_down", "acme", "", down, 503, own + "ErrUnavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(test.directory, claim(), middleware.Header("X-Tenant-ID"))
			r := request(t, "/secret-path?secret=query")
			if test.token != "" {
				r.Header.Set("Authorization", test.token)
			}
			if test.header != "" {
				r.Header.Set("X-Tenant-ID", test.header)
			}
			w, ids := serve(m, r)
			require.Empty(t, ids, "the handler is not called")
			require.Equal(t, test.status, w.Code)

			var problem middleware.Problem
			decoder := json.NewDecoder(strings.NewReader(w.Body.String()))
			decoder.DisallowUnknownFields()
			require.NoError(t, decoder.Decode(&problem))
			require.Equal(t, test.problem, problem.Type)
			require.Equal(t, test.status, problem.Status)
			require.NotEmpty(t, problem.Title)
			require.NotEmpty(t, problem.Detail)

			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.Equal(t, test.status == 503, w.Header().Get("Retry-After") == "5")
			require.Equal(t, test.status == 401, w.Header().Get("WWW-Authenticate") == "Bearer")
			requireSaysNothing(t, w)
		})
	}
}

// requireSaysNothing checks that the answer holds neither a tenant's data, nor the request's, nor a
// cause.
func requireSaysNothing(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	for _, word := range []string{
		"acme", "Acme Inc", "globex", "Globex", "unpaid", "nobody", "gold", "frozen", "trial ",
		"secret",
		"forged", "token-4711", "password", "X-Tenant", "projects.acme.com",
	} {
		require.NotContains(t, w.Body.String(), word)
	}
}

// With HideUnknown a stranger cannot tell a name that is taken from one that is not.
func TestHideUnknown(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim(), middleware.Subdomain("example.com"),
		middleware.Header("X-Tenant-ID"),
		middleware.HideUnknown())
	m.Authorize(func(r *http.Request, tenant *tenants.Tenant) error {
		if r.Header.Get("X-User") != tenant.ID {
			return errors.New("not a member")
		}
		return nil
	})
	want, _ := serve(m, request(t, "/", "X-Tenant-ID", "acme", "X-User", "2"))
	require.Equal(t, http.StatusForbidden, want.Code)
	for _, test := range []struct {
		name    string
		target  string
		headers []string
		reason  error
	}{
		{"unknown", "/", []string{"X-Tenant-ID", "nobody"}, tenants.ErrNotFound},
		{"deeper_host", "http://a.b.example.com/", nil, tenants.ErrNotFound},
		{
			"token_beside_unknown", "/",
			[]string{"Authorization", "acme", "X-Tenant-ID", "nobody"},
			tenants.ErrNotFound,
		},
		{
			"token_beside_another", "/",
			[]string{"Authorization", "acme", "X-Tenant-ID", "globex"},
			middleware.ErrDisagree,
		},
		{
			"token_beside_suspended", "/",
			[]string{"Authorization", "acme", "X-Tenant-ID", "unpaid"},
			middleware.ErrDisagree,
		},
		{
			"suspended", "/",
			[]string{"X-Tenant-ID", "unpaid", "X-User", "2"},
			middleware.ErrNotAuthorized,
		},
		{
			"closed", "/",
			[]string{"X-Tenant-ID", "gone", "X-User", "2"},
			middleware.ErrNotAuthorized,
		},
		{
			"expired", "/",
			[]string{"X-Tenant-ID", "trial", "X-User", "2"},
			middleware.ErrNotAuthorized,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, test.target, test.headers...)
			got, ids := serve(m, r)
			require.Empty(t, ids)
			require.Equal(t, want.Code, got.Code)
			require.Equal(t, want.Body.String(), got.Body.String())
			require.Equal(t, want.Header(), got.Header())

			_, err := m.Resolve(r)
			require.ErrorIs(t, err, test.reason, "the log knows")
			var refused *middleware.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, http.StatusForbidden, refused.Problem.Status,
				"an error handler does not tell either")
			require.Contains(t, refused.Problem.Type, "ErrNotAuthorized")
		})
	}
	own, _ := serve(m, request(t, "/", "X-Tenant-ID", "unpaid", "X-User", "3"))
	require.Contains(t, own.Body.String(), "suspended", "members learn it")
}
