package quota_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// together runs a function in n goroutines that start at once, and returns how many succeeded. The
// others must have failed for the limit.
func together(t *testing.T, n int, run func(i int) error) int {
	t.Helper()
	var succeeded atomic.Int64
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			if errs[i] = run(i); errs[i] == nil {
				succeeded.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, tenants.ErrLimit)
		}
	}
	return int(succeeded.Load())
}

// concurrently are the ways in which goroutines create one project each.
var concurrently = []way{
	{"default", createOne},
	{"no_transaction", func(tx *gorm.DB) error { return without(tx).Create(newProject()).Error }},
	{"prepared", func(tx *gorm.DB) error {
		return tx.Session(&gorm.Session{PrepareStmt: true}).Create(newProject()).Error
	}},
	{"upsert", func(tx *gorm.DB) error { return tx.Save([]*project{newProject()}).Error }},
	{"transaction", func(tx *gorm.DB) error {
		return tx.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(&note{}).Error; err != nil {
				return err
			}
			return tx.Create(newProject()).Error
		})
	}},
}

// TestFifty_at_once has no lock row at first, and one later.
func TestFifty_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		for _, way := range concurrently {
			t.Run(way.name, func(t *testing.T) {
				e.empty(t)
				for range 3 {
					require.Equal(t, 3,
						together(t, 50, func(int) error { return way.create(e.as()) }))
					require.EqualValues(t, 3, e.live(t, "projects", "acme"))
					require.NoError(t, e.as().Where("1 = 1").Delete(&project{}).Error)
				}
			})
		}
	})
}

func TestTwo_at_one_below_the_limit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := newProjects(2)
		require.NoError(t, e.as().Create(&all).Error)
		for range 50 {
			require.Equal(t, 1, together(t, 2, func(int) error { return createOne(e.as()) }))
			require.EqualValues(t, 3, e.live(t, "projects", "acme"))
			require.NoError(t, e.as().Where("id > ?", all[1].ID).Delete(&project{}).Error)
		}
	})
}

// Batches, deletes and tenants all at once.
func TestCreates_and_deletes_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		contexts := []context.Context{e.acme, e.zeta}
		var seen, beyond atomic.Int64
		together(t, 50, func(i int) error {
			tx := e.db.WithContext(contexts[i%2])
			var refused error
			for range 4 {
				some := newProjects(1 + i%3)
				if err := tx.Create(&some).Error; err != nil {
					refused = err
					continue
				}
				var count int64
				if err := tx.Model(&project{}).Count(&count).Error; err != nil {
					return err
				}
				if seen.Add(1); count > 3 {
					beyond.Add(1)
				}
				if err := tx.Delete(&some).Error; err != nil {
					return err
				}
			}
			return refused
		})
		require.Zero(t, beyond.Load(), "more than the limit were there at a time")
		require.Positive(t, seen.Load())
		require.Zero(t, e.live(t, "projects", "acme"))
		require.NoError(t, e.as().Create(newProjects(3)).Error, "nothing is left behind")
	})
}

// Under the stricter levels of PostgreSQL a create that collides fails, rather than count too few.
func TestIsolation_levels(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		level sql.IsolationLevel
	}{
		{"repeatable_read", sql.LevelRepeatableRead}, {"serializable", sql.LevelSerializable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, dialectors["postgres"](t), &gorm.Config{})
			for _, known := range []bool{false, true} { // the row of the lock
				if known {
					require.NoError(t, createOne(e.as()))
				} else {
					require.NoError(t, e.plain.Exec("DELETE FROM tenant_quota_locks").Error)
				}
				tx := e.as().Begin(&sql.TxOptions{Isolation: test.level})
				require.NoError(t, tx.Find(&[]note{}).Error) // begins the snapshot
				require.NoError(t,
					e.as().Create(newProjects(3-int(e.live(t, "projects", "acme")))).Error)
				err := tx.Create(newProject()).Error
				var state interface{ SQLState() string }
				require.ErrorAs(t, err, &state)
				require.Equal(t, "40001", state.SQLState())
				require.NoError(t, tx.Rollback().Error)
				require.EqualValues(t, 3, e.live(t, "projects", "acme"))
				require.NoError(t, e.as().Where("1 = 1").Delete(&project{}).Error)
			}
		})
	}
}

// The second of two creates waits for the first, and counts what came meanwhile.
func TestCreate_that_waited_counts_again(t *testing.T) {
	t.Parallel()
	e := newEnv(t, dialectors["postgres"](t), &gorm.Config{})
	first := e.as().Begin()
	require.NoError(t, first.Create(newProjects(2)).Error)
	e.sent.take()
	done := make(chan error)
	go func() { done <- e.as().Create(newProjects(2)).Error }()
	require.Eventually(t, func() bool {
		var waiting int64
		require.NoError(t, e.plain.Raw("SELECT count(*) FROM pg_stat_activity WHERE datname = "+
			"current_database() AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO "+
			"tenant_quota_locks%'").Scan(&waiting).Error)
		return waiting == 1
	}, waitFor, tick)
	require.NoError(t, first.Commit().Error)
	requireLimit(t, <-done, "projects", 3, 4)
	require.Equal(t, "LOCK LOCK", beginnings(e.sent.take()))
}

// Transactions that make rows of two limited models, in opposite orders, wait for each other's end
// and not for each other.
func TestCreates_of_two_models_in_opposite_orders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := tenant("acme")
		all.Limits = tenants.Limits{"projects": 1000, "users": 1000}
		ctx := tenants.NewContext(t.Context(), all)
		makers := []func(tx *gorm.DB) error{
			createOne,
			func(tx *gorm.DB) error { return tx.Create(&user{Name: slug()}).Error },
		}
		require.Equal(t, 160, together(t, 160, func(i int) error {
			return e.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				return errors.Join(makers[i%2](tx), makers[1-i%2](tx))
			})
		}))
		require.EqualValues(t, 160, e.live(t, "projects", "acme"))
		require.EqualValues(t, 160, e.live(t, "users", "acme"))
	})
}
