package callbacks_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// counter counts statements: those of GORM, and the look-ups of the plugin.
type counter struct {
	logger.Interface

	statements, lookups int
}

func (c *counter) LogMode(logger.LogLevel) logger.Interface { return c }

func (c *counter) Trace(_ context.Context, _ time.Time, say func() (string, int64), _ error) {
	text, _ := say()
	if strings.HasPrefix(text, "SELECT (SELECT COUNT(*)") ||
		strings.HasPrefix(text, "SELECT COUNT(*)") {
		c.lookups++
	} else {
		c.statements++
	}
}

// quiet returns tx without its counter.
func quiet(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{Logger: logger.Discard}) }

func newTags(t *testing.T, tx *gorm.DB, n int) []Tag {
	t.Helper()
	tags := make([]Tag, n)
	require.NoError(t, quiet(tx).Create(&tags).Error)
	return tags
}

func newProjects(t *testing.T, tx *gorm.DB, n int) []Project {
	t.Helper()
	projects := make([]Project, n)
	for i := range projects {
		projects[i].Slug = fmt.Sprint("n", i)
	}
	require.NoError(t, quiet(tx).Create(&projects).Error)
	return projects
}

// loaded returns a project with its relations.
func loaded(t *testing.T, tx *gorm.DB, relations ...string) *Project {
	t.Helper()
	project, tx := &Project{}, quiet(tx)
	for _, relation := range relations {
		tx = tx.Preload(relation)
	}
	require.NoError(t, tx.Take(project, 1).Error)
	for _, relation := range relations {
		require.False(t, reflect.ValueOf(project).Elem().FieldByName(relation).IsZero(), relation)
	}
	return project
}

// TestStatements_of_associations holds the table in docs/architecture.md: how many statements GORM
// sends, and how many look-ups of the plugin come with them.
func TestStatements_of_associations(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, c := range []struct {
			name                string
			statements, lookups int
			run                 func(t *testing.T, tx *gorm.DB) error
		}{
			{"append_an_existing_tag", 2, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{ID: 1})
			}},
			{"append_a_new_tag", 2, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{Label: "new"})
			}},
			{"append_5000_existing_tags", 2, 1, func(t *testing.T, tx *gorm.DB) error {
				tags := newTags(t, tx, 5000)
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&tags)
			}},
			{"append_a_tag_5000_times", 2, 1, func(t *testing.T, tx *gorm.DB) error {
				tags := make([]Tag, 5000)
				for i := range tags {
					tags[i] = Tag{ID: uint(1 + i%2)}
				}
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&tags)
			}},
			{"append_a_tag_to_each_of_100", 200, 100, func(t *testing.T, tx *gorm.DB) error {
				owners, tags := newProjects(t, tx, 100), make([]any, 100)
				for i := range tags {
					tags[i] = &Tag{ID: 1}
				}
				return tx.Model(&owners).Association("Tags").Append(tags...)
			}},
			{"save_100_with_a_tag_each", 3, 1, func(t *testing.T, tx *gorm.DB) error {
				owners := newProjects(t, tx, 100)
				for i := range owners {
					owners[i].Tags = []Tag{{ID: 1}}
				}
				return tx.Save(&owners).Error
			}},
			{"save_a_loaded_row_with_tasks_and_tags", 4, 1, func(t *testing.T, tx *gorm.DB) error {
				return tx.Save(loaded(t, tx, "Tasks", "Tags")).Error
			}},
			{"save_a_loaded_row_with_its_owner_too", 5, 2, func(t *testing.T, tx *gorm.DB) error {
				return tx.Save(loaded(t, tx, "Tasks", "Tags", "Owner")).Error
			}},
			{"updates_of_a_loaded_row", 1, 0, func(t *testing.T, tx *gorm.DB) error {
				var project Project
				require.NoError(t, quiet(tx).Take(&project, 1).Error)
				return tx.Model(&project).Updates(map[string]any{"name": "n"}).Error
			}},
			{"append_to_has_many", 1, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Model(&Project{ID: 2}).Association("Tasks").Append(&Task{Title: "new"})
			}},
			{"replace_tags", 3, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Model(&Project{ID: 1}).Association("Tags").Replace(&Tag{ID: 1})
			}},
			{"clear_tags", 1, 0, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Model(&Project{ID: 1}).Association("Tags").Clear()
			}},
			{"save_with_tasks_and_tags", 4, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Save(&Project{
					ID: 1, Slug: "s",
					Tasks: []Task{{ID: 1, Title: "a"}}, Tags: []Tag{{ID: 1, Label: "b"}},
				}).Error
			}},
			{"create_with_new_children", 4, 0, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Create(&Project{
					Slug: "n", Tasks: []Task{{Title: "a"}}, Tags: []Tag{{Label: "b"}},
				}).Error
			}},
			{"a_new_tag_ten_times", 20, 1, func(_ *testing.T, tx *gorm.DB) error {
				for range 10 {
					err := tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{Label: "x"})
					if err != nil {
						return err
					}
				}
				return nil
			}},
			{"the_same_tag_ten_times", 20, 1, func(_ *testing.T, tx *gorm.DB) error {
				for range 10 {
					err := tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{ID: 1})
					if err != nil {
						return err
					}
				}
				return nil
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				e.Seed(t)
				count := &counter{Interface: logger.Discard}
				db := e.As().Session(&gorm.Session{Logger: count})
				err := db.Transaction(func(tx *gorm.DB) error {
					return c.run(t, tx)
				})
				require.NoError(t, err)
				require.Equal(t, c.statements, count.statements, "statements of GORM")
				require.Equal(t, c.lookups, count.lookups, "look-ups")
			})
		}
	})
}

