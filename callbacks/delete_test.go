package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func deletes() attackList {
	return attackList{name: "delete", attacks: []attack{
		{name: "by_the_key_of_another", run: func(t *testing.T, e *Env) error {
			tx := e.As().Delete(&Project{ID: 11})
			require.Zero(t, tx.RowsAffected)
			return tx.Error
		}},
		{name: "inline", run: func(t *testing.T, e *Env) error {
			return e.As().Delete(&Project{}, []int{1, 11}).Error
		}},
		{name: "lone_or", run: func(t *testing.T, e *Env) error {
			tx := e.As().Or("1 = 1").Delete(&Project{})
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "or_on_its_own_line", run: func(t *testing.T, e *Env) error {
			return e.As().Where("1 = 0\nOR\n1 = 1").Delete(&Project{}).Error
		}},
		{name: "no_condition", run: func(t *testing.T, e *Env) error {
			return e.As().Delete(&Project{}).Error
		}, want: gorm.ErrMissingWhereClause},
		{name: "empty_condition", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Where{}).Delete(&Project{}).Error
		}, want: gorm.ErrMissingWhereClause},
		{name: "all_rows_are_all_of_the_tenant", run: func(t *testing.T, e *Env) error {
			tx := e.As().Session(&gorm.Session{AllowGlobalUpdate: true}).Delete(&Project{})
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "softly", run: func(t *testing.T, e *Env) error {
			tx := e.As().Or("1 = 1").Delete(&Note{})
			require.Equal(t, int64(1), tx.RowsAffected)
			return tx.Error
		}},
		{name: "softly_without_condition", run: func(t *testing.T, e *Env) error {
			return e.As().Delete(&Note{}).Error
		}, want: gorm.ErrMissingWhereClause},
		{name: "for_good", run: func(t *testing.T, e *Env) error {
			return e.As().Unscoped().Where("1 = 0 OR\n1 = 1").Delete(&Note{}).Error
		}},
		{name: "returning", run: func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Clauses(clause.Returning{}).Where("1 = 0 OR\n1 = 1").Delete(&rows).Error
			require.Len(t, rows, 2)
			return err
		}},
		{name: "from_another_table", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.From{Tables: []clause.Table{{Name: "projects"}}}).
				Where("1 = 1").Delete(&Country{}).Error
		}},
		{name: "with_associations", run: func(t *testing.T, e *Env) error {
			return e.As().Select(clause.Associations).Delete(&Project{ID: 11}).Error
		}},
		{name: "with_own_associations", run: func(t *testing.T, e *Env) error {
			return e.As().Select(clause.Associations).Delete(&Project{ID: 1}).Error
		}},
		{name: "join_rows", run: func(t *testing.T, e *Env) error {
			tx := e.As().Table("project_tags").Where("1 = 1").Delete(nil)
			require.Equal(t, int64(1), tx.RowsAffected)
			return tx.Error
		}},
		{name: "a_value_of_another_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{ID: 11}
			p.TenantID = B
			return e.As().Delete(&p).Error
		}, want: gormtenant.ErrOtherTenant},
	}}
}
