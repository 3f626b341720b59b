package quota_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

var meters = []quota.Option{
	quota.Meter("bytes", quota.Always), quota.Meter("calls", quota.Monthly),
}

// metered returns a context of a tenant with limits of meters.
func metered(id string, bytes, calls int64) context.Context {
	t := tenant(id)
	t.Limits = tenants.Limits{"projects": 3, "users": 2, "bytes": bytes, "calls": calls}
	return tenants.NewContext(context.Background(), t)
}

func TestUsage_is_one_statement(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		ctx := metered("acme", 100, tenants.Unlimited)
		month := time.Now().UTC().Format("2006-01")
		used := func(bytes, calls, projects, users int64) {
			t.Helper()
			e.sent.take()
			uses, err := quota.Usage(ctx, e.db)
			require.NoError(t, err)
			if month != time.Now().UTC().Format("2006-01") {
				t.Skip("a month ended")
			}
			require.Equal(t, []quota.Use{
				{"bytes", bytes, 100},
				{"calls", calls, tenants.Unlimited},
				{"projects", projects, 3},
				{"users", users, 2},
			}, uses)
		}
		used(0, 0, 0, 0)
		e.add(t, "zeta", 5)
		require.NoError(t, quota.Add(metered("zeta", 100, 100), e.db, "bytes", 7))
		all := newProjects(3)
		require.NoError(t, e.as().Create(&all).Error)
		require.NoError(t, e.as().Delete(&all[0]).Error)
		require.NoError(t, e.as().Create(&user{Name: slug()}).Error)
		require.NoError(t, quota.Add(ctx, e.db, "bytes", 60))
		require.NoError(t, quota.Add(ctx, e.db, "calls", 1_000_000))
		used(60, 1_000_000, 2, 1)
		require.Equal(t, "projects: 2 of 3 used", quota.Use{"projects", 2, 3}.String())
		require.Equal(t, "x: 2 used", quota.Use{"x", 2, tenants.Unlimited}.String())

		_, err := quota.Usage(t.Context(), e.db)
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		_, err = quota.Usage(ctx, e.plain)
		require.ErrorContains(t, err, "db.Use(quota.New(...)) first")
	}, meters...)
}

func TestAdd_up_to_the_limit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		ctx := metered("acme", 100, 0)
		add := func(n int64) error { return quota.Add(ctx, e.db, "bytes", n) }
		requireLimit(t, add(101), "bytes", 100, 101)
		require.NoError(t, add(100))
		requireLimit(t, add(1), "bytes", 100, 101)
		requireLimit(t, add(math.MaxInt64), "bytes", 100, math.MaxInt64)
		require.NoError(t, add(0))
		require.NoError(t, add(-30))
		requireLimit(t, add(31), "bytes", 100, 101)
		require.NoError(t, add(30))
		require.NoError(t, add(math.MinInt64), "never below 0")
		require.NoError(t, add(100))
		requireLimit(t, quota.Add(ctx, e.db, "calls", 1), "calls", 0, 1)
		require.NoError(t, quota.Add(metered("zeta", 100, 0), e.db, "bytes", 100))

		undo := errors.New("undo")
		require.NoError(t, add(-50))
		require.ErrorIs(t, e.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, quota.Add(ctx, tx, "bytes", 50))
			requireLimit(t, quota.Add(ctx, tx, "bytes", 1), "bytes", 100, 101)
			return undo
		}), undo)
		require.NoError(t, add(50), "what was taken back is free")

		require.ErrorContains(t, quota.Add(ctx, e.db, "projects", 1), "there is no meter")
		require.ErrorIs(t, quota.Add(t.Context(), e.db, "bytes", 1), gormtenant.ErrNoTenant)
		require.ErrorIs(t, quota.Add(gormtenant.Unscoped(ctx, "x"), e.db, "bytes", 1),
			gormtenant.ErrNoTenant)
		require.ErrorContains(t,
			quota.Add(gormtenant.WithTenant(t.Context(), "acme"), e.db, "bytes", 1),
			"quota does not know the limits")
		require.NoError(t, e.plain.Migrator().DropTable("tenant_quota_locks"))
		require.ErrorContains(t, add(1), "call quota.Migrate(db)")
	}, meters...)
}

