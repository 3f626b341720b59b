package callbacks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
)

// numbered is a model of a tenant whose ID is a number.
type numbered struct {
	ID uint
	models.TenantModelOf[int64]
}

// fromClauses gives a FROM clause of the caller's own.
func fromClauses() attackList {
	from := func(model any, from clause.From, want error) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			var rows []map[string]any
			err := e.As().Model(model).Select("1 AS x").Clauses(from).Find(&rows).Error
			if err == nil && want == nil && len(rows) == 0 {
				return errAny
			}
			return err
		}
	}
	on := func(text string) clause.Where {
		return clause.Where{Exprs: []clause.Expression{gorm.Expr(text)}}
	}
	var list []attack
	for _, c := range []struct {
		name  string
		model any
		from  clause.From
		want  error
		alone bool
	}{
		{"own_table_under_an_alias", &Project{}, clause.From{Tables: []clause.Table{
			{Name: clause.CurrentTable, Alias: "p"},
		}}, nil, true},
		{"shared_table_under_an_alias", &Country{}, clause.From{Tables: []clause.Table{
			{Name: clause.CurrentTable, Alias: "c"},
		}}, nil, false},
		{"own_table_and_another", &Project{}, clause.From{Tables: []clause.Table{
			{Name: clause.CurrentTable}, {Name: "users"},
		}}, nil, false},
		{"table_of_which_no_model_is_known", &Project{}, clause.From{Tables: []clause.Table{
			{Name: "sqlite_master"},
		}}, gormtenant.ErrUnsupported, false},
		{"raw_table", &Country{}, clause.From{Tables: []clause.Table{
			{Name: "countries, projects", Raw: true},
		}}, nil, true},
		{"raw_table_of_a_join", &Country{}, clause.From{Joins: []clause.Join{
			{Table: clause.Table{Name: "projects", Raw: true}, ON: on("1 = 1")},
		}}, nil, true},
		{"raw_alias_of_a_join", &Country{}, clause.From{Joins: []clause.Join{
			{
				Table: clause.Table{Name: "countries", Alias: "c, projects", Raw: true},
				ON:    on("1 = 1"),
			},
		}}, nil, true},
		{"kind_of_a_join_of_a_shared_table", &Project{}, clause.From{Joins: []clause.Join{
			{
				Type:  "JOIN countries c ON 1 = 1 OR 1 = 1 LEFT",
				Table: clause.Table{Name: "countries"}, ON: on("1 = 1"),
			},
		}}, nil, true},
		{"kind_of_a_join_that_is_no_join", &Project{}, clause.From{Joins: []clause.Join{
			{Type: "WHERE 1 = 1 UNION", Table: clause.Table{Name: "countries"}, ON: on("1 = 1")},
		}}, gormtenant.ErrRawSQL, false},
		{
			"comma_join", &Project{},
			clause.From{Joins: []clause.Join{{Expression: gorm.Expr(", countries")}}},
			nil, false,
		},
		{"join_behind_a_comment", &Project{}, clause.From{Joins: []clause.Join{
			{Expression: gorm.Expr("/* all */ CROSS JOIN countries")},
		}}, nil, false},
		{
			"half_a_join", &Project{},
			clause.From{Joins: []clause.Join{{Expression: gorm.Expr("CROSS JOIN")}}},
			gormtenant.ErrRawSQL, false,
		},
		{"nothing_that_joins", &Project{}, clause.From{Joins: []clause.Join{
			{Expression: gorm.Expr("NATURAL JOIN countries")}, {Expression: gorm.Expr("OR 1 = 1")},
		}}, gormtenant.ErrRawSQL, false},
	} {
		a := attack{name: c.name, run: from(c.model, c.from, c.want), want: c.want}
		if c.alone {
			a.alone, a.want = true, nil
		}
		list = append(list, a)
	}
	for _, join := range []string{
		"NATURAL JOIN tasks", "NATURAL LEFT JOIN tasks", "NATURAL RIGHT JOIN tasks",
		"NATURAL FULL JOIN tasks", "RIGHT JOIN tasks ON tasks.project_id = projects.id",
		"FULL JOIN tasks ON tasks.project_id = projects.id",
		"JOIN users ON users.id = projects.owner_id NATURAL RIGHT JOIN countries",
	} {
		list = append(list, attack{
			name: "text_" + strings.ReplaceAll(strings.ToLower(join), " ", "_"),
			run: func(_ *testing.T, e *Env) error {
				return e.As().Model(&Project{}).Select("projects.name").Joins(join).
					Order("projects.name").Find(&[]map[string]any{}).Error
			}, alone: true,
		})
	}
	list = append(list,
		attack{name: "table_with_an_index", run: func(t *testing.T, e *Env) error {
			query := e.As().Table("projects INDEXED BY idx_projects_slug").Where("slug <> ''")
			if e.Name == "sqlite" {
				keys, err := find(query)
				require.Equal(t, []uint{1, 2}, keys)
				return err
			}
			return query.Find(&[]Project{}).Error // INDEXED is an alias, and BY an error.
		}, alone: true},
		attack{name: "change_of_a_table_with_an_index", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("projects INDEXED BY idx_projects_slug").Where("slug <> ''").
				Update("name", "x").Error
		}, alone: true},
		attack{name: "two_tables_are_both_scoped", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Country{}).Clauses(clause.From{Tables: []clause.Table{
				{Name: "projects"}, {Name: "users", Alias: "u"}, {Name: "countries"},
			}}).Count(&n).Error
			require.Equal(t, int64(4), n, "two projects with two users each")
			return err
		}},
		attack{name: "shared_table_joins_rows_of_all", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Country{}).Clauses(clause.From{Joins: []clause.Join{
				{Table: clause.Table{Name: "projects"}, ON: on("1 = 0 OR\n1 = 1")},
			}}).Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}},
		attack{name: "several_tables_into_a_model", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("projects p, users u").Find(&[]Project{}).Error
		}, alone: true},
		attack{
			name: "several_tables_of_a_tenant_into_a_shared_model",
			run: func(_ *testing.T, e *Env) error {
				return e.As().Table("countries c, users u").Find(&[]Country{}).Error
			}, alone: true,
		},
		attack{name: "several_shared_tables", run: func(t *testing.T, e *Env) error {
			var rows []Country
			err := e.As().Table("countries c, countries d").Select("c.code").Find(&rows).Error
			require.Len(t, rows, 1)
			return err
		}},
		attack{
			name: "shared_model_from_the_table_of_a_tenant",
			run: func(t *testing.T, e *Env) error {
				var rows []struct{ Name string }
				err := e.As().Model(&Country{}).Table("projects AS p").Find(&rows).Error
				require.Len(t, rows, 2)
				return err
			},
		},
		attack{name: "model_from_a_table_that_nobody_knows", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("unheard_of AS u").Where("1 = 1").Find(&[]Project{}).Error
		}, want: errAny},
	)
	return attackList{name: "from_clause", attacks: list}
}

// TestFrom_with_an_id_that_does_not_fit joins a table whose tenants are numbers.
func TestFrom_with_an_id_that_does_not_fit(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.NoError(t, e.DB.AutoMigrate(&numbered{}))
		for _, c := range []struct {
			name string
			from clause.From
		}{
			{"table", clause.From{Tables: []clause.Table{{Name: "projects"}, {Name: "numbereds"}}}},
			{"join", clause.From{Joins: []clause.Join{{
				Table: clause.Table{Name: "numbereds"},
				ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
			}}}},
			{"right", clause.From{Joins: []clause.Join{{
				Type:  "RIGHT",
				Table: clause.Table{Name: "numbereds"},
				ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
			}}}},
		} {
			err := e.As().Model(&Project{}).Clauses(c.from).Find(&[]map[string]any{}).Error
			require.ErrorIs(t, err, gormtenant.ErrInvalidID, c.name)
		}
	})
}
