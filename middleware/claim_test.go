package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// A token outlives a name: acme renames itself, evil takes the slug, and acme's tokens are still
// around.
func TestClaimIsAnID(t *testing.T) {
	t.Parallel()
	const target = "http://acme.example.com/"
	says := func(identifier string) func(*http.Request) (string, error) {
		return func(*http.Request) (string, error) { return identifier, nil }
	}
	for _, test := range []struct {
		name   string
		claim  middleware.Option
		target string
		want   error
		status int
	}{
		{"id", middleware.Claim(says("1")), target, nil, 0},
		{"slug", middleware.Claim(says("acme")), target, tenants.ErrNotFound, 404},
		{"slug_alone", middleware.Claim(says("acme")), "/", tenants.ErrNotFound, 404},
		{"domain", middleware.Claim(says("projects.acme.com")), "/", tenants.ErrNotFound, 404},
		{
			"slug_of_another", middleware.Claim(says("globex")), target, tenants.ErrNotFound, 404,
		},
		{"id_of_another", middleware.Claim(says("2")), target, middleware.ErrDisagree, 403},
		{"unknown", middleware.Claim(says("nobody")), target, tenants.ErrNotFound, 404},
		{"slug_where_it_says_so", middleware.ClaimSlug(says("acme")), target, nil, 0},
		{
			"domain_where_it_says_so", middleware.ClaimSlug(says("projects.acme.com")), "/", nil, 0,
		},
		{"id_as_a_slug", middleware.ClaimSlug(says("1")), "/", nil, 0},
		{
			"certificate", middleware.VouchingSource("certificate", says("1")), target, nil, 0,
		},
		{
			"certificate_with_a_slug", middleware.VouchingSource("certificate", says("acme")),
			target, tenants.ErrNotFound, 404,
		},
	} {
		for _, subdomainFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, "/", subdomainFirst), func(t *testing.T) {
				t.Parallel()
				options := []middleware.Option{test.claim, middleware.Subdomain("example.com")}
				if subdomainFirst {
					options[0], options[1] = options[1], options[0]
				}
				m := newMiddleware(directory(), options...)
				tenant, err := m.Resolve(request(t, test.target))
				if test.want == nil {
					require.NoError(t, err)
					require.Equal(t, "1", tenant.ID)
					return
				}
				if test.name == "slug_of_another" && subdomainFirst {
					require.Error(t, err) // they disagree as well
					return
				}
				require.ErrorIs(t, err, test.want)
				require.Equal(t, test.status, status(t, err))
			})
		}
	}
}

// Who mistakes a slug for an ID learns from the log what to do, and the client nothing.
func TestClaimOfASlugSaysWhatToDo(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), middleware.Claim(func(*http.Request) (string, error) {
		return "acme", nil
	}), middleware.HideUnknown())
	_, err := m.Resolve(request(t, "/"))
	require.ErrorContains(t, err, "put the tenant's ID there")
	require.Equal(t, http.StatusForbidden, status(t, err))
	w, _ := serve(m, request(t, "/"))
	require.NotContains(t, w.Body.String(), "slug")
}

// What a function of the application says of a request, in its error, is the answer.
func TestErrorsOfTheApplicationDecide(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("own")
	for _, kind := range []struct {
		err    error
		status int
	}{
		{middleware.ErrUnauthenticated, 401},
		{middleware.ErrNotAuthorized, 403},
		{middleware.ErrUnavailable, 503},
	} {
		fails := fmt.Errorf("%w: %w", kind.err, errOwn)
		find := func(*http.Request) (string, error) { return "1", fails }
		for _, source := range []middleware.Option{
			middleware.Claim(find), middleware.ClaimSlug(find), middleware.Source("x", find),
			middleware.VouchingSource("x", find),
		} {
			m := newMiddleware(directory(), source, claim())
			_, err := m.Resolve(request(t, "/", "Authorization", "acme"))
			require.ErrorIs(t, err, errOwn)
			require.Equal(t, kind.status, status(t, err))
		}
		m := newMiddleware(directory(), claim())
		m.Authorize(func(*http.Request, *tenants.Tenant) error { return fails })
		_, err := m.Resolve(request(t, "/", "Authorization", "acme"))
		require.ErrorIs(t, err, errOwn)
		require.Equal(t, kind.status, status(t, err))
	}
}
