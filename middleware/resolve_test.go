package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// everySource is all of them, with a claim that vouches.
func everySource() []middleware.Option {
	return []middleware.Option{
		claim(),
		middleware.Subdomain("example.com"), middleware.Domain(), middleware.Header("X-Tenant-ID"),
		middleware.Path("/api/tenants/{tenant}/"), middleware.Query("tenantId"),
	}
}

func TestSourcesMustAgree(t *testing.T) {
	t.Parallel()
	const token, header = "Authorization", "X-Tenant-ID"
	for _, test := range []struct {
		name    string
		target  string
		headers []string
		want    string
		err     error
	}{
		{"claim", "http://example.com/", []string{token, "acme"}, "1", nil},
		{
			"all_agree", "http://acme.example.com/api/tenants/acme/?tenantId=acme",
			[]string{token, "acme", header, "acme"},
			"1", nil,
		},
		{
			"agree_by_id_and_slug", "http://acme.example.com/?tenantId=1",
			[]string{token, "1", header, "acme"},
			"1", nil,
		},
		{"agree_by_domain", "http://projects.acme.com/", []string{token, "acme"}, "1", nil},

		{
			"subdomain_of_another", "http://globex.example.com/",
			[]string{token, "acme"},
			"",
			middleware.ErrDisagree,
		},
		{
			"domain_of_another", "http://globex.org/",
			[]string{token, "acme"},
			"",
			middleware.ErrDisagree,
		},
		{
			"header_of_another", "http://example.com/",
			[]string{token, "acme", header, "globex"},
			"", middleware.ErrDisagree,
		},
		{
			"header_of_another_by_id", "http://example.com/",
			[]string{token, "acme", header, "2"},
			"", middleware.ErrDisagree,
		},
		{
			"path_of_another", "http://example.com/api/tenants/globex/",
			[]string{token, "acme"},
			"", middleware.ErrDisagree,
		},
		{
			"query_of_another", "http://example.com/?tenantId=globex",
			[]string{token, "acme"},
			"",
			middleware.ErrDisagree,
		},
		{
			"last_of_all_disagrees", "http://acme.example.com/api/tenants/acme/?tenantId=globex",
			[]string{token, "acme", header, "acme"},
			"", middleware.ErrDisagree,
		},
		{
			"all_against_the_claim",
			"http://globex.example.com/api/tenants/globex/?tenantId=globex",
			[]string{token, "acme", header, "globex"},
			"", middleware.ErrDisagree,
		},
		{
			"another_is_suspended", "http://unpaid.example.com/",
			[]string{token, "acme"},
			"",
			middleware.ErrDisagree,
		},
		{
			"another_is_unknown", "http://example.com/?tenantId=nobody",
			[]string{token, "acme"},
			"", tenants.ErrNotFound,
		},
		{
			"claim_is_unknown", "http://example.com/",
			[]string{token, "nobody"},
			"",
			tenants.ErrNotFound,
		},
		{
			"deeper_host", "http://x.acme.example.com/",
			[]string{token, "acme"},
			"",
			tenants.ErrNotFound,
		},
		{
			"malformed_beside_a_claim", "http://example.com/",
			[]string{token, "acme", header, "acme", header, "globex"},
			"",
			middleware.ErrMalformed,
		},
		{
			"malformed_claim", "http://example.com/",
			[]string{token, "ac\x00me"},
			"",
			middleware.ErrMalformed,
		},
		{
			"forged_claim", "http://acme.example.com/",
			[]string{token, "forged"},
			"",
			middleware.ErrUnauthenticated,
		},
		{"nothing", "http://example.com/", nil, "", middleware.ErrNoTenantNamed},

		// The hole that naming is not belonging leaves: a claim is configured, but not made.
		{
			"no_token_and_subdomain", "http://acme.example.com/", nil, "",
			middleware.ErrUnauthenticated,
		},
		{
			"no_token_and_domain", "http://projects.acme.com/", nil, "",
			middleware.ErrUnauthenticated,
		},
		{
			"no_token_and_header", "http://example.com/",
			[]string{header, "acme"},
			"",
			middleware.ErrUnauthenticated,
		},
		{
			"no_token_and_path", "http://example.com/api/tenants/acme/", nil, "",
			middleware.ErrUnauthenticated,
		},
		{
			"no_token_and_query", "http://example.com/?tenantId=acme", nil, "",
			middleware.ErrUnauthenticated,
		},
		{
			"no_token_and_unknown", "http://example.com/?tenantId=nobody", nil, "",
			middleware.ErrUnauthenticated,
		},
		{
			"token_of_no_tenant_and_subdomain", "http://acme.example.com/",
			[]string{token, "personal"},
			"",
			middleware.ErrNotAuthorized,
		},
		{
			"token_of_no_tenant_and_unknown", "http://example.com/?tenantId=nobody",
			[]string{token, "personal"},
			"",
			middleware.ErrNotAuthorized,
		},
		{
			"token_of_no_tenant", "http://example.com/",
			[]string{token, "personal"},
			"",
			middleware.ErrNoTenantNamed,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), everySource()...)
			tenant, err := m.Resolve(request(t, test.target, test.headers...))
			if test.err != nil {
				require.ErrorIs(t, err, test.err)
				require.Nil(t, tenant)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, tenant.ID)
		})
	}
}

