package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func TestDelete(t *testing.T) {
	attacks(t, []attack{
		{"by_the_key_of_another", func(t *testing.T, e *Env) error {
			tx := e.As().Delete(&Project{ID: 11})
			require.Zero(t, tx.RowsAffected)
			return tx.Error
		}, nil},
		{"inline", func(t *testing.T, e *Env) error { return e.As().Delete(&Project{}, []int{1, 11}).Error }, nil},
		{"lone_or", func(t *testing.T, e *Env) error {
			tx := e.As().Or("1 = 1").Delete(&Project{})
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}, nil},
		{"or_on_its_own_line", func(t *testing.T, e *Env) error {
			return e.As().Where("1 = 0\nOR\n1 = 1").Delete(&Project{}).Error
		}, nil},
		{"no_condition", func(t *testing.T, e *Env) error { return e.As().Delete(&Project{}).Error }, gorm.ErrMissingWhereClause},
		{"empty_condition", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Where{}).Delete(&Project{}).Error
		}, gorm.ErrMissingWhereClause},
		{"all_rows_are_all_of_the_tenant", func(t *testing.T, e *Env) error {
			tx := e.As().Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Project{})
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}, nil},
		{"softly", func(t *testing.T, e *Env) error {
			tx := e.As().Or("1 = 1").Delete(&Note{})
			require.Equal(t, int64(1), tx.RowsAffected)
			return tx.Error
		}, nil},
		{"softly_without_condition", func(t *testing.T, e *Env) error {
			return e.As().Delete(&Note{}).Error
		}, gorm.ErrMissingWhereClause},
		{"for_good", func(t *testing.T, e *Env) error {
			return e.As().Unscoped().Where("1 = 0 OR\n1 = 1").Delete(&Note{}).Error
		}, nil},
		{"returning", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Clauses(clause.Returning{}).Where("1 = 0 OR\n1 = 1").Delete(&rows).Error
			require.Len(t, rows, 2)
			return err
		}, nil},
		{"from_another_table", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.From{Tables: []clause.Table{{Name: "projects"}}}).
				Where("1 = 1").Delete(&Country{}).Error
		}, nil},
		{"with_associations", func(t *testing.T, e *Env) error {
			return e.As().Select(clause.Associations).Delete(&Project{ID: 11}).Error
		}, nil},
		{"with_own_associations", func(t *testing.T, e *Env) error {
			return e.As().Select(clause.Associations).Delete(&Project{ID: 1}).Error
		}, nil},
		{"join_rows", func(t *testing.T, e *Env) error {
			tx := e.As().Table("project_tags").Where("1 = 1").Delete(nil)
			require.Equal(t, int64(1), tx.RowsAffected)
			return tx.Error
		}, nil},
		{"a_value_of_another_tenant", func(t *testing.T, e *Env) error {
			p := Project{ID: 11}
			p.TenantID = B
			return e.As().Delete(&p).Error
		}, gormtenant.ErrOtherTenant},
	})
}
