package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

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
			middleware.ErrNotAuthorized,
		},
		{"no_token_and_domain", "http://projects.acme.com/", nil, "", middleware.ErrNotAuthorized},
		{
			"no_token_and_header", "http://example.com/",
			[]string{header, "acme"},
			"",
			middleware.ErrNotAuthorized,
		},
		{
			"no_token_and_path", "http://example.com/api/tenants/acme/", nil, "",
			middleware.ErrNotAuthorized,
		},
		{
			"no_token_and_query", "http://example.com/?tenantId=acme", nil, "",
			middleware.ErrNotAuthorized,
		},
		{
			"no_token_and_unknown", "http://example.com/?tenantId=nobody", nil, "",
			middleware.ErrNotAuthorized,
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

func TestTenantMustBeUsableNow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		tenant string
		want   error
	}{
		{"acme", nil},
		{"globex", nil},
		{"unpaid", tenants.ErrSuspended},
		{"gone", tenants.ErrClosed},
		{"trial", tenants.ErrExpired},
		{"instant", tenants.ErrExpired},
		{"odd", tenants.ErrSuspended},
		{"zero", tenants.ErrSuspended},
	} {
		t.Run(test.tenant, func(t *testing.T) {
			t.Parallel()
			_, err := newMiddleware(directory(), claim()).
				Resolve(request(t, "/", "Authorization", test.tenant))
			require.ErrorIs(t, err, test.want)
		})
	}
}

// The clock is asked for each request, and may jump both ways.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	now := noon
	m := newMiddleware(directory(), claim(), middleware.Clock(func() time.Time { return now }))
	r := request(t, "/", "Authorization", "trial")
	for _, step := range []struct {
		now  time.Time
		want error
	}{
		{noon, tenants.ErrExpired},
		{noon.Add(-time.Hour), nil},
		{noon.Add(24 * time.Hour), tenants.ErrExpired},
		{noon.Add(-time.Second), tenants.ErrExpired},
		{noon.Add(-time.Second - 1), nil},
		{time.Time{}, nil},
	} {
		now = step.now
		_, err := m.Resolve(r)
		require.ErrorIs(t, err, step.want, "at %v", step.now)
	}
}

func TestDirectoryFails(t *testing.T) {
	t.Parallel()
	errDown := errors.New("dial tcp 10.0.0.5:5432: connection refused")
	for _, test := range []struct {
		name  string
		found *tenants.Tenant
		err   error
		want  error
	}{
		{"down", nil, errDown, errDown},
		{"timeout", nil, context.DeadlineExceeded, context.DeadlineExceeded},
		{"canceled", nil, context.Canceled, context.Canceled},
		{
			"error_beside_a_tenant", &tenants.Tenant{ID: "1", Status: tenants.Active}, errDown,
			errDown,
		},
		{
			"error_that_usable_gives", &tenants.Tenant{ID: "1", Status: tenants.Active},
			tenants.ErrSuspended, middleware.ErrUnavailable,
		},
		{"neither_tenant_nor_error", nil, nil, middleware.ErrUnavailable},
		{
			"tenant_without_id", &tenants.Tenant{Slug: "acme", Status: tenants.Active}, nil,
			middleware.ErrUnavailable,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := lookup(func(context.Context, string) (*tenants.Tenant, error) {
				return test.found, test.err
			})
			tenant, err := newMiddleware(d, claim()).
				Resolve(request(t, "/", "Authorization", "acme"))
			require.Nil(t, tenant)
			require.ErrorIs(t, err, middleware.ErrUnavailable)
			require.ErrorIs(t, err, test.want)
			require.NotErrorIs(t, err, tenants.ErrNotFound)
		})
	}
}

// A tenant that is found in spite of an ErrNotFound is none.
func TestNotFoundBesideATenant(t *testing.T) {
	t.Parallel()
	d := lookup(func(context.Context, string) (*tenants.Tenant, error) {
		return &tenants.Tenant{ID: "1", Status: tenants.Active}, fmt.Errorf("cache: %w",
			tenants.ErrNotFound)
	})
	_, err := newMiddleware(d, claim()).Resolve(request(t, "/", "Authorization", "acme"))
	require.ErrorIs(t, err, tenants.ErrNotFound)
}

func TestClaimThatCouldNotBeVerified(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		err      error
		want     error
		tenantID string
		status   int
	}{
		{"bad_token", errors.New("bad signature"), middleware.ErrUnauthenticated, "", 401},
		{
			"error_wins_over_a_name", errors.New("expired"), middleware.ErrUnauthenticated, "acme",
			401,
		},
		{"not_found_is_no_404", tenants.ErrNotFound, middleware.ErrUnauthenticated, "", 401},
		{
			"keys_unavailable", fmt.Errorf("%w: keys", middleware.ErrUnavailable),
			middleware.ErrUnavailable, "", 503,
		},
		{
			"keys_time_out", fmt.Errorf("keys: %w", context.DeadlineExceeded),
			middleware.ErrUnavailable, "", 503,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMiddleware(directory(), middleware.Claim(func(*http.Request) (string, error) {
				return test.tenantID, test.err
			}))
			_, err := m.Resolve(request(t, "/"))
			require.ErrorIs(t, err, test.want)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.status, status(t, err))
		})
	}
}