// Without a token nobody learns from the directory, nor makes it work.
func TestDirectoryIsNotAskedForStrangers(t *testing.T) {
	t.Parallel()
	never := lookup(func(context.Context, string) (*tenants.Tenant, error) {
		panic("the directory was asked")
	})
	m := newMiddleware(never, everySource()...)
	for _, r := range []*http.Request{
		request(t, "http://acme.example.com/"),
		request(t, "http://example.com/"),
		request(t, "http://example.com/", "X-Tenant-ID", "a\x00b", "Authorization", "acme"),
		request(t, "http://example.com/", "X-Tenant-ID", "acme", "X-Tenant-ID", "globex",
			"Authorization", "acme"),
		request(t, "http://a.b.example.com/", "Authorization", "acme"),
		request(t, "http://acme.example.com/", "Authorization", "forged"),
	} {
		_, err := m.Resolve(r)
		require.Error(t, err)
	}
}

func TestTheSameNameIsLookedUpOnce(t *testing.T) {
	t.Parallel()
	asked := []string{}
	known := directory()
	m := newMiddleware(lookup(func(
		ctx context.Context, identifier string,
	) (*tenants.Tenant, error) {
		asked = append(asked, identifier)
		return known(ctx, identifier)
	}), everySource()...)
	_, err := m.Resolve(request(t, "http://acme.example.com/?tenantId=1", "Authorization", "acme",
		"X-Tenant-ID", "acme"))
	require.NoError(t, err)
	require.Equal(t, []string{"acme", "1"}, asked)
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	errMember := errors.New("user 7 is not a member")
	members := func(r *http.Request, tenant *tenants.Tenant) error {
		switch user := r.Header.Get("X-User"); user {
		case tenant.ID:
			return nil
		case "timeout":
			return fmt.Errorf("select members: %w", context.DeadlineExceeded)
		case "failing":
			return fmt.Errorf("%w: members: connection refused", middleware.ErrUnavailable)
		}
		return errMember
	}
	for _, test := range []struct {
		name    string
		headers []string
		want    []error // all of them; none if the tenant is served
	}{
		{"member", []string{"X-Tenant-ID", "acme", "X-User", "1"}, nil},
		{
			"member_of_another",
			[]string{"X-Tenant-ID", "acme", "X-User", "2"},
			[]error{middleware.ErrNotAuthorized, errMember},
		},
		{
			"nobody",
			[]string{"X-Tenant-ID", "acme"},
			[]error{middleware.ErrNotAuthorized, errMember},
		},
		{
			"claim_is_asked_too",
			[]string{"Authorization", "acme", "X-User", "2"},
			[]error{middleware.ErrNotAuthorized},
		},
		{"claim_and_member", []string{"Authorization", "acme", "X-User", "1"}, nil},
		{
			"claim_of_another",
			[]string{"Authorization", "globex", "X-Tenant-ID", "acme", "X-User", "1"},
			[]error{middleware.ErrDisagree},
		},
		{"unknown", []string{"X-Tenant-ID", "nobody", "X-User", "1"}, []error{tenants.ErrNotFound}},
		{
			"member_of_suspended",
			[]string{"X-Tenant-ID", "unpaid", "X-User", "3"},
			[]error{tenants.ErrSuspended},
		},
		{
			"stranger_does_not_learn_of_suspension",
			[]string{"X-Tenant-ID", "unpaid", "X-User", "1"},
			[]error{middleware.ErrNotAuthorized, errMember},
		},
		{
			"members_time_out",
			[]string{"X-Tenant-ID", "acme", "X-User", "timeout"},
			[]error{middleware.ErrUnavailable, context.DeadlineExceeded},
		},
		{
			"members_fail",
			[]string{"X-Tenant-ID", "acme", "X-User", "failing"},
			[]error{middleware.ErrUnavailable},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), claim(), middleware.Header("X-Tenant-ID"))
			m.Authorize(members)
			tenant, err := m.Resolve(request(t, "/", test.headers...))
			if test.want == nil {
				require.NoError(t, err)
				require.Equal(t, "1", tenant.ID)
				return
			}
			require.Nil(t, tenant)
			for _, want := range test.want {
				require.ErrorIs(t, err, want)
			}
			require.Equal(t, errors.Is(err, middleware.ErrUnavailable),
				status(t, err) == http.StatusServiceUnavailable)
		})
	}
}

// status is the one of the answer to a request that is refused with err.
func status(t *testing.T, err error) int {
	t.Helper()
	var refused *middleware.Error
	require.ErrorAs(t, err, &refused)
	return refused.Problem.Status
}

func TestAnyoneMayNameTheirTenant(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim(), middleware.Header("X-Tenant-ID"),
		middleware.AnyoneMayNameTheirTenant())
	tenant, err := m.Resolve(request(t, "/", "X-Tenant-ID", "acme"))
	require.NoError(t, err)
	require.Equal(t, "1", tenant.ID)

	_, err = m.Resolve(request(t, "/", "X-Tenant-ID", "acme", "Authorization", "globex"))
	require.ErrorIs(t, err, middleware.ErrDisagree, "but not another than the claim's")
}
