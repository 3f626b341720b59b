package tenants_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

// jobs is a directory for jobs.
type jobs struct{}

var errJobs = errors.New("connection refused")

func (jobs) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	switch identifier {
	case "1", "acme", "acme.com":
		return &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}, nil
	case "2":
		return &tenants.Tenant{ID: "2", Status: tenants.Active, ExpiresAt: &future}, nil
	case "suspended":
		return &tenants.Tenant{ID: identifier, Status: tenants.Suspended}, nil
	case "closed":
		return &tenants.Tenant{ID: identifier, Status: tenants.Closed}, nil
	case "expired":
		return &tenants.Tenant{ID: identifier, Status: tenants.Active, ExpiresAt: &past}, nil
	case "odd":
		return &tenants.Tenant{ID: identifier}, nil
	case "down":
		return nil, errJobs
	case "nothing":
		return nil, nil
	case "nameless":
		return &tenants.Tenant{Status: tenants.Active}, nil
	case "both":
		return &tenants.Tenant{ID: identifier, Status: tenants.Active}, tenants.ErrNotFound
	}
	return nil, tenants.ErrNotFound
}

func TestEnter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, id string
		want     error
		says     string
	}{
		{"active", "1", nil, ""},
		{"not_expired_yet", "2", nil, ""},
		{"suspended", "suspended", tenants.ErrSuspended, ""},
		{"closed", "closed", tenants.ErrClosed, ""},
		{"expired", "expired", tenants.ErrExpired, ""},
		{"odd_status", "odd", tenants.ErrSuspended, ""},
		{"unknown", "nobody", tenants.ErrNotFound, ""},
		{"empty", "", tenants.ErrNotFound, ""},
		{"no_text", "1\x00", tenants.ErrNotFound, ""},
		{"slug", "acme", tenants.ErrNotFound, "put the tenant's ID into the job"},
		{"domain", "acme.com", tenants.ErrNotFound, "put the tenant's ID into the job"},
		{"not_found_beside_a_tenant", "both", tenants.ErrNotFound, ""},
		{"directory_down", "down", errJobs, "entering a tenant"},
		{"neither", "nothing", nil, "neither an error nor a tenant"},
		{"without_an_id", "nameless", nil, "neither an error nor a tenant"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// The worker's own context runs as somebody: nothing of that may be left.
			before := gormtenant.WithTenant(t.Context(), "somebody")
			ctx, err := tenants.Enter(before, jobs{}, test.id)
			if test.want == nil && test.says == "" {
				require.NoError(t, err)
				found, ok := tenants.FromContext(ctx)
				require.True(t, ok)
				require.Equal(t, test.id, found.ID)
				id, err := gormtenant.Require(ctx)
				require.NoError(t, err)
				require.Equal(t, test.id, id)
				return
			}
			require.Error(t, err)
			require.Contains(t, err.Error(), "gormtenant: ")
			require.Contains(t, err.Error(), test.says)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			_, err = gormtenant.Require(ctx)
			require.ErrorIs(t, err, gormtenant.ErrNoTenant, "who ignores it is nobody")
		})
	}
	_, err := tenants.Enter(t.Context(), nil, "1")
	require.ErrorContains(t, err, "needs a directory")
}
