package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// onMySQL runs test on MariaDB as it is, and as MySQL's server is.
func onMySQL(t *testing.T, test func(t *testing.T, e *Env)) {
	t.Helper()
	t.Parallel()
	for _, name := range []string{"mysql", "mysql_without_returning"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, NewEnv(t, On(t, name), &gorm.Config{}))
		})
	}
}

// TestMySQL_whichever_key collides by a key that the upsert does not name: MySQL's is about all of
// them.
func TestMySQL_whichever_key(t *testing.T) {
	onMySQL(t, func(t *testing.T, e *Env) {
		theirs := e.Rows(t, B)
		for _, c := range []struct {
			name string
			run  func(tx *gorm.DB) error
		}{
			{"do_updates", func(tx *gorm.DB) error {
				return tx.Clauses(clause.OnConflict{
					Columns:   []clause.Column{{Name: "id"}},
					DoUpdates: clause.AssignmentColumns([]string{"name"}),
				}).Create(&Project{ID: 7, Name: "x", Slug: B + "-site"}).Error
			}},
			{"do_nothing", func(tx *gorm.DB) error {
				return tx.Clauses(clause.OnConflict{DoNothing: true}).
					Create(&Project{Slug: B + "-site"}).Error
			}},
			{"save", func(tx *gorm.DB) error {
				return tx.Save(&Project{ID: 7, Slug: B + "-site"}).Error
			}},
			{"save_slice", func(tx *gorm.DB) error {
				return tx.Save(&[]Project{{Slug: "n"}, {Slug: B + "-site"}}).Error
			}},
			{"belongs_to", func(tx *gorm.DB) error {
				return tx.Create(&Task{Project: &Project{Slug: B + "-site"}}).Error
			}},
			{"map", func(tx *gorm.DB) error {
				return tx.Model(&Project{}).Clauses(clause.OnConflict{UpdateAll: true}).
					Create(map[string]any{"name": "x", "budget": 1, "slug": B + "-site"}).Error
			}},
		} {
			err := c.run(e.As())
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant, c.name)
			require.Equal(t, theirs, e.Rows(t, B), c.name)
		}
		err := e.As().Create(&User{Projects: []Project{{Slug: B + "-site"}}}).Error
		require.ErrorContains(t, err, "Duplicate entry", "a child without a key is inserted")
		require.Equal(t, theirs, e.Rows(t, B))
	})
}

// TestMySQL_row_that_came_after_the_snapshot is in the way of an INSERT, and no read sees it that
// does not lock.
func TestMySQL_row_that_came_after_the_snapshot(t *testing.T) {
	onMySQL(t, func(t *testing.T, e *Env) {
		tx := e.As().Begin()
		defer tx.Rollback()
		require.NoError(t, tx.First(&Project{}).Error)
		theirs := Project{ID: 50, Slug: "theirs", Name: "theirs"}
		require.NoError(t, e.DB.WithContext(e.B).Create(&theirs).Error)

		before := e.Rows(t, B)
		require.Error(t, tx.Clauses(clause.OnConflict{UpdateAll: true}).
			Create(&Project{ID: 50, Slug: "n", Name: "mine"}).Error)
		require.Equal(t, before, e.Rows(t, B))
	})
}
