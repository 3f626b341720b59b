package quota_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

// TestWhat_counts changes the rows in between, by every road, and creates up to the limit.
func TestCount_is_of_the_rows_that_are_left(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(t *testing.T, e *env)
		free   int // then, of 3
	}{
		{"rows_that_were_there_before", func(t *testing.T, e *env) { e.add(t, "acme", 2) }, 1},
		{"rows_of_another_tenant", func(t *testing.T, e *env) { e.add(t, "zeta", 9) }, 3},
		{"soft_delete", func(t *testing.T, e *env) {
			all := newProjects(3)
			require.NoError(t, e.as().Create(&all).Error)
			require.NoError(t, e.as().Delete(&all[0]).Error)
			require.NoError(t, e.as().Delete(&all[0]).Error, "again")
			require.NoError(t, e.as().Where("id = ?", all[1].ID).Delete(&project{}).Error)
		}, 2},
		{"delete_of_what_was_deleted_softly", func(t *testing.T, e *env) {
			all := newProjects(2)
			require.NoError(t, e.as().Create(&all).Error)
			require.NoError(t, e.as().Delete(&all).Error)
			require.NoError(t, e.as().Unscoped().Delete(&all).Error)
			require.NoError(t, e.as().Create(newProject()).Error)
		}, 2},
		{"delete_for_good", func(t *testing.T, e *env) {
			require.NoError(t, e.as().Create(newProjects(3)).Error)
			require.NoError(t, e.as().Unscoped().Where("1 = 1").Delete(&project{}).Error)
		}, 3},
		{"delete_that_is_taken_back", func(t *testing.T, e *env) {
			require.NoError(t, e.as().Create(newProjects(2)).Error)
			tx := e.as().Begin()
			require.NoError(t, tx.Where("1 = 1").Delete(&project{}).Error)
			require.NoError(t, tx.Create(newProjects(3)).Error)
			require.NoError(t, tx.Rollback().Error)
		}, 1},
		{"restored", func(t *testing.T, e *env) {
			all := newProjects(2)
			require.NoError(t, e.as().Create(&all).Error)
			require.NoError(t, e.as().Delete(&all).Error)
			require.NoError(t, e.as().Create(newProject()).Error)
			require.NoError(t, e.as().Unscoped().Model(&all[0]).Update("deleted_at", nil).Error)
		}, 1},
		{"restored_beyond_the_limit", func(t *testing.T, e *env) {
			all := newProjects(3)
			require.NoError(t, e.as().Create(&all).Error)
			require.NoError(t, e.as().Delete(&all).Error)
			require.NoError(t, e.as().Create(newProjects(2)).Error)
			require.NoError(t, e.as().Unscoped().Model(&all).Update("deleted_at", nil).Error)
			requireLimit(t, e.as().Create(newProject()).Error, "projects", 3, 6)
			require.NoError(t,
				e.as().Where("id IN ?", []uint{all[0].ID, all[1].ID, all[2].ID}).Delete(&project{}).
					Error)
		}, 1},
		{"raw_sql", func(t *testing.T, e *env) {
			require.NoError(t, e.as().Create(newProjects(3)).Error)
			require.NoError(t, e.plain.Exec("DELETE FROM projects").Error)
			e.add(t, "acme", 1)
		}, 2},
		{"moved_to_another_tenant", func(t *testing.T, e *env) {
			require.NoError(t, e.as().Create(newProjects(3)).Error)
			ctx := gormtenant.Unscoped(t.Context(), "a merger")
			require.NoError(t,
				e.db.WithContext(ctx).Model(&project{}).Where("1 = 1").Update("tenant_id", "zeta").
					Error)
		}, 3},
		{"locks_that_were_deleted", func(t *testing.T, e *env) {
			require.NoError(t, e.as().Create(newProject()).Error)
			require.NoError(t, e.plain.Exec("DELETE FROM tenant_quota_locks").Error)
		}, 2},
	}
	each(t, func(t *testing.T, e *env) {
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				e.empty(t)
				test.change(t, e)
				live := e.live(t, "projects", "acme")
				for range test.free {
					require.NoError(t, e.as().Create(newProject()).Error)
				}
				requireLimit(t, e.as().Create(newProject()).Error, "projects", 3, 4)
				require.EqualValues(t, int(live)+test.free, e.live(t, "projects", "acme"))
			})
		}
	})
}

// A limit that is lowered below what there is refuses creates, and nothing else.
func TestLimit_below_what_there_is(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := newProjects(3)
		require.NoError(t, e.as().Create(&all).Error)
		lowered := tenant("acme")
		lowered.Limits = tenants.Limits{"projects": 1, "users": 0}
		tx := e.db.WithContext(tenants.NewContext(t.Context(), lowered))
		requireLimit(t, tx.Create(newProject()).Error, "projects", 1, 4)
		requireLimit(t, tx.Create(&user{}).Error, "users", 0, 1)
		require.NoError(t, tx.Model(&all[0]).Update("owner_id", 1).Error)
		require.NoError(t, tx.Save(&all[1]).Error)
		require.NoError(t, tx.Save(&all).Error, "an upsert of what is there")
		require.NoError(t, tx.Delete(&all[2]).Error)
		require.NoError(t, tx.Find(&[]project{}).Error)
		requireLimit(t, tx.Create(newProject()).Error, "projects", 1, 3)
	})
}

// TestStatements counts what is sent.
func TestQuota_sends_no_more_statements_than_it_must(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		free := tenant("acme")
		free.Limits = tenants.Limits{"projects": tenants.Unlimited}
		free.Plan = "enterprise"
		unlimited := e.db.WithContext(tenants.NewContext(t.Context(), free))
		p := newProject()
		for _, test := range []struct {
			sends string
			run   func() error
		}{
			{"LOCK INSERT", func() error { return e.as().Create(p).Error }},
			{"LOCK INSERT", func() error { return e.as().Create(newProjects(2)).Error }},
			{"UPDATE", func() error { return e.as().Delete(p).Error }},
			{
				"DELETE",
				func() error {
					return e.as().Unscoped().Where("1 = 1").Delete(&project{}).Error
				},
			},
			{"INSERT", func() error { return unlimited.Create(p).Error }},
			{"INSERT", func() error { return unlimited.Create(&user{Name: "x"}).Error }},
			{"INSERT", func() error { return e.as().Create(&note{}).Error }},
			{"UPDATE", func() error { return e.as().Model(p).Update("owner_id", 1).Error }},
			{"SELECT", func() error { return e.as().Find(&[]project{}).Error }},
			{"LOCK INSERT", func() error { return e.as().Save(newProject()).Error }},
		} {
			e.sent.take()
			require.NoError(t, test.run())
			sent := e.sent.take()
			require.Equal(t, test.sends, beginnings(sent), sent)
		}
	})
}
