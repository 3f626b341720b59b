package isolation_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
)

// reporting is an application that may cross tenants, and the events of its audit log.
func (h *fixture) reporting(t *testing.T) (
	*isolation.Router, *gorm.DB, *[]tenantplugin.UnscopedEvent,
) {
	t.Helper()
	router, err := isolation.NewRouter(h.cache, h.crossing,
		append(h.routes, isolation.Listed(h.store))...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = router.Close() })
	db := h.openOn(t, router)
	var events []tenantplugin.UnscopedEvent
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(all()...),
		tenantplugin.OnUnscoped(func(_ context.Context, e tenantplugin.UnscopedEvent) {
			events = append(events, e)
		}))))
	return router, db, &events
}

// A report over all tenants sees each row once, where its tenant lives, before and after what was
// left is removed.
func TestAcross(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		want := map[string]int{}
		for _, name := range append([]string{"stays"}, levelNames(h)...) {
			at := h.tenant(name)
			h.fill(at, 2)
			want[at.ID] = 3
		}
		ctx := gormtenant.Unscoped(t.Context(), "monthly report")
		report := func() (seen map[string]int, places []string) {
			router, db, events := h.reporting(t)
			seen = map[string]int{}
			require.NoError(t, router.Across(ctx, db, func(
				_ context.Context, at *tenants.Tenant, db *gorm.DB,
			) error {
				name := "shared"
				if at != nil {
					name = at.Slug
				}
				places = append(places, name)
				var found []Folder
				err := db.Find(&found).Error
				for _, f := range found {
					seen[f.TenantID]++
				}
				var some, count int64
				require.NoError(t, db.Model(&Folder{}).Where("1 = 0").Or("1 = 1").
					Count(&some).Error)
				require.NoError(t, db.Model(&Folder{}).Count(&count).Error)
				require.EqualValues(t, len(found), count)
				require.EqualValues(t, len(found), some, "an OR does not get past it")
				return err
			}))
			for _, e := range *events {
				require.Zero(t, e.Elsewhere, "the report asked for them")
			}
			return seen, places
		}
		seen, places := report()
		require.Equal(t, want, seen)
		require.Equal(t, []string{"shared"}, places)
		for _, level := range h.levels[1:] {
			_, err := h.mover.Move(t.Context(), string(level)+h.suffix,
				tenants.Placement{Level: level})
			require.NoError(t, err)
			seen, _ = report()
			require.Equal(t, want, seen, "while its old rows are there")
			h.remove(string(level) + h.suffix)
			seen, _ = report()
			require.Equal(t, want, seen, "after they were removed")
		}
		_, places = report()
		require.ElementsMatch(t, append([]string{"shared"}, levelNames(h)...), places)
	})
}

func levelNames(h *fixture) (names []string) {
	for _, level := range h.levels[1:] {
		names = append(names, string(level))
	}
	return names
}

// A statement across tenants that is not a report of Across passes over what was left, in a
// transaction too, and the audit log says that tenants live elsewhere.
func TestUnscoped_passes_over_what_was_left(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 1)
		h.fill(zeta, 1)
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: h.levels[1]})
		require.NoError(t, err)
		_, db, events := h.reporting(t)
		db = db.WithContext(gormtenant.Unscoped(t.Context(), "look"))
		look := func(db *gorm.DB) {
			var ids []string
			require.NoError(t, db.Model(&Folder{}).Distinct().Pluck("tenant_id", &ids).Error)
			require.Equal(t, []string{zeta.ID}, ids)
			var docs []Doc
			require.NoError(t, db.Preload("Labels").Where("tenant_id = ?", acme.ID).
				Or("1 = 1").Find(&docs).Error)
			for _, d := range docs {
				require.Equal(t, zeta.ID, d.TenantID)
			}
			var n int64
			require.NoError(t, db.Model(&Folder{}).Where("id IN (?)",
				db.Session(&gorm.Session{NewDB: true}).Model(&Folder{}).Select("id")).
				Count(&n).Error)
			require.EqualValues(t, 2, n)
			query := db.Model(&Folder{})
			for range 2 { // a statement that is used again piles nothing up
				require.NoError(t, query.Count(&n).Error)
				require.EqualValues(t, 2, n)
			}
		}
		look(db)
		look(db.Session(&gorm.Session{PrepareStmt: true}))
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			look(tx)
			return nil
		}))
		require.NotEmpty(t, *events)
		for _, e := range *events {
			require.Equal(t, 1, e.Elsewhere)
		}
		// Its own tenant is not concerned.
		require.Len(t, names(t, h.as(acme)), 2)
	})
}

// One place that fails does not keep the others from the report.
func TestAcross_with_failures(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	for _, name := range []string{"a", "b", "c"} {
		h.move(h.tenant(name).ID, tenants.Database)
	}
	router, db, _ := h.reporting(t)
	ctx := gormtenant.Unscoped(t.Context(), "report")
	broken := errors.New("broken")
	var mu sync.Mutex
	var visited []string
	err := router.Across(ctx, db, func(
		_ context.Context, at *tenants.Tenant, _ *gorm.DB,
	) error {
		mu.Lock()
		defer mu.Unlock()
		if at == nil {
			visited = append(visited, "")
			return broken
		}
		visited = append(visited, at.ID)
		if at.ID == "b" {
			return broken
		}
		return nil
	}, tenants.Concurrency(3))
	require.ErrorIs(t, err, broken)
	require.ElementsMatch(t, []string{"", "a", "b", "c"}, visited)
	var each *tenants.EachError
	require.ErrorAs(t, err, &each)
	require.Equal(t, "b", each.Failed[0].ID)
	require.ErrorContains(t, err, "shared tables")

	none := func(context.Context, *tenants.Tenant, *gorm.DB) error { return nil }
	require.ErrorContains(t, router.Across(t.Context(), db, none), "Unscoped")
	require.ErrorIs(t, router.Across(gormtenant.Unscoped(t.Context(), ""), db, none),
		gormtenant.ErrNoReason)
	require.Error(t, router.Across(ctx, nil, none))
	require.Error(t, router.Across(ctx, db, nil))
	require.ErrorContains(t, h.router.Across(ctx, h.db, none), "Listed")
}
