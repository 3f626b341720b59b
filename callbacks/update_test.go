package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func updates() attackList {
	return attackList{name: "update", attacks: []attack{
		{name: "all_rows_are_all_of_the_tenant", run: func(t *testing.T, e *Env) error {
			tx := e.As().Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Project{}).
				Update("name", "x")
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "no_condition", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Update("name", "x").Error
		}, want: gorm.ErrMissingWhereClause},
		{name: "empty_condition", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Clauses(clause.Where{}).Update("name", "x").Error
		}, want: gorm.ErrMissingWhereClause},
		{name: "lone_or", run: func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{}).Or("1 = 1").Update("name", "x")
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "or_on_its_own_line", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Where("1 = 0 OR\n1 = 1").Updates(&Project{Name: "x"}).
				Error
		}},
		{name: "by_the_key_of_another", run: func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{ID: 11}).Update("name", "x")
			require.Zero(t, tx.RowsAffected)
			return tx.Error
		}},
		{name: "struct_with_the_key_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Updates(&Project{ID: 11, Name: "x"}).Error
		}},
		{name: "columns", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 11}).UpdateColumns(map[string]any{"name": "x"}).Error
		}},
		{name: "table", run: func(t *testing.T, e *Env) error {
			tx := e.As().Table("projects").Where("1 = 1").Update("name", "x")
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "table_with_alias", run: func(t *testing.T, e *Env) error {
			tx := e.As().Table("projects AS p").Where("1 = 1").Update("name", "x")
			require.Equal(t, int64(2), tx.RowsAffected)
			return tx.Error
		}},
		{name: "returning", run: func(t *testing.T, e *Env) error {
			var rows []Project
			tx := e.As().Model(&rows).Clauses(clause.Returning{}).Where("1 = 0 OR\n1 = 1").
				Update("name", "x")
			require.Len(t, rows, 2)
			return tx.Error
		}, notMySQL: "has no UPDATE ... RETURNING"},
		{name: "value_from_a_subquery_with_no_tenant", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{ID: 1}).
				Update("name", e.DB.Model(&Project{}).Select("max(slug)")).Error
			require.Equal(t, A+"-site", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}},
		{name: "value_reads_another_table", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				Update("name", gorm.Expr("(SELECT name FROM tags LIMIT 1)")).Error
		}, alone: true},
		{name: "another_table_by_a_clause", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Tag{}).
				Clauses(clause.Update{Table: clause.Table{Name: "projects"}}).
				Where("1 = 1").Update("name", "x").Error
		}, want: gormtenant.ErrUnsupported},
		{name: "modifier", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Clauses(clause.Update{Modifier: "OR REPLACE"}).
				Update("slug", B+"-site").Error
		}, want: errRefused},
		{name: "raw_column", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Clauses(clause.Set{{
				Column: clause.Column{Name: "tenant_id = '" + B + "', name", Raw: true}, Value: "x",
			}}).Updates(map[string]any{}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "join_table", run: func(t *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update("tag_id", 2).Error
		}},
		{name: "join_table_to_another", run: func(t *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update("tag_id", 12).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "a_value_of_another_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{ID: 11, Name: "x"}
			p.TenantID = B
			return e.As().Updates(&p).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "a_model_of_another_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{ID: 11}
			p.TenantID = B
			return e.As().Model(&p).Update("name", "x").Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "models_of_another_tenant", run: func(t *testing.T, e *Env) error {
			rows := []Project{{ID: 1}, {ID: 11}}
			rows[1].TenantID = B
			return e.As().Model(&rows).Update("name", "x").Error
		}, want: gormtenant.ErrOtherTenant},
	}}
}

// tenantChanges sets the tenant column in every spelling.
func tenantChanges() attackList {
	list := []attack{
		{name: "own_tenant_again", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				Updates(map[string]any{"tenant_id": A, "name": "x"}).Error
		}},
		{name: "own_tenant_alone", run: func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{ID: 1}).Update("tenant_id", A)
			if e.Name != "mysql" { // which counts only rows that it changed
				require.Equal(t, int64(1), tx.RowsAffected)
			}
			return tx.Error
		}},
		{name: "struct", run: func(t *testing.T, e *Env) error {
			values := Project{Name: "x"}
			values.TenantID = B
			return e.As().Model(&Project{ID: 1}).Updates(&values).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "smaller_struct", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Updates(struct{ TenantID string }{B}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "smaller_struct_is_of_another_tenant", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Updates(struct{ TenantID string }{B}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "clause_set", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Clauses(clause.Set{{
				Column: clause.Column{Table: "projects", Name: "tenant_id"}, Value: B,
			}}).Updates(map[string]any{}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "first_or_create_assigns_it", run: func(t *testing.T, e *Env) error {
			return e.As().Where("id = 1").Assign(map[string]any{"tenant_id": B}).
				FirstOrCreate(&Project{}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "hook", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&hookedProject{ID: 1}).Update("name", "x").Error
		}, want: gormtenant.ErrTenantChange},
	}
	for _, name := range []string{
		"tenant_id", "TenantID", "TENANT_ID", "Tenant_Id", "tEnAnT_iD", "projects.tenant_id",
		`"tenant_id"`, "`tenant_id`", `"projects"."tenant_id"`, " tenant_id ",
	} {
		for _, c := range []struct {
			name  string
			value any
		}{
			{"value", B},
			{"null", nil},
			{"empty", ""},
			{"expression", gorm.Expr("?", B)},
			{"pointer", ptr(B)},
		} {
			list = append(list,
				attack{name: name + "_" + c.name, run: func(t *testing.T, e *Env) error {
					return e.As().Model(&Project{ID: 1}).Update(name, c.value).Error
				}, want: gormtenant.ErrTenantChange})
		}
	}
	return attackList{name: "tenant_change", attacks: list}
}

// hookedProject gives itself to another tenant before each update.
type hookedProject struct {
	ID       uint
	TenantID string
	Name     string
}

func (hookedProject) TableName() string { return "projects" }

func (p *hookedProject) BeforeUpdate(tx *gorm.DB) error {
	tx.Statement.SetColumn("tenant_id", B)
	return nil
}