// TestLookup_is_asked_again_where_rows_have_gone: a key that was the tenant's may be another's now.
func TestLookup_is_asked_again_where_rows_have_gone(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, remove := range []func(tx *gorm.DB) error{
			func(tx *gorm.DB) error { return tx.Delete(&Tag{ID: 2}).Error },
			func(tx *gorm.DB) error { return tx.Exec("DELETE FROM tags WHERE id = 2").Error },
			func(tx *gorm.DB) error {
				return tx.Raw("DELETE FROM tags WHERE id = 2 RETURNING id").Scan(&[]int{}).Error
			},
		} {
			e.Seed(t)
			err := e.As().Transaction(func(tx *gorm.DB) error {
				project := Project{ID: 2}
				if err := tx.Model(&project).Association("Tags").Append(&Tag{ID: 2}); err != nil {
					return err
				}
				if err := tx.Exec("DELETE FROM project_tags").Error; err != nil {
					return err
				}
				if err := remove(tx); err != nil {
					return err
				}
				all := tx.WithContext(gormtenant.Unscoped(t.Context(), "another takes the key"))
				if err := all.Exec("UPDATE tags SET id = 2 WHERE id = 12").Error; err != nil {
					return err
				}
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{ID: 2})
			})
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
		}
	})
}

// TestLookup_of_made_keys: a key that a statement made is the tenant's, for as long as its row is
// there, and as far as it is the key that was returned.
func TestLookup_of_made_keys(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		// begin makes the transaction one in which something is known.
		begin := func(tx *gorm.DB) error {
			return tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{ID: 1})
		}
		appended := func(tx *gorm.DB, key uint) error {
			return tx.Model(&Project{ID: 2}).Association("Tags").Append(&Tag{ID: key})
		}
		for _, c := range []struct {
			name string
			run  func(tx *gorm.DB) error
			want error
		}{
			{"its_own", func(tx *gorm.DB) error {
				tag := Tag{Label: "new"}
				require.NoError(t, tx.Create(&tag).Error)
				return appended(tx, tag.ID)
			}, nil},
			{"rolled_back_and_made_by_another", func(tx *gorm.DB) error {
				tag := Tag{Label: "new"}
				require.NoError(t, tx.SavePoint("before").Error)
				require.NoError(t, tx.Create(&tag).Error)
				require.NoError(t, tx.RollbackTo("before").Error)
				theirs := Tag{ID: tag.ID, Label: "theirs"}
				require.NoError(t, tx.WithContext(e.B).Create(&theirs).Error)
				return appended(tx, tag.ID)
			}, gormtenant.ErrOtherTenant},
			{"nested_and_rolled_back", func(tx *gorm.DB) error {
				tag, undone := Tag{Label: "new"}, errors.New("undone")
				err := tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&tag).Error)
					return undone
				})
				require.ErrorIs(t, err, undone)
				theirs := Tag{ID: tag.ID, Label: "theirs"}
				require.NoError(t, tx.WithContext(e.B).Create(&theirs).Error)
				return appended(tx, tag.ID)
			}, gormtenant.ErrOtherTenant},
			{"another_column_returned_as_the_key", func(tx *gorm.DB) error {
				tag := Tag{Label: "12"}
				err := tx.Clauses(clause.Returning{Columns: []clause.Column{
					{Name: "CAST(label AS integer) AS id", Raw: true},
				}}).Create(&tag).Error
				require.NoError(t, err)
				require.EqualValues(t, 12, tag.ID, "B's")
				return appended(tx, tag.ID)
			}, gormtenant.ErrOtherTenant},
			{"passed_over", func(tx *gorm.DB) error {
				tag := Tag{ID: 12}
				err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&tag).Error
				require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
				return appended(tx, tag.ID)
			}, gormtenant.ErrOtherTenant},
			{"left_out", func(tx *gorm.DB) error {
				tag := Tag{ID: 12, Label: "new"}
				if err := tx.Omit("ID").Create(&tag).Error; err != nil {
					return err
				}
				return appended(tx, 12)
			}, gormtenant.ErrOtherTenant},
		} {
			t.Run(c.name, func(t *testing.T) {
				e.Seed(t)
				err := e.As().Transaction(func(tx *gorm.DB) error {
					require.NoError(t, begin(tx))
					return c.run(tx)
				})
				if c.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, c.want)
				}
			})
		}
	})
}
