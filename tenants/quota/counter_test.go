package quota_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// addMany gives acme n projects at once, past the plugins.
func (e *env) addMany(t testing.TB, n int) {
	t.Helper()
	require.NoError(t, e.plain.Exec("INSERT INTO projects (tenant_id, slug) "+
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+
		"SELECT CAST(? AS text), CAST(? AS text) || i FROM n", n, "acme", slug()+"-").Error)
}

// limitedTo returns a DB of acme with a limit of projects.
func (e *env) limitedTo(t testing.TB, projects int64) *gorm.DB {
	t.Helper()
	acme := tenant("acme")
	acme.Limits = tenants.Limits{"projects": projects}
	return e.db.WithContext(tenants.NewContext(t.Context(), acme))
}

func (e *env) locks(t testing.TB) (l quota.Lock) {
	t.Helper()
	require.NoError(t, e.plain.Take(&l, "tenant_id = 'acme' AND name = 'projects'").Error)
	return l
}

// Of more rows than are counted each time a counter decides, until it would refuse.
func TestCreate_among_many_rows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.addMany(t, 1500)
		tx := e.limitedTo(t, 1510)
		e.sent.take()
		require.NoError(t, tx.Create(newProjects(2)).Error)
		require.Equal(t, "LOCK LOCK INSERT", beginnings(e.sent.take()), "the first one counts all")
		require.NoError(t, tx.Create(newProjects(2)).Error)
		require.Equal(t, "LOCK INSERT", beginnings(e.sent.take()))
		require.EqualValues(t, 1504, *e.locks(t).Used)

		requireLimit(t, tx.Create(newProjects(7)).Error, "projects", 1510, 1511)
		require.NoError(t, tx.Create(newProjects(6)).Error)
		requireLimit(t, tx.Create(newProject()).Error, "projects", 1510, 1511)

		require.NoError(t, e.plain.Exec("DELETE FROM projects WHERE id <= 2").Error)
		require.NoError(t, tx.Where("id IN ?", []int{3, 4}).Delete(&project{}).Error)
		require.NoError(t, tx.Create(newProjects(4)).Error, "rows that are gone make room at once")
		requireLimit(t, tx.Create(newProject()).Error, "projects", 1510, 1511)

		require.NoError(t, e.plain.Exec("DELETE FROM projects WHERE id > 900").Error)
		e.sent.take()
		require.NoError(t, tx.Create(newProject()).Error)
		require.Equal(t, "LOCK INSERT", beginnings(e.sent.take()))
		require.Equal(t, e.live(t, "projects", "acme"), *e.locks(t).Used,
			"few rows are counted")
	})
}

// Rows that were deleted softly are looked at, but not for each create.
func TestCreate_among_many_rows_that_were_deleted_softly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.addMany(t, 1500)
		require.NoError(t, e.as().Where("1 = 1").Delete(&project{}).Error)
		e.sent.take()
		for _, sends := range []string{"LOCK LOCK INSERT", "LOCK INSERT", "LOCK INSERT"} {
			require.NoError(t, e.as().Create(newProject()).Error)
			require.Equal(t, sends, beginnings(e.sent.take()))
		}
		requireLimit(t, e.as().Create(newProject()).Error, "projects", 3, 4)
	})
}

// What no create of GORM made is found behind the back of a create.
func TestCounter_is_counted_again(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.addMany(t, 1500)
		tx := e.limitedTo(t, 5000)
		require.NoError(t, tx.Create(newProject()).Error)
		e.addMany(t, 1000)
		require.NoError(t, tx.Create(newProject()).Error)
		require.EqualValues(t, 1502, *e.locks(t).Used)

		require.NoError(t, e.plain.Exec("UPDATE tenant_quota_locks SET counted_at = 1").Error)
		require.Eventually(t, func() bool {
			require.NoError(t, tx.Create(newProject()).Error)
			return e.locks(t).CountedAt > 1
		}, waitFor, tick)
		require.Equal(t, e.live(t, "projects", "acme"), *e.locks(t).Used)
	})
}

// Counts behind the backs of creates and deletes lose none of them.
func TestCounter_is_counted_again_while_others_create(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.addMany(t, 1200)
		ctx := e.limitedTo(t, 1_000_000).Statement.Context
		var made atomic.Int64
		together(t, 40, func(i int) error {
			for range 5 {
				if err := e.db.WithContext(ctx).Create(newProjects(1 + i%3)).Error; err != nil {
					return err
				}
				made.Add(int64(1 + i%3))
			}
			return nil
		})
		require.Equal(t, 1200+made.Load(), *e.locks(t).Used)
		require.Equal(t, 1200+made.Load(), e.live(t, "projects", "acme"))
	}, quota.RecountAfter(time.Nanosecond))
}

// Creates of several batches are refused where nothing would take the first of them back.
func TestBatches_without_a_transaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		spare := func(n, spare int) []project {
			return append(make([]project, 0, n+spare), newProjects(n)...)
		}
		many := newProjects(3)
		pointers := []*project{newProject(), newProject(), newProject()}
		for _, test := range []struct {
			name    string
			create  func(tx *gorm.DB) error
			refused bool
		}{
			{"in_batches", func(tx *gorm.DB) error {
				return tx.CreateInBatches(newProjects(3), 2).Error
			}, true},
			{"of_one", func(tx *gorm.DB) error {
				return tx.CreateInBatches(&many, 1).Error
			}, true},
			{"of_pointers", func(tx *gorm.DB) error {
				return tx.CreateInBatches(pointers, 2).Error
			}, true},
			{"create_batch_size", func(tx *gorm.DB) error {
				some := newProjects(3)
				return batched(tx, 2).Create(&some).Error
			}, true},
			{"generics", func(tx *gorm.DB) error {
				some := newProjects(3)
				return gorm.G[project](tx).CreateInBatches(tx.Statement.Context, &some, 2)
			}, true},
			{"one_batch", func(tx *gorm.DB) error {
				some := spare(2, 5)
				return tx.CreateInBatches(&some, 2).Error
			}, false},
			{"one_batch_by_size", func(tx *gorm.DB) error {
				some := spare(2, 5)
				return batched(tx, 100).Create(&some).Error
			}, false},
			{"a_piece_of_a_slice", func(tx *gorm.DB) error {
				some := newProjects(3)[:2]
				return tx.Create(&some).Error
			}, false},
			{"in_a_transaction", func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error {
					return tx.CreateInBatches(newProjects(3), 2).Error
				})
			}, false},
		} {
			t.Run(test.name, func(t *testing.T) {
				e.empty(t)
				tx := without(e.as())
				if test.refused {
					err := test.create(tx)
					require.ErrorContains(t, err, "create them in db.Transaction")
					require.NotErrorIs(t, err, tenants.ErrLimit)
					require.Zero(t, e.live(t, "projects", "acme"), "a batch was left behind")
					require.NoError(t, test.create(e.limitedTo(t, 1000)), "with transactions")
					return
				}
				require.NoError(t, test.create(tx))
			})
		}
	})
}
