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

// upsertTexts puts text that reads a tenant's table into every part of an upsert.
func upsertTexts() attackList {
	id := []clause.Column{{Name: "id"}}
	code := []clause.Column{{Name: "code"}}
	reads := clause.Where{Exprs: []clause.Expression{gorm.Expr("EXISTS (SELECT 1 FROM projects)")}}
	var list []attack
	for _, c := range []struct {
		name        string
		own, shared clause.OnConflict
		want        error // of the own one; nil: what a database of A's own gives
		mysql       error
	}{
		{
			"columns",
			clause.OnConflict{Columns: []clause.Column{{
				Name: "(SELECT max(id) FROM projects)",
				Raw:  true,
			}}, DoNothing: true},
			clause.OnConflict{Columns: []clause.Column{{
				Name: "(SELECT max(id) FROM projects)",
				Raw:  true,
			}}, DoNothing: true},
			nil,
			nil,
		},
		{
			"constraint",
			clause.OnConflict{
				OnConstraint: "x DO UPDATE SET name = (SELECT max(slug) FROM projects)",
				DoNothing:    true,
			},
			clause.OnConflict{
				OnConstraint: "x DO UPDATE SET name = (SELECT max(slug) FROM projects)",
				DoNothing:    true,
			},
			gormtenant.ErrUnsupported,
			errNone, // MySQL has no place for a constraint, so that it is not written.
		},
		{
			"where",
			clause.OnConflict{
				Columns: id, Where: reads,
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			},
			clause.OnConflict{
				Columns: code, Where: reads,
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			},
			nil,
			nil,
		},
		{
			"target_where",
			clause.OnConflict{Columns: id, TargetWhere: reads, DoNothing: true},
			clause.OnConflict{Columns: code, TargetWhere: reads, DoNothing: true},
			nil,
			nil,
		},
		{
			"assigned_value",
			clause.OnConflict{
				Columns: id,
				DoUpdates: clause.Assignments(map[string]any{
					"name": gorm.Expr("(SELECT max(slug) FROM projects)"),
				}),
			},
			clause.OnConflict{
				Columns: code,
				DoUpdates: clause.Assignments(map[string]any{
					"name": gorm.Expr("(SELECT max(slug) FROM projects)"),
				}),
			},
			nil,
			nil,
		},
		{
			"assigned_column",
			clause.OnConflict{
				Columns: id,
				DoUpdates: clause.Set{
					{Column: clause.Column{
						Name: "name = (SELECT max(slug) FROM projects), name",
						Raw:  true,
					}, Value: "x"},
				},
			},
			clause.OnConflict{
				Columns: code,
				DoUpdates: clause.Set{
					{Column: clause.Column{
						Name: "name = (SELECT max(slug) FROM projects), name",
						Raw:  true,
					}, Value: "x"},
				},
			},
			nil,
			gormtenant.ErrUnsupported,
		},
	} {
		list = append(list,
			attack{name: c.name, run: func(_ *testing.T, e *Env) error {
				return e.As().Clauses(c.own).Create(&Project{ID: 1, Slug: "n"}).Error
			}, want: c.want, mysql: c.mysql, alone: c.want == nil},
			attack{name: c.name + "_of_a_shared_table", run: func(_ *testing.T, e *Env) error {
				return e.As().Clauses(c.shared).Create(&Country{Code: "PT", Name: "x"}).Error
			}, alone: true, shared: true},
		)
	}
	own := func(value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "name"}, Value: "y"},
				{Column: clause.Column{Name: "tenant_id"}, Value: value},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
		}
	}
	list = append(list,
		attack{name: "raw_column_goes_on_to_the_tenant", run: func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "tenant_id = 'zeta', name", Raw: true}, Value: "x"},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, want: gormtenant.ErrTenantChange, mysql: gormtenant.ErrUnsupported},
		attack{name: "constraint_of_several_words", run: func(_ *testing.T, e *Env) error {
			return e.As().
				Clauses(clause.OnConflict{
					OnConstraint: "by_slug DO UPDATE SET name = 'x' WHERE 1 = 1", DoNothing: true,
				}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: gormtenant.ErrUnsupported, mysql: gormtenant.ErrOtherTenant},
		attack{name: "raw_column_that_is_a_name", run: func(t *testing.T, e *Env) error {
			err := e.As().Clauses(clause.OnConflict{Columns: id, DoUpdates: clause.Set{
				{Column: clause.Column{Name: "name", Raw: true}, Value: "y"},
			}}).Create(&Project{ID: 1, Slug: "n"}).Error
			require.Equal(t, "y", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}},
		attack{
			name: "raw_column_of_an_update_that_is_a_name",
			run: func(t *testing.T, e *Env) error {
				err := e.As().Model(&Project{}).Where("id = 1").Clauses(clause.Set{
					{Column: clause.Column{Name: "name", Raw: true}, Value: "y"},
				}).Updates(map[string]any{}).Error
				require.Equal(t, "y", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
				return err
			},
		},
		attack{name: "raw_column_of_an_update_that_goes_on", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Where("id = 1").Clauses(clause.Set{
				{Column: clause.Column{Name: "tenant_id = 'zeta', name", Raw: true}, Value: "y"},
			}).Updates(map[string]any{}).Error
		}, want: gormtenant.ErrTenantChange},
		attack{name: "tenant_is_set_to_itself", run: own(A)},
		attack{name: "tenant_is_set_to_another", run: own(B), want: gormtenant.ErrTenantChange},
		attack{
			name: "tenant_is_set_to_the_inserted_name",
			run:  own(clause.Column{Table: "excluded", Name: "name"}),
			want: gormtenant.ErrTenantChange,
		},
		attack{
			name: "tenant_is_set_to_a_column",
			run:  own(clause.Column{Table: "projects", Name: "tenant_id"}),
			want: gormtenant.ErrTenantChange,
		},
		attack{name: "shared_table", run: func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&Country{Code: "PT", Name: "Portugal"}).Error
		}},
		attack{name: "opaque_on_a_shared_table", run: func(_ *testing.T, e *Env) error {
			return e.As().Clauses(opaque{"ON CONFLICT", "DO NOTHING"}).
				Create(&Country{Code: "PT", Name: "x"}).Error
		}, notMySQL: "has no ON CONFLICT"},
		attack{name: "do_nothing_with_a_condition", run: func(_ *testing.T, e *Env) error {
			return e.As().
				Clauses(clause.OnConflict{
					DoNothing: true,
					Where:     clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
				}).
				Create(&Project{ID: 1, Slug: "n"}).Error
		}},
		attack{name: "opaque_values", run: func(_ *testing.T, e *Env) error {
			return e.As().
				Clauses(opaque{
					"VALUES",
					"(id, tenant_id, name, budget, slug) VALUES (19, 'zeta', 'x', 1, 'n')",
				}).
				Create(&Project{Slug: "n"}).Error
		}}, // GORM writes its own VALUES over it.
		attack{
			name: "unscoped_over_its_own_row", onlyShared: true,
			run: func(t *testing.T, e *Env) error {
				p := Project{
					TenantModel: models.TenantModel{TenantID: A}, ID: 1, Name: "x",
					Slug: "n",
				}
				err := e.DB.WithContext(gormtenant.Unscoped(e.A, "test")).
					Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
				require.Equal(t, "x", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
				return err
			},
		},
		attack{name: "unscoped_without_a_reason", run: func(_ *testing.T, e *Env) error {
			p := Project{TenantModel: models.TenantModel{TenantID: A}, ID: 1, Name: "x", Slug: "n"}
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "")).
				Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
		}, want: gormtenant.ErrNoReason},
	)
	return attackList{name: "upsert_texts", attacks: list}
}
