package tenants_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestDefaultPlans(t *testing.T) {
	t.Parallel()
	const no = tenants.Unlimited
	want := []struct {
		plan    string
		numbers [4]int64
	}{
		{"free", [4]int64{5, 3, 1e9, 10_000}},
		{"starter", [4]int64{20, 10, 10e9, 100_000}},
		{"pro", [4]int64{100, 50, 100e9, 1_000_000}},
		{"enterprise", [4]int64{no, no, no, no}},
	}
	plans := tenants.DefaultPlans()
	require.Len(t, plans, len(want))
	for _, test := range want {
		for i, name := range []string{
			tenants.Users, tenants.Projects, tenants.StorageBytes, tenants.APICalls,
		} {
			limit, err := plans.Limit(&tenants.Tenant{Plan: test.plan}, name)
			require.NoError(t, err)
			require.Equal(t, test.numbers[i], limit, "%s of %s", name, test.plan)
		}
	}

	plans["free"][tenants.Users] = 6
	delete(plans, "pro")
	require.Equal(t, int64(5), tenants.DefaultPlans()["free"][tenants.Users],
		"the caller's map is its own")
	require.Len(t, tenants.DefaultPlans(), len(want))
}

func TestPlans_Limit(t *testing.T) {
	t.Parallel()
	plans := tenants.Plans{
		"small":  {"seats": 3, "exports": 0, "odd": -2},
		"nil":    nil,
		"":       {"seats": 1},
		"open":   {"seats": tenants.Unlimited},
		"lowest": {"seats": math.MinInt64},
	}
	for _, test := range []struct {
		name   string
		tenant *tenants.Tenant
		limit  string
		want   int64
		err    error
	}{
		{"of_the_plan", &tenants.Tenant{Plan: "small"}, "seats", 3, nil},
		{"zero_is_a_limit", &tenants.Tenant{Plan: "small"}, "exports", 0, nil},
		{"of_neither", &tenants.Tenant{Plan: "small"}, "rockets", tenants.Unlimited, nil},
		{"of_a_plan_without_limits", &tenants.Tenant{Plan: "nil"}, "seats", tenants.Unlimited, nil},
		{"unlimited_by_plan", &tenants.Tenant{Plan: "open"}, "seats", tenants.Unlimited, nil},
		{
			"own_overrides_plan",
			&tenants.Tenant{Plan: "small", Limits: tenants.Limits{"seats": 8}}, "seats", 8, nil,
		},
		{
			"own_zero_overrides_plan",
			&tenants.Tenant{Plan: "small", Limits: tenants.Limits{"seats": 0}}, "seats", 0, nil,
		},
		{
			"own_unlimited_overrides_plan",
			&tenants.Tenant{Plan: "small", Limits: tenants.Limits{"seats": -1}}, "seats", -1,
			nil,
		},
		{
			"own_limit_of_an_unlimited",
			&tenants.Tenant{Plan: "open", Limits: tenants.Limits{"seats": 2}}, "seats", 2, nil,
		},
		{
			"own_of_another_name",
			&tenants.Tenant{Plan: "small", Limits: tenants.Limits{"seats ": 8}}, "seats", 3,
			nil,
		},
		{
			"own_needs_no_plan", &tenants.Tenant{Plan: "?", Limits: tenants.Limits{"seats": 8}},
			"seats", 8, nil,
		},
		{"unknown_plan", &tenants.Tenant{Plan: "Small"}, "seats", 0, tenants.ErrUnknownPlan},
		{
			"unknown_plan_unknown_limit", &tenants.Tenant{Plan: "?"}, "rockets", 0,
			tenants.ErrUnknownPlan,
		},
		{"no_plan_is_a_plan_if_declared", &tenants.Tenant{}, "seats", 1, nil},
		{"negative_of_the_plan", &tenants.Tenant{Plan: "small"}, "odd", 0, tenants.ErrInvalidLimit},
		{
			"lowest_of_the_plan", &tenants.Tenant{Plan: "lowest"}, "seats", 0,
			tenants.ErrInvalidLimit,
		},
		{
			"negative_of_its_own",
			&tenants.Tenant{Plan: "small", Limits: tenants.Limits{"seats": -3}}, "seats", 0,
			tenants.ErrInvalidLimit,
		},
		{"nil_tenant", nil, "seats", 0, gormtenant.ErrNoTenant},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := plans.Limit(test.tenant, test.limit)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := tenants.Plans(nil).Limit(&tenants.Tenant{Plan: "free"}, tenants.Users)
	require.ErrorIs(t, err, tenants.ErrUnknownPlan)
}

func TestLimitError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("create: %w", &tenants.LimitError{Name: "projects", Limit: 3, Count: 4})
	require.ErrorIs(t, err, tenants.ErrLimit)
	require.NotErrorIs(t, err, tenants.ErrUnknownPlan)
	require.EqualError(t, err,
		"create: gormtenant: the tenant's limit is reached: projects: at most 3, this would make 4")
	var limit *tenants.LimitError
	require.ErrorAs(t, err, &limit)
	require.Equal(t, tenants.LimitError{Name: "projects", Limit: 3, Count: 4}, *limit)
}
