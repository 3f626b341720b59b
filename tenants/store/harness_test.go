package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// each runs test on every kind of database, with the tables of a store.
func each(t *testing.T, test func(t *testing.T, db *gorm.DB, s *store.Store)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		s := newStore(t, db)
		require.NoError(t, s.Migrate(t.Context()))
		test(t, db, s)
	})
}

func newStore(t testing.TB, db *gorm.DB, options ...store.Option) *store.Store {
	t.Helper()
	s, err := store.New(db, options...)
	require.NoError(t, err)
	return s
}

// acme is a tenant that uses all that one can have.
func acme() *tenants.Tenant {
	expires := time.Date(2031, 2, 3, 4, 5, 6, 789_000, time.UTC)
	return &tenants.Tenant{
		ID: "t-1", Slug: "acme", Name: "Acme Ltd",
		Domains: []string{"projects.acme.com", "acme.org"},
		Plan:    "pro", ExpiresAt: &expires,
		Limits:     tenants.Limits{tenants.Users: 7, tenants.Projects: tenants.Unlimited},
		Attributes: map[string]string{"region": "eu", "empty": "", "text": "\x00 'ü'"},
	}
}

func create(t testing.TB, s *store.Store, tenant *tenants.Tenant) *tenants.Tenant {
	t.Helper()
	require.NoError(t, s.Create(t.Context(), tenant))
	return tenant
}

func lookup(t testing.TB, s *store.Store, identifier string) *tenants.Tenant {
	t.Helper()
	found, err := s.Lookup(t.Context(), identifier)
	require.NoError(t, err, identifier)
	return found
}

// content is all that the tables hold, as text.
func content(t testing.TB, db *gorm.DB) string {
	t.Helper()
	var text string
	for _, query := range []string{
		"SELECT * FROM gormtenant_tenants ORDER BY id",
		"SELECT * FROM gormtenant_names ORDER BY name",
		"SELECT * FROM gormtenant_domains ORDER BY tenant_id, domain",
	} {
		var rows []map[string]any
		require.NoError(t, db.Raw(query).Scan(&rows).Error)
		for _, row := range rows {
			text += fmt.Sprintln(row)
		}
	}
	return text
}

// requireField fails unless err is about a field.
func requireField(t testing.TB, err, kind error, field, says string) {
	t.Helper()
	var failure *store.FieldError
	require.ErrorAs(t, err, &failure)
	require.ErrorIs(t, err, kind)
	require.Equal(t, field, failure.Field, "%v", err)
	require.Contains(t, err.Error(), says)
	require.Less(t, len(err.Error()), 1000, "%v", err)
}

// clock is a clock that stands still.
func clock() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6_789, time.FixedZone("CET", 3600)) }
