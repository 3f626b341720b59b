package store_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// fill stores n tenants with the IDs t000001 and up, in bulk, without their names.
func fill(t testing.TB, db *gorm.DB, n int) {
	t.Helper()
	row := "SELECT 't' || substr(cast(1000000 + n AS text), 2), 's' || n, '', '[]', 'active', " +
		"'free', '{}', ?, ? FROM "
	insert := "INSERT INTO gormtenant_tenants (id, slug, name, domains, status, plan, limits, " +
		"created_at, updated_at) "
	if db.Name() == "postgres" {
		insert += row + "generate_series(1, " + strconv.Itoa(n) + ") n"
	} else {
		insert = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count " +
			"WHERE n < " + strconv.Itoa(n) + ") " + insert + row + "count"
	}
	require.NoError(t, db.Exec(insert, clock(), clock()).Error)
}

func TestList_pages_through_many_tenants(t *testing.T) {
	t.Parallel()
	counted(t, func(t *testing.T, db *gorm.DB, c *counter) {
		const n = 5_000
		s := newStore(t, db)
		fill(t, db, n)
		c.take()
		c.mostRows.Store(0)
		seen, last := 0, ""
		for tenant, err := range s.List(t.Context(), "") {
			require.NoError(t, err)
			require.Greater(t, tenant.ID, last)
			last = tenant.ID
			seen++
		}
		require.Equal(t, n, seen)
		require.EqualValues(t, n/500+1, c.take(),
			"statements: a page each, and one that finds no more")
		require.EqualValues(t, 500, c.mostRows.Load(), "rows in memory at once")
		count, err := s.Count(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, n, count)
	})
}

func listed(t testing.TB, s *store.Store, after string) (ids []string) {
	t.Helper()
	for tenant, err := range s.List(t.Context(), after) {
		require.NoError(t, err)
		ids = append(ids, tenant.ID)
	}
	return ids
}

func TestList_goes_on_after_an_id(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		require.Empty(t, listed(t, s, ""))
		for i, id := range []string{"b", "a", "B", "z", "a-b", "ab", "Z9", "10", "9"} {
			create(t, s, &tenants.Tenant{ID: id, Slug: "slug" + string(rune('0'+i))})
		}
		require.NoError(t, s.Close(t.Context(), "ab"))
		all := []string{"10", "9", "B", "Z9", "a", "a-b", "ab", "b", "z"}
		require.Equal(t, all, listed(t, s, ""), "in the order of bytes, closed ones too")
		for i, id := range all {
			require.Equal(t, all[i+1:], append([]string{}, listed(t, s, id)...))
		}
		require.Equal(t, all[4:], listed(t, s, "Zz"), "an ID that nobody has")
		if db.Name() == "postgres" { // whatever the collation of the database
			var collations []string
			require.NoError(t, db.Raw("SELECT collation_name FROM information_schema.columns "+
				"WHERE table_name LIKE 'gormtenant_%' AND column_name IN ('id', 'tenant_id', "+
				"'domain') OR "+
				"table_name = 'gormtenant_names' AND column_name = 'name'").Scan(&collations).Error)
			require.Equal(t, []string{"C", "C", "C", "C", "C"}, collations)
		}
	})
}

func TestList_sends_nothing_for_what_is_no_id(t *testing.T) {
	t.Parallel()
	counted(t, func(t *testing.T, db *gorm.DB, c *counter) {
		s := newStore(t, db)
		c.take()
		for name, after := range hostile {
			if after == "" {
				continue
			}
			var failures []error
			for tenant, err := range s.List(t.Context(), after) {
				require.Nil(t, tenant)
				failures = append(failures, err)
			}
			require.Len(t, failures, 1, name)
			requireField(t, failures[0], store.ErrInvalid, "ID", "")
			require.EqualValues(t, 0, c.take(), name)
		}
	})
}

func TestList_may_be_left_early_and_begun_again(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		fill(t, db, 1200)
		list := s.List(t.Context(), "")
		for range 2 {
			seen := 0
			for _, err := range list {
				require.NoError(t, err)
				if seen++; seen == 501 {
					break
				}
			}
			require.Equal(t, 501, seen)
		}
	})
}

// The body of the loop has the only connection, and changes what is listed.
func TestList_holds_no_connection_while_the_body_runs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		fill(t, db, 600)
		var suspended []string
		for tenant, err := range s.List(t.Context(), "t000590") {
			require.NoError(t, err)
			require.NoError(t, s.Suspend(t.Context(), tenant.ID))
			count, err := s.Count(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 600, count)
			suspended = append(suspended, tenant.ID)
		}
		require.Equal(t, listed(t, s, "t000590"), suspended)
		require.True(t, slices.IsSorted(suspended))
		require.Len(t, suspended, 10)
	})
}