// Of many at once as many succeed as there is room for, in transactions with creates too.
func TestAdd_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		ctx := metered("acme", 70, tenants.Unlimited)
		require.Equal(t, 7,
			together(t, 50, func(int) error { return quota.Add(ctx, e.db, "bytes", 10) }))
		require.Equal(t, 100,
			together(t, 100, func(int) error { return quota.Add(ctx, e.db, "calls", 1) }))
		e.empty(t)
		steps := []func(tx *gorm.DB) error{
			func(tx *gorm.DB) error { return quota.Add(ctx, tx, "bytes", 10) },
			func(tx *gorm.DB) error { return tx.WithContext(ctx).Create(&note{}).Error },
			func(tx *gorm.DB) error { return tx.WithContext(ctx).Create(newProject()).Error },
		}
		require.Equal(t, 3, together(t, 40, func(i int) error {
			return e.db.Transaction(func(tx *gorm.DB) error {
				for k := range steps {
					if err := steps[(i+k)%len(steps)](tx); err != nil {
						return err
					}
				}
				return nil
			})
		}), "in whatever order")
		uses, err := quota.Usage(ctx, e.db)
		require.NoError(t, err)
		require.Equal(t, quota.Use{"bytes", 30, 70}, uses[0])
	}, meters...)
}

// A month that is over does not count, and stays.
func TestMeter_of_a_month(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		ctx := metered("acme", 0, 5)
		require.NoError(t, quota.Add(ctx, e.db, "calls", 5))
		require.ErrorIs(t, quota.Add(ctx, e.db, "calls", 1), tenants.ErrLimit)
		require.NoError(t, e.plain.Exec(
			"UPDATE tenant_quota_locks SET name = 'calls@2001-01' WHERE name LIKE 'calls@%'").Error)
		require.NoError(t, quota.Add(ctx, e.db, "calls", 5))
		var used int64
		require.NoError(t, e.plain.Raw("SELECT used FROM tenant_quota_locks "+
			"WHERE name = 'calls@2001-01'").Scan(&used).Error)
		require.EqualValues(t, 5, used)
	}, meters...)
}

// What goes past a soft limit is told, and not refused.
func TestSoft(t *testing.T) {
	t.Parallel()
	var told sync.Map // by test
	var calls atomic.Int64
	tell := func(ctx context.Context, use quota.Use) {
		calls.Add(1)
		current, _ := tenants.FromContext(ctx)
		told.Store(current.ID, use)
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, dialectors[kind](t), &gorm.Config{},
				append(meters, quota.Soft("projects", tell), quota.Soft("bytes", tell))...)
			id := "acme-" + kind
			ctx := metered(id, 10, 0)
			last := func() any {
				use, _ := told.LoadAndDelete(id)
				return use
			}
			tx := e.db.WithContext(ctx)
			require.NoError(t, tx.Create(newProjects(3)).Error)
			require.Nil(t, last())
			require.NoError(t, tx.Create(newProjects(2)).Error)
			require.Equal(t, quota.Use{"projects", 5, 3}, last())
			require.NoError(t, tx.Save([]*project{newProject()}).Error)
			require.Equal(t, quota.Use{"projects", 6, 3}, last())
			require.Error(t, tx.Create(&project{ID: 1}).Error)
			require.Nil(t, last(), "nothing was created")
			require.NoError(t, quota.Add(ctx, e.db, "bytes", 10))
			require.Nil(t, last())
			require.NoError(t, quota.Add(ctx, e.db, "bytes", 5))
			require.Equal(t, quota.Use{"bytes", 15, 10}, last())
			require.NoError(t, quota.Add(ctx, e.db, "bytes", -1))
			require.Nil(t, last())
			require.ErrorIs(t, quota.Add(ctx, e.db, "calls", 1), tenants.ErrLimit)
			require.NoError(t, tx.Create(&user{Name: slug()}).Error)
			require.ErrorIs(t, tx.Create([]*user{{Name: slug()}, {Name: slug()}}).Error,
				tenants.ErrLimit)
		})
	}
}

// With models and meters for each name no limit of the plans is without effect.
func TestUnenforced(t *testing.T) {
	t.Parallel()
	projects := quota.Limit(&project{}, tenants.Projects)
	require.Equal(t, []string{"api_calls", "storage_bytes", "users"},
		quota.New(projects).Unenforced())
	require.Empty(t, quota.New(projects, quota.Limit(&user{}, tenants.Users),
		quota.Meter(tenants.StorageBytes, quota.Always),
		quota.Meter(tenants.APICalls, quota.Monthly)).Unenforced())
}
