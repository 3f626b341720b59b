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
