package tenants_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) *time.Time { return &t }

func TestTenant_Usable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		tenant *tenants.Tenant
		want   error
	}{
		{"active", &tenants.Tenant{Status: tenants.Active}, nil},
		{"suspended", &tenants.Tenant{Status: tenants.Suspended}, tenants.ErrSuspended},
		{"closed", &tenants.Tenant{Status: tenants.Closed}, tenants.ErrClosed},
		{"no_status", &tenants.Tenant{}, tenants.ErrSuspended},
		{"unknown_status", &tenants.Tenant{Status: "trial"}, tenants.ErrSuspended},
		{"active_in_capitals", &tenants.Tenant{Status: "Active"}, tenants.ErrSuspended},
		{"nil", nil, tenants.ErrNotFound},
		{"expires_later", &tenants.Tenant{Status: tenants.Active, ExpiresAt: at(noon.Add(1))}, nil},
		{
			"expires_now", &tenants.Tenant{Status: tenants.Active, ExpiresAt: at(noon)},
			tenants.ErrExpired,
		},
		{
			"expired", &tenants.Tenant{Status: tenants.Active, ExpiresAt: at(noon.Add(-1))},
			tenants.ErrExpired,
		},
		{
			"expired_at_the_zero_time",
			&tenants.Tenant{Status: tenants.Active, ExpiresAt: new(time.Time)},
			tenants.ErrExpired,
		},
		{
			"expires_now_in_another_zone",
			&tenants.Tenant{
				Status: tenants.Active, ExpiresAt: at(noon.In(time.FixedZone("", 7200))),
			}, tenants.ErrExpired,
		},
		{
			"suspended_and_expired",
			&tenants.Tenant{Status: tenants.Suspended, ExpiresAt: at(noon)},
			tenants.ErrSuspended,
		},
		{
			"closed_and_not_yet_expired",
			&tenants.Tenant{Status: tenants.Closed, ExpiresAt: at(noon.Add(1))},
			tenants.ErrClosed,
		},
		{
			"unknown_and_not_yet_expired", &tenants.Tenant{Status: "?", ExpiresAt: at(noon.Add(1))},
			tenants.ErrSuspended,
		},
		{
			"active_with_limits_and_no_end",
			&tenants.Tenant{Status: tenants.Active, Limits: tenants.Limits{"x": 0}}, nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.tenant.Usable(noon)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestTenant_Usable_allocates_nothing(t *testing.T) {
	for _, status := range []tenants.Status{
		tenants.Active, tenants.Suspended, tenants.Closed, "trial", "",
	} {
		tenant := &tenants.Tenant{Status: status, ExpiresAt: at(noon)}
		require.Zero(t, testing.AllocsPerRun(100, func() { _ = tenant.Usable(noon) }), "status %q",
			status)
	}
}

func TestNewContext(t *testing.T) {
	t.Parallel()
	acme := &tenants.Tenant{ID: "t1", Slug: "acme"}
	ctx := tenants.NewContext(t.Context(), acme)

	got, ok := tenants.FromContext(ctx)
	require.True(t, ok)
	require.Same(t, acme, got)
	id, err := gormtenant.Require(ctx)
	require.NoError(t, err)
	require.Equal(t, "t1", id)
}

func TestFromContext_the_innermost_decides(t *testing.T) {
	t.Parallel()
	acme := &tenants.Tenant{ID: "t1"}
	inAcme := tenants.NewContext(t.Context(), acme)
	for _, test := range []struct {
		name string
		ctx  context.Context
		want *tenants.Tenant // nil for none
	}{
		{"plain", t.Context(), nil},
		{"another_by_WithTenant", gormtenant.WithTenant(inAcme, "t2"), nil},
		{"the_same_by_WithTenant", gormtenant.WithTenant(inAcme, "t1"), acme},
		{"the_same_unscoped", gormtenant.Unscoped(inAcme, "report"), nil},
		{"unscoped_for_no_reason", gormtenant.Unscoped(inAcme, ""), nil},
		{"nobody_by_WithTenant", gormtenant.WithTenant(inAcme, ""), nil},
		{"another_kind_of_ID", gormtenant.WithTenant(inAcme, 1), nil},
		{"only_WithTenant", gormtenant.WithTenant(t.Context(), "t1"), nil},
		{"another_and_back", tenants.NewContext(gormtenant.WithTenant(inAcme, "t2"), acme), acme},
		{
			"back_from_unscoped", tenants.NewContext(gormtenant.Unscoped(inAcme, "report"), acme),
			acme,
		},
		{"derived", context.WithoutCancel(inAcme), acme},
		{"nil_tenant", tenants.NewContext(t.Context(), nil), nil},
		{"nil_tenant_inside", tenants.NewContext(inAcme, nil), nil},
		{"no_ID_inside", tenants.NewContext(inAcme, &tenants.Tenant{Slug: "acme"}), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := tenants.FromContext(test.ctx)
			require.Equal(t, test.want != nil, ok)
			require.Same(t, test.want, got)
		})
	}
}

func TestNewContext_without_an_ID_has_no_tenant(t *testing.T) {
	t.Parallel()
	outer := tenants.NewContext(t.Context(), &tenants.Tenant{ID: "t1"})
	for _, test := range []struct {
		name   string
		nobody *tenants.Tenant
	}{{"nil", nil}, {"no_ID", &tenants.Tenant{Slug: "acme", Status: tenants.Active}}} {
		t.Run(test.name, func(t *testing.T) {
			_, err := gormtenant.Require(tenants.NewContext(outer, test.nobody))
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		})
	}
}

func TestFromContext_allocates_nothing(t *testing.T) {
	ctx := tenants.NewContext(t.Context(),
		&tenants.Tenant{ID: "6ba7b810-9dad-11d1-80b4-00c04fd430c8"})
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = tenants.FromContext(ctx) }))
}
