package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func subqueries() attackList {
	owned := func(e *Env) *gorm.DB { return e.DB.Model(&User{}).Select("max(id)") }
	one := func(want ...uint) func(t *testing.T, keys []uint, err error) error {
		return func(t *testing.T, keys []uint, err error) error {
			t.Helper()
			require.Equal(t, want, keys)
			return err
		}
	}
	list := []attack{
		{name: "in_where", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("owner_id = (?)", owned(e)))
			return one(2)(t, keys, err)
		}},
		{name: "in_a_group", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where(e.DB.Where("owner_id = (?)", owned(e)).Or("1 = 0")))
			return one(2)(t, keys, err)
		}},
		{name: "in_not", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Not("owner_id = (?)", owned(e)))
			return one(1)(t, keys, err)
		}},
		{name: "named", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where("owner_id = (@owner)", map[string]any{"owner": owned(e)}))
			return one(2)(t, keys, err)
		}},
		{name: "in_from", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Table("(?) AS t", e.DB.Model(&Project{})).Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}},
		{name: "in_from_into_a_model", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Table("(?) AS projects", e.DB.Model(&Project{}).Select("id, name")))
			return one(1, 2)(t, keys, err)
		}},
		{name: "two_in_from", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Table("(?) AS t, (?) AS u", e.DB.Model(&Project{}), e.DB.Model(&User{})).
				Count(&n).Error
			require.Equal(t, int64(4), n)
			return err
		}},
		{name: "in_select", run: func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Project{}).Where("id = 1").
				Select("(?) AS n", e.DB.Model(&Project{}).Select("max(slug)")).Scan(&names).Error
			require.Equal(t, []string{A + "-site"}, names)
			return err
		}},
		{name: "in_having", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Group("id").
				Having("id = (?)", e.DB.Model(&Project{}).Select("max(id)")))
			return one(2)(t, keys, err)
		}},
		{name: "in_order", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().
				Order(clause.OrderBy{Expression: clause.Expr{
					SQL:  "(?)",
					Vars: []any{e.DB.Model(&User{}).Select("max(id)")},
				}}))
			return err
		}},
		{name: "in_the_condition_of_a_join", run: func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().
				Joins("Owner", e.DB.Where(e.Quoted("Owner")+".id = (?) AND "+
					e.Quoted("Owner")+".age > ?", owned(e), 1)).
				Where("budget > ?", 1).Order("projects.id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Nil(t, rows[0].Owner)
			require.Equal(t, "bob", rows[1].Owner.Name)
			return err
		}},
		{name: "nested", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("id IN (?)", e.DB.Model(&Task{}).Select("project_id").
				Where("project_id IN (?)", e.DB.Model(&Project{}).Select("id"))))
			return one(1)(t, keys, err)
		}},
		{name: "from_a_shared_table", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Country{}).
				Where("EXISTS (?)", e.DB.Model(&Project{}).Where("slug = ?", B+"-site")).Count(&n).
				Error
			require.Zero(t, n)
			return err
		}},
		{name: "of_another_tenant", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id IN (?)", owned(e).WithContext(e.B)))
			return err
		}, want: gormtenant.ErrOtherTenant},
		{name: "unscoped_with_a_reason", onlyShared: true, run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Project{}).
				Where("(?) = 4", e.DB.WithContext(gormtenant.Unscoped(e.A, "test")).
					Model(&Project{}).Select("count(*)")).Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}},
		{name: "with_an_error", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().
				Where("owner_id IN (?)", e.DB.WithContext(gormtenant.Unscoped(e.A, "")).
					Model(&User{}).Select("id")))
			return err
		}, want: gormtenant.ErrNoReason},
		{name: "without_a_tenant_anywhere", run: func(t *testing.T, e *Env) error {
			return e.DB.Model(&Country{}).Where("code IN (?)", owned(e)).Find(&[]Country{}).Error
		}, want: gormtenant.ErrNoTenant},
		{name: "raw", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id IN (?)", e.DB.Raw("SELECT id FROM users")))
			return err
		}, alone: true},
		{name: "hidden_in_an_expression_of_ones_own", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(ownExpression{owned(e)}))
			return err
		}, alone: true},
		{name: "in_a_join_of_ones_own", run: func(t *testing.T, e *Env) error {
			tasks := e.As().Model(&Task{}).Select("project_id, title")
			return e.As().Model(&Project{}).Select("projects.name, t.title").
				Clauses(clause.From{Joins: []clause.Join{{Expression: ownJoin{tasks}}}}).
				Order("projects.id, t.title").Find(&[]map[string]any{}).Error
		}, alone: true},
		{name: "open_in_a_join_of_ones_own", run: func(t *testing.T, e *Env) error {
			tasks := e.DB.Model(&Task{}).Select("project_id, title")
			return e.As().Model(&Project{}).Select("projects.name, t.title").
				Clauses(clause.From{Joins: []clause.Join{{Expression: ownJoin{tasks}}}}).
				Order("projects.id, t.title").Find(&[]map[string]any{}).Error
		}, alone: true},
		{name: "of_another_tenant_in_a_join_of_ones_own", run: func(t *testing.T, e *Env) error {
			tasks := e.DB.WithContext(e.B).Model(&Task{}).Select("project_id, title")
			return e.As().Model(&Project{}).Select("projects.name, t.title").
				Clauses(clause.From{Joins: []clause.Join{{Expression: ownJoin{tasks}}}}).
				Find(&[]map[string]any{}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "in_a_field_by_its_name", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where("owner_id = (@Owner)", struct{ Owner *gorm.DB }{owned(e)}))
			return one(2)(t, keys, err)
		}},
		{name: "in_a_field_of_raw_sql_by_its_name", run: func(t *testing.T, e *Env) error {
			var keys []uint
			err := e.As().Raw("SELECT id FROM projects WHERE owner_id = (@Owner)",
				&struct{ Owner *gorm.DB }{owned(e)}).Scan(&keys).Error
			return one(2)(t, keys, err)
		}},
		{name: "of_another_tenant_in_a_field", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Where("owner_id = (@Owner)",
				struct{ Owner *gorm.DB }{owned(e).WithContext(e.B)}))
			return err
		}, want: gormtenant.ErrOtherTenant},
		{name: "in_raw_sql_without_a_tenant", run: func(t *testing.T, e *Env) error {
			return e.DB.Raw("SELECT * FROM (?) t", e.DB.Model(&Project{})).Scan(&[]Project{}).Error
		}, want: gormtenant.ErrNoTenant},
	}
	return attackList{name: "subquery", attacks: list}
}

// ownExpression is an expression of a type that nobody knows.
type ownExpression struct{ db *gorm.DB }

func (o ownExpression) Build(b clause.Builder) {
	_, _ = b.WriteString("owner_id IN (")
	b.AddVar(b, o.db)
	_ = b.WriteByte(')')
}

// ownJoin is a join that writes its table by itself, as gorm/gen joins a sub-query.
type ownJoin struct{ table *gorm.DB }

func (j ownJoin) Build(b clause.Builder) {
	_, _ = b.WriteString("LEFT JOIN ")
	clause.Expr{SQL: "(?) AS ?", Vars: []any{j.table, clause.Table{Name: "t"}}}.Build(b)
	_, _ = b.WriteString(" ON t.project_id = projects.id")
}
