package callbacks_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
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
				tags := make([]Tag, 5000)
				for i := range tags {
					tags[i] = Tag{ID: uint(1 + i%2)}
				}
				return tx.Model(&Project{ID: 2}).Association("Tags").Append(&tags)
			}},
			{"save_with_tasks_and_tags", 4, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Save(&Project{
					ID: 1, Slug: "s",
					Tasks: []Task{{ID: 1, Title: "a"}}, Tags: []Tag{{ID: 1, Label: "b"}},
				}).Error
			}},
			{"create_with_new_children", 4, 1, func(_ *testing.T, tx *gorm.DB) error {
				return tx.Create(&Project{
					Slug: "n", Tasks: []Task{{Title: "a"}}, Tags: []Tag{{Label: "b"}},
				}).Error
			}},
			{"a_new_tag_ten_times", 20, 10, func(_ *testing.T, tx *gorm.DB) error {
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
