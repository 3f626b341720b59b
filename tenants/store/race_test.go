package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

const contenders = 50

// race runs one call in each of many goroutines, on two stores with pools of their own, and returns
// their errors.
func race(t *testing.T, stores [2]*store.Store, call func(s *store.Store, i int) error) []error {
	t.Helper()
	var group sync.WaitGroup
	failures := make([]error, contenders)
	start := make(chan struct{})
	for i := range contenders {
		group.Go(func() {
			<-start
			failures[i] = call(stores[i%2], i)
		})
	}
	close(start)
	group.Wait()
	return failures
}

// twice opens the same database two times, as two processes do.
func twice(t *testing.T, test func(t *testing.T, db *gorm.DB, stores [2]*store.Store)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db, other := open(&gorm.Config{}), open(&gorm.Config{TranslateError: true})
		stores := [2]*store.Store{newStore(t, db), newStore(t, other)}
		for _, err := range race(t, stores,
			func(s *store.Store, _ int) error { return s.Migrate(t.Context()) }) {
			require.NoError(t, err, "Migrate in a race")
		}
		test(t, db, stores)
	})
}

func TestCreate_race_for_a_name_has_one_winner(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		tenant func(i int) tenants.Tenant
		field  string
	}{
		{"slug", func(int) tenants.Tenant { return tenants.Tenant{Slug: "acme"} }, "Slug"},
		{
			"id",
			func(i int) tenants.Tenant {
				return tenants.Tenant{ID: "acme", Slug: fmt.Sprint("s", i)}
			}, "ID",
		},
		{"domain", func(i int) tenants.Tenant {
			return tenants.Tenant{
				Slug: fmt.Sprint("s", i), Domains: []string{fmt.Sprint("d", i, ".com"), "acme.com"},
			}
		}, "Domains"},
		{"slug_against_id", func(i int) tenants.Tenant {
			if i%4 < 2 {
				return tenants.Tenant{ID: "acme", Slug: fmt.Sprint("s", i)}
			}
			return tenants.Tenant{ID: fmt.Sprint("i", i), Slug: "acme"}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			twice(t, func(t *testing.T, _ *gorm.DB, stores [2]*store.Store) {
				winners := 0
				for _, err := range race(t, stores, func(s *store.Store, i int) error {
					tenant := test.tenant(i)
					return s.Create(t.Context(), &tenant)
				}) {
					if err == nil {
						winners++
						continue
					}
					require.ErrorIs(t, err, store.ErrTaken)
					if test.field != "" {
						requireField(t, err, store.ErrTaken, test.field, "acme")
					}
				}
				require.Equal(t, 1, winners)
				require.Len(t, listed(t, stores[0], ""), 1, "the losers left something behind")
			})
		})
	}
}

// Half of them take the same names in one order, the others in the other.
func TestCreate_race_does_not_deadlock(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, db *gorm.DB, stores [2]*store.Store) {
		var domains [2][]string
		count := 2
		if db.Name() == "postgres" { // where two writers run side by side; SQLite has one at a time
			count = 300
		}
		for i := range count {
			domains[0] = append(domains[0], fmt.Sprint("projects", i, ".acme.com"))
		}
		domains[1] = slices.Clone(domains[0])
		slices.Reverse(domains[1])
		winners := 0
		for _, err := range race(t, stores, func(s *store.Store, i int) error {
			return s.Create(t.Context(),
				&tenants.Tenant{Slug: fmt.Sprint("s", i), Domains: domains[i%2]})
		}) {
			if err == nil {
				winners++
				continue
			}
			require.ErrorIs(t, err, store.ErrTaken)
		}
		require.Equal(t, 1, winners)
	})
}

func TestUpdate_race_has_one_winner(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, db *gorm.DB, stores [2]*store.Store) {
		read := create(t, stores[0], acme())
		winner := -1
		for i, err := range race(t, stores, func(s *store.Store, i int) error {
			changed := *read
			changed.Slug = fmt.Sprint("acme", i)
			return s.Update(t.Context(), &changed)
		}) {
			if err == nil {
				require.Equal(t, -1, winner, "two updates of one version")
				winner = i
				continue
			}
			require.ErrorIs(t, err, store.ErrConflict)
		}
		require.Equal(t, "t-1", lookup(t, stores[1], fmt.Sprint("acme", winner)).ID)
		var names int64
		require.NoError(t, db.Table("gormtenant_names").
			Where("released_at IS NULL AND name NOT LIKE '/%'").
			Count(&names).Error)
		require.EqualValues(t, 4, names)
	})
}

// Two tenants that try to swap their slugs must both be refused, and neither wait for the other.
func TestUpdate_race_to_swap_names_does_not_deadlock(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, _ *gorm.DB, stores [2]*store.Store) {
		slugs := []string{"acme", "zeta"}
		read := [2]tenants.Tenant{}
		for i, slug := range slugs {
			read[i] = *create(t, stores[0], &tenants.Tenant{ID: fmt.Sprint("t-", i), Slug: slug})
		}
		for _, err := range race(t, stores, func(s *store.Store, i int) error {
			changed := read[i%2]
			changed.Slug = slugs[1-i%2]
			return s.Update(t.Context(), &changed)
		}) {
			require.ErrorIs(t, err, store.ErrTaken)
		}
	})
}

func TestStatus_race_loses_nothing(t *testing.T) {
	t.Parallel()
	twice(t, func(t *testing.T, _ *gorm.DB, stores [2]*store.Store) {
		create(t, stores[0], acme())
		for _, err := range race(t, stores, func(s *store.Store, i int) error {
			switch {
			case i == contenders/2:
				return s.Close(t.Context(), "t-1")
			case i%4 < 2:
				return s.Suspend(t.Context(), "t-1")
			}
			return s.Resume(t.Context(), "t-1")
		}) {
			if err != nil {
				require.ErrorIs(t, err, tenants.ErrClosed)
			}
		}
		require.Equal(t, tenants.Closed, lookup(t, stores[1], "acme").Status)
	})
}
