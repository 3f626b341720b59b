package quota_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestUpsert_at_the_limit upserts where a tenant has all the rows that it may: what adds none
// passes.
func TestUpsert_at_the_limit(t *testing.T) {
	t.Parallel()
	bySlug := []clause.Column{{Name: "slug"}}
	update := clause.OnConflict{
		Columns: bySlug, DoUpdates: clause.AssignmentColumns([]string{"owner_id"}),
	}
	nothing := clause.OnConflict{DoNothing: true}
	same := func(all []project, i int) project { return project{Slug: all[i].Slug} }
	cases := []struct {
		name   string
		upsert func(tx *gorm.DB, all []project) error
		passes bool
	}{
		{"do_nothing", func(tx *gorm.DB, all []project) error {
			return tx.Clauses(nothing).Create(&[]project{same(all, 0), same(all, 1)}).Error
		}, true},
		{"do_update", func(tx *gorm.DB, all []project) error {
			return tx.Clauses(update).Create(&[]project{same(all, 0), same(all, 1)}).Error
		}, true},
		{"save_slice", func(tx *gorm.DB, all []project) error {
			some := slices.Clone(all[:2])
			return tx.Save(&some).Error
		}, true},
		{"save_with_children", func(tx *gorm.DB, all []project) error {
			return tx.Save(&user{Name: slug(), Projects: slices.Clone(all)}).Error
		}, true},
		{"append_of_what_is_there", func(tx *gorm.DB, all []project) error {
			return tx.Model(owner(tx)).Association("Projects").Append(&all[0])
		}, true},
		{"do_nothing_with_a_new_one", func(tx *gorm.DB, all []project) error {
			return tx.Clauses(nothing).Create(&[]project{same(all, 0), *newProject()}).Error
		}, false},
		{"do_update_with_a_new_one", func(tx *gorm.DB, all []project) error {
			return tx.Clauses(update).Create(&[]project{same(all, 0), *newProject()}).Error
		}, false},
		{"do_nothing_of_a_new_map", func(tx *gorm.DB, _ []project) error {
			return tx.Model(&project{}).Clauses(nothing).Create(map[string]any{"slug": slug()}).
				Error
		}, false},
		{"save_slice_with_a_new_one", func(tx *gorm.DB, all []project) error {
			return tx.Save(&[]project{all[0], *newProject()}).Error
		}, false},
		{"children_with_a_new_one", func(tx *gorm.DB, all []project) error {
			return tx.Model(owner(tx)).Association("Projects").Append(&all[0], newProject())
		}, false},
		{"save_that_restores", func(tx *gorm.DB, all []project) error {
			gone := all[2]
			if err := tx.Delete(&gone).Error; err != nil {
				return err
			}
			if err := tx.Create(newProject()).Error; err != nil {
				return err
			}
			return tx.Save(&all[2]).Error // updates no live row, and upserts
		}, false},
	}
	each(t, func(t *testing.T, e *env) {
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				check := func(err error) {
					if test.passes {
						require.NoError(t, err)
					} else {
						requireLimit(t, err, "projects", 3, 4)
					}
				}
				for _, tx := range []*gorm.DB{e.as(), without(e.as())} {
					e.empty(t)
					all := newProjects(3)
					require.NoError(t, e.as().Create(&all).Error)
					check(test.upsert(tx, all))
					require.EqualValues(t, 3, e.live(t, "projects", "acme"))
				}
				e.empty(t)
				all := newProjects(3)
				require.NoError(t, e.as().Create(&all).Error)
				require.NoError(t, e.as().Transaction(func(tx *gorm.DB) error {
					check(test.upsert(tx, all))
					return tx.Create(&note{Text: "the transaction goes on"}).Error
				}))
				require.EqualValues(t, 3, e.live(t, "projects", "acme"))
			})
		}
	})
}

// An upsert that was taken back has changed nothing, and a savepoint is set only where it may be
// needed.
func TestUpsert_that_is_taken_back(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		all := newProjects(2)
		require.NoError(t, e.as().Create(&all).Error)
		update := clause.OnConflict{
			Columns:   []clause.Column{{Name: "slug"}},
			DoUpdates: clause.AssignmentColumns([]string{"owner_id"}),
		}
		changed := func() []project {
			some := slices.Clone(all)
			for i := range some {
				some[i] = project{Slug: all[i].Slug, OwnerID: &[]uint{77}[0]}
			}
			return some
		}
		e.sent.take()
		some := append(changed(), newProjects(2)...)
		require.NoError(t, e.as().Transaction(func(tx *gorm.DB) error {
			result := tx.Clauses(update).Create(&some)
			requireLimit(t, result.Error, "projects", 3, 4)
			require.Zero(t, result.RowsAffected)
			return nil
		}))
		require.Equal(t, "LOCK SAVEPOINT SELECT ROLLBACK INSERT", beginnings(e.sent.take()))
		var owned int64
		require.NoError(t, e.plain.Table("projects").Where("owner_id = 77").Count(&owned).Error)
		require.Zero(t, owned)

		one := changed()[:1]
		require.NoError(t, e.as().Clauses(update).Create(&one).Error)
		require.Equal(t, "LOCK INSERT", beginnings(e.sent.take()))
		some = append(changed(), newProjects(1)...)
		require.NoError(t, e.as().Clauses(update).Create(&some).Error)
		require.Equal(t, "LOCK SAVEPOINT SELECT INSERT", beginnings(e.sent.take()))
		require.EqualValues(t, 3, e.live(t, "projects", "acme"))
	})
}

// A modifier can let an INSERT skip rows that are there.
func TestInsert_or_ignore(t *testing.T) {
	t.Parallel()
	e := newEnv(t, dialectors["sqlite"](t), &gorm.Config{})
	all := newProjects(3)
	require.NoError(t, e.as().Create(&all).Error)
	ignore := func(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Insert{Modifier: "OR IGNORE"}) }
	require.NoError(t,
		ignore(e.as()).Create(&[]project{{Slug: all[0].Slug}, {Slug: all[1].Slug}}).Error)
	requireLimit(t, ignore(e.as()).Create(&[]project{{Slug: all[0].Slug}, *newProject()}).Error,
		"projects", 3, 4)
	require.EqualValues(t, 3, e.live(t, "projects", "acme"))
}
