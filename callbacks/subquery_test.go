package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func TestSubquery(t *testing.T) {
	owned := func(e *Env) *gorm.DB { return e.DB.Model(&User{}).Select("max(id)") }
	one := func(want ...uint) func(t *testing.T, keys []uint, err error) error {
		return func(t *testing.T, keys []uint, err error) error {
			t.Helper()
			require.Equal(t, want, keys)
			return err
		}
	}
	list := []attack{
		{"in_where", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("owner_id = (?)", owned(e)))
			return one(2)(t, keys, err)
		}, nil},
		{"in_a_group", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where(e.DB.Where("owner_id = (?)", owned(e)).Or("1 = 0")))
			return one(2)(t, keys, err)
		}, nil},
		{"in_not", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Not("owner_id = (?)", owned(e)))
			return one(1)(t, keys, err)
		}, nil},
		{"named", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("owner_id = (@owner)", map[string]any{"owner": owned(e)}))
			return one(2)(t, keys, err)
		}, nil},
		{"in_from", func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Table("(?) AS t", e.DB.Model(&Project{})).Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}, nil},
		{"in_from_into_a_model", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Table("(?) AS projects", e.DB.Model(&Project{}).Select("id, name")))
			return one(1, 2)(t, keys, err)
		}, nil},
		{"two_in_from", func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Table("(?) AS t, (?) AS u", e.DB.Model(&Project{}), e.DB.Model(&User{})).Count(&n).Error
			require.Equal(t, int64(4), n)
			return err
		}, nil},
		{"in_select", func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Project{}).Where("id = 1").Select("(?) AS n", e.DB.Model(&Project{}).Select("max(slug)")).Scan(&names).Error
			require.Equal(t, []string{A + "-site"}, names)
			return err
		}, nil},
		{"in_having", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Group("id").Having("id = (?)", e.DB.Model(&Project{}).Select("max(id)")))
			return one(2)(t, keys, err)
		}, nil},
		{"in_order", func(t *testing.T, e *Env) error {
			_, err := find(e.As().Order(clause.OrderBy{Expression: clause.Expr{SQL: "(?)", Vars: []any{e.DB.Model(&User{}).Select("max(id)")}}}))
			return err
		}, nil},
		{"in_the_condition_of_a_join", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Joins("Owner", e.DB.Where("\"Owner\".id = (?) AND \"Owner\".age > ?", owned(e), 1)).
				Where("budget > ?", 1).Order("projects.id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Nil(t, rows[0].Owner)
			require.Equal(t, "bob", rows[1].Owner.Name)
			return err
		}, nil},
		{"nested", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("id IN (?)", e.DB.Model(&Task{}).Select("project_id").
				Where("project_id IN (?)", e.DB.Model(&Project{}).Select("id"))))
			return one(1)(t, keys, err)
		}, nil},
		{"from_a_shared_table", func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Country{}).Where("EXISTS (?)", e.DB.Model(&Project{}).Where("slug = ?", B+"-site")).Count(&n).Error
			require.Zero(t, n)
			return err
		}, nil},
		{"of_another_tenant", func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id IN (?)", owned(e).WithContext(e.B)))
			return err
		}, gormtenant.ErrOtherTenant},
		{"unscoped_with_a_reason", func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Project{}).Where("(?) = 4", e.DB.WithContext(gormtenant.Unscoped(e.A, "test")).Model(&Project{}).Select("count(*)")).Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}, nil},
		{"with_an_error", func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id IN (?)", e.DB.WithContext(gormtenant.Unscoped(e.A, "")).Model(&User{}).Select("id")))
			return err
		}, gormtenant.ErrNoReason},
		{"without_a_tenant_anywhere", func(t *testing.T, e *Env) error {
			return e.DB.Model(&Country{}).Where("code IN (?)", owned(e)).Find(&[]Country{}).Error
		}, gormtenant.ErrNoTenant},
		{"raw", func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id IN (?)", e.DB.Raw("SELECT id FROM users")))
			return err
		}, gormtenant.ErrRawSQL},
		{"hidden_in_an_expression_of_ones_own", func(t *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(ownExpression{owned(e)}))
			return err
		}, gormtenant.ErrNoTenant},
		{"in_raw_sql_without_a_tenant", func(t *testing.T, e *Env) error {
			return e.DB.Raw("SELECT * FROM (?) t", e.DB.Model(&Project{})).Scan(&[]Project{}).Error
		}, gormtenant.ErrNoTenant},
	}
	attacks(t, list)
}

// ownExpression is an expression of a type that nobody knows.
type ownExpression struct{ db *gorm.DB }

func (o ownExpression) Build(b clause.Builder) {
	_, _ = b.WriteString("owner_id IN (")
	b.AddVar(b, o.db)
	_ = b.WriteByte(')')
}
