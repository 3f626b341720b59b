package callbacks_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// told is a project whose hooks must not hear of a statement that is refused.
type told struct {
	ID uint
	models.TenantModel
	Name string
	Slug string
}

func (told) TableName() string { return "projects" }

var errHook = errors.New("a hook was called")

func (*told) BeforeCreate(*gorm.DB) error { return errHook }
func (*told) BeforeUpdate(*gorm.DB) error { return errHook }
func (*told) BeforeDelete(*gorm.DB) error { return errHook }

// TestRefused_before_anything_is_sent: no BEGIN, no hook of the model.
func TestRefused_before_anything_is_sent(t *testing.T) {
	t.Parallel()
	of := func(tenant string) *told {
		return &told{ID: 11, TenantModel: models.TenantModel{TenantID: tenant}, Slug: "n"}
	}
	all := func(db *gorm.DB) *gorm.DB {
		return db.WithContext(gormtenant.Unscoped(db.Statement.Context, "test"))
	}
	Run(t, func(t *testing.T, e *Env) {
		sent := &countingPool{ConnPool: e.DB.ConnPool}
		for _, c := range []struct {
			name string
			run  func(db *gorm.DB) error
			want error
		}{
			{"create_of_another", func(db *gorm.DB) error {
				return db.Create(of(B)).Error
			}, gormtenant.ErrOtherTenant},
			{"create_of_one_of_many", func(db *gorm.DB) error {
				return db.Create([]*told{{Slug: "n"}, of(B), nil}).Error
			}, gormtenant.ErrOtherTenant},
			{"create_of_an_array", func(db *gorm.DB) error {
				return db.Create(&[1]told{*of(B)}).Error
			}, gormtenant.ErrOtherTenant},
			{"unscoped_create_of_nobody", func(db *gorm.DB) error {
				return all(db).Create(of("")).Error
			}, gormtenant.ErrNoTenant},
			{"update_of_another", func(db *gorm.DB) error {
				return db.Model(of(B)).Update("name", "x").Error
			}, gormtenant.ErrOtherTenant},
			{"update_to_another", func(db *gorm.DB) error {
				return db.Model(&told{ID: 1}).Updates(of(B)).Error
			}, gormtenant.ErrTenantChange},
			{"save_of_another", func(db *gorm.DB) error {
				return db.Save(of(B)).Error
			}, gormtenant.ErrOtherTenant},
			{"delete_of_another", func(db *gorm.DB) error {
				return db.Delete(of(B)).Error
			}, gormtenant.ErrOtherTenant},
			{"delete_of_one_of_many", func(db *gorm.DB) error {
				return db.Delete(&[]told{*of(""), *of(B)}).Error
			}, gormtenant.ErrOtherTenant},
			{"find_of_another", func(db *gorm.DB) error {
				return db.Model(of(B)).Find(&[]map[string]any{}).Error
			}, gormtenant.ErrOtherTenant},
			{"number_for_text", func(db *gorm.DB) error {
				return db.WithContext(gormtenant.WithTenant(db.Statement.Context, 1.5)).
					Create(of("")).Error
			}, gormtenant.ErrInvalidID},
			{"find_without_a_context", func(db *gorm.DB) error {
				tx := db.Model(&told{})
				tx.Statement.Context = nil // which a careless plugin can leave behind
				return tx.Find(&[]told{}).Error
			}, gormtenant.ErrNoTenant},
		} {
			t.Run(c.name, func(t *testing.T) {
				sent.n = 0
				db := e.As()
				db.Statement.ConnPool = sent
				err := c.run(db)
				require.ErrorIs(t, err, c.want)
				require.NotErrorIs(t, err, errHook)
				require.Zero(t, sent.n, "what was sent")
				var failure *gormtenant.Error
				require.ErrorAs(t, err, &failure)
				require.Equal(t, "projects", failure.Table)
			})
		}
	})
}

// TestRefused_when_its_text_is_built: what the text alone shows is refused behind the hooks, and
// still nothing is sent to a tenant's table.
func TestRefused_when_its_text_is_built(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		sent := &countingPool{ConnPool: e.DB.ConnPool}
		for _, c := range []struct {
			name string
			run  func(db *gorm.DB) error
		}{
			{"create_without_values", func(db *gorm.DB) error {
				db = db.Session(&gorm.Session{})
				tx := db.Clauses()
				tx.Statement.BuildClauses = []string{"INSERT", "ON CONFLICT"}
				return tx.Create(&Project{ID: 1, Slug: "n"}).Error
			}},
			{"create_of_a_query", func(db *gorm.DB) error {
				tx := db.Clauses(clause.Select{Expression: gorm.Expr("1")})
				tx.Statement.BuildClauses = []string{"INSERT", "VALUES", "SELECT"}
				return tx.Create(&Project{ID: 1, Slug: "n"}).Error
			}},
			{"update_of_several_tables", func(db *gorm.DB) error {
				return db.Model(&Project{ID: 1, Slug: "n"}).Table("projects p, users u").
					Update("name", "x").Error
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				sent.n = 0
				db := e.As().Session(&gorm.Session{SkipDefaultTransaction: true})
				db.Statement.ConnPool = sent
				mine, err := e.Attack(t, func() error { return c.run(db) })
				var failure *gormtenant.Error
				require.ErrorAs(t, err, &failure)
				require.Zero(t, sent.n, "what was sent")
				require.Equal(t, mine.Before, mine.After)
			})
		}
	})
}

// failingPool answers no question.
type failingPool struct{ gorm.ConnPool }

func (p failingPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return p.ConnPool.QueryRowContext(ctx, query, args...)
}

// failingLookups must not let through what it was to look for.
func failingLookups() attackList {
	return attackList{name: "lookup_that_fails", attacks: []attack{
		{name: "create", run: func(t *testing.T, e *Env) error {
			tx := e.As().Session(&gorm.Session{SkipDefaultTransaction: true})
			tx.Statement.ConnPool = failingPool{e.DB.ConnPool}
			err := tx.Create(&Task{Title: "x", ProjectID: ptr(uint(11))}).Error
			require.ErrorContains(t, err, "looking up whose a row is")
			return err
		}, want: context.Canceled},
		{name: "join_row", run: func(_ *testing.T, e *Env) error {
			tx := e.As().Session(&gorm.Session{SkipDefaultTransaction: true})
			tx.Statement.ConnPool = failingPool{e.DB.ConnPool}
			return tx.Table("project_tags").Create(map[string]any{"project_id": 1, "tag_id": 11}).
				Error
		}, want: context.Canceled},
		{name: "key_that_cannot_be_written", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("tasks").
				Create(map[string]any{"title": "x", "project_id": broken{}}).Error
		}, want: errBroken},
	}, options: []tenantplugin.Option{tenantplugin.CheckReferences()}}
}

// broken is a value that cannot be written.
type broken struct{}

var errBroken = errors.New("broken value")

func (broken) Value() (driver.Value, error) { return nil, errBroken }
