package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
)

// TestUpsert_texts puts text that reads a tenant's table into every part of an upsert.
func TestUpsert_texts(t *testing.T) {
	id := []clause.Column{{Name: "id"}}
	code := []clause.Column{{Name: "code"}}
	reads := clause.Where{Exprs: []clause.Expression{gorm.Expr("EXISTS (SELECT 1 FROM projects)")}}
	var list []attack
	for name, c := range map[string]struct{ own, shared clause.OnConflict }{
		"columns": {
			clause.OnConflict{Columns: []clause.Column{{Name: "(SELECT max(id) FROM projects)", Raw: true}}, DoNothing: true},
			clause.OnConflict{Columns: []clause.Column{{Name: "(SELECT max(id) FROM projects)", Raw: true}}, DoNothing: true},
		},
		"constraint": {
			clause.OnConflict{OnConstraint: "x DO UPDATE SET name = (SELECT max(slug) FROM projects)", DoNothing: true},
			clause.OnConflict{OnConstraint: "x DO UPDATE SET name = (SELECT max(slug) FROM projects)", DoNothing: true},
		},
		"where": {
			clause.OnConflict{Columns: id, Where: reads, DoUpdates: clause.AssignmentColumns([]string{"name"})},
			clause.OnConflict{Columns: code, Where: reads, DoUpdates: clause.AssignmentColumns([]string{"name"})},
		},
		"target_where": {
			clause.OnConflict{Columns: id, TargetWhere: reads, DoNothing: true},
			clause.OnConflict{Columns: code, TargetWhere: reads, DoNothing: true},
		},
		"assigned_value": {
			clause.OnConflict{Columns: id, DoUpdates: clause.Assignments(map[string]any{"name": gorm.Expr("(SELECT max(slug) FROM projects)")})},
			clause.OnConflict{Columns: code, DoUpdates: clause.Assignments(map[string]any{"name": gorm.Expr("(SELECT max(slug) FROM projects)")})},
		},
		"assigned_column": {
			clause.OnConflict{Columns: id, DoUpdates: clause.Set{{Column: clause.Column{Name: "name = (SELECT max(slug) FROM projects), name", Raw: true}, Value: "x"}}},
			clause.OnConflict{Columns: code, DoUpdates: clause.Set{{Column: clause.Column{Name: "name = (SELECT max(slug) FROM projects), name", Raw: true}, Value: "x"}}},
		},
	} {
		list = append(list,
			attack{name, func(_ *testing.T, e *Env) error {
				return e.As().Clauses(c.own).Create(&Project{ID: 1, Slug: "n"}).Error
			}, gormtenant.ErrRawSQL},
			attack{name + "_of_a_shared_table", func(_ *testing.T, e *Env) error {
				return e.As().Clauses(c.shared).Create(&Country{Code: "PT", Name: "x"}).Error
			}, gormtenant.ErrRawSQL},
		)
	}
	own := func(value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "name"}, Value: "y"}, {Column: clause.Column{Name: "tenant_id"}, Value: value},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
		}
	}
	list = append(list,
		attack{"raw_column_goes_on_to_the_tenant", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "tenant_id = 'zeta', name", Raw: true}, Value: "x"},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, gormtenant.ErrRawSQL},
		attack{"constraint_of_several_words", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{OnConstraint: "by_slug DO UPDATE SET name = 'x' WHERE 1 = 1", DoNothing: true}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, gormtenant.ErrRawSQL},
		attack{"raw_column_that_is_a_name", func(t *testing.T, e *Env) error {
			err := e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "name", Raw: true}, Value: "y"},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
			require.Equal(t, "y", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}, nil},
		attack{"raw_column_of_an_update_that_is_a_name", func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Where("id = 1").Clauses(clause.Set{
				{Column: clause.Column{Name: "name", Raw: true}, Value: "y"},
			}).Updates(map[string]any{}).Error
			require.Equal(t, "y", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}, nil},
		attack{"raw_column_of_an_update_that_goes_on", func(_ *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Where("id = 1").Clauses(clause.Set{
				{Column: clause.Column{Name: "tenant_id = 'zeta', name", Raw: true}, Value: "y"},
			}).Updates(map[string]any{}).Error
		}, gormtenant.ErrRawSQL},
		attack{"tenant_is_set_to_itself", own(A), nil},
		attack{"tenant_is_set_to_another", own(B), gormtenant.ErrTenantChange},
		attack{"tenant_is_set_to_the_inserted_name", own(clause.Column{Table: "excluded", Name: "name"}), gormtenant.ErrTenantChange},
		attack{"tenant_is_set_to_a_column", own(clause.Column{Table: "projects", Name: "tenant_id"}), gormtenant.ErrTenantChange},
		attack{"shared_table", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{UpdateAll: true}).Create(&Country{Code: "PT", Name: "Portugal"}).Error
		}, nil},
		attack{"opaque_on_a_shared_table", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(opaque{"ON CONFLICT", "DO NOTHING"}).Create(&Country{Code: "PT", Name: "x"}).Error
		}, nil},
		attack{"do_nothing_with_a_condition", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{DoNothing: true, Where: clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}}}).
				Create(&Project{ID: 1, Slug: "n"}).Error
		}, nil},
		attack{"opaque_values", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(opaque{"VALUES", "(id, tenant_id, name, budget, slug) VALUES (19, 'zeta', 'x', 1, 'n')"}).
				Create(&Project{Slug: "n"}).Error
		}, nil}, // GORM writes its own VALUES over it.
		attack{"unscoped_over_its_own_row", func(t *testing.T, e *Env) error {
			p := Project{TenantModel: models.TenantModel{TenantID: A}, ID: 1, Name: "x", Slug: "n"}
			err := e.DB.WithContext(gormtenant.Unscoped(e.A, "test")).Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
			require.Equal(t, "x", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}, nil},
		attack{"unscoped_without_a_reason", func(_ *testing.T, e *Env) error {
			p := Project{TenantModel: models.TenantModel{TenantID: A}, ID: 1, Name: "x", Slug: "n"}
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "")).Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
		}, gormtenant.ErrNoReason},
	)
	attacks(t, list)
}
