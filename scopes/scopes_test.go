package scopes_test

import (
	"context"
	"database/sql/driver"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/scopes"
)

type orgID string

func TestID(t *testing.T) {
	id := uuid.New()
	for _, test := range []struct {
		name string
		id   any
		want driver.Value
	}{
		{"string", "acme", "acme"},
		{"integer", uint16(7), int64(7)},
		{"uuid", id, id.String()},
		{"own_type", orgID("acme"), "acme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bound := scopes.ID(gormtenant.WithTenant(context.Background(), test.id))
			tenant, err := bound.Tenant()
			require.NoError(t, err)
			require.Equal(t, test.id, tenant)
			value, err := bound.Value()
			require.NoError(t, err)
			require.Equal(t, test.want, value)
		})
	}
}

func TestID_without_a_tenant_is_never_written(t *testing.T) {
	for _, c := range []struct {
		name  string
		bound scopes.BoundID
	}{
		{"no_tenant", scopes.ID(context.Background())},
		{"empty", scopes.ID(gormtenant.WithTenant(context.Background(), ""))},
		{"unscoped", scopes.ID(gormtenant.Unscoped(context.Background(), "report"))},
		{"zero_value", scopes.BoundID{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.bound.Tenant()
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
			_, err = c.bound.Value()
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		})
	}
}

func TestID_reports_why_there_is_none(t *testing.T) {
	_, err := scopes.ID(gormtenant.WithTenant(context.Background(), []int{1})).Tenant()
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	require.ErrorContains(t, err, "[]int cannot be compared")
}
