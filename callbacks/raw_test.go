package callbacks_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

func rawSQL() attackList {
	var list []attack
	refuse := func(name string, run func(e *Env) error) {
		list = append(list, attack{name: name, run: func(_ *testing.T, e *Env) error { return run(e) }, want: gormtenant.ErrRawSQL})
	}
	allow := func(name string, run func(t *testing.T, e *Env) error) {
		list = append(list, attack{name: name, run: run})
	}
	sharedOnly := func(name string, run func(t *testing.T, e *Env) error) {
		list = append(list, attack{name: name, run: run, onlyShared: true})
	}
	var into []map[string]any

	refuse("scan", func(e *Env) error { return e.As().Raw("SELECT * FROM projects").Scan(&into).Error })
	refuse("find", func(e *Env) error { return e.As().Raw(`select*from"projects"`).Find(&[]Project{}).Error })
	refuse("first", func(e *Env) error { return e.As().Raw("SELECT * FROM projects p").First(&Project{}).Error })
	refuse("row", func(e *Env) error { return e.As().Raw("SELECT 1 FROM projects").Row().Scan(new(int)) })
	refuse("rows", func(e *Env) error {
		rows, err := e.As().Raw("SELECT 1 FROM public.projects").Rows()
		if rows != nil {
			_ = rows.Close()
			_ = rows.Err()
		}
		return err
	})
	refuse("exec_update", func(e *Env) error { return e.As().Exec("UPDATE projects SET name = ?", "x").Error })
	refuse("exec_delete", func(e *Env) error { return e.As().Exec("DELETE\nFROM\tprojects").Error })
	refuse("exec_insert", func(e *Env) error { return e.As().Exec("INSERT INTO tags (tenant_id) VALUES (?)", B).Error })
	refuse("exec_truncate", func(e *Env) error { return e.As().Exec("TRUNCATE tasks, projects").Error })
	refuse("exec_join_table", func(e *Env) error { return e.As().Exec("DELETE FROM project_tags").Error })
	refuse("exec_in_a_cte", func(e *Env) error {
		return e.As().Exec("WITH d AS (DELETE FROM tags RETURNING *) SELECT * FROM d").Error
	})
	refuse("exec_behind_a_definition", func(e *Env) error {
		return e.As().Exec("CREATE TABLE t2 (id int); DELETE FROM projects").Error
	})
	refuse("exec_in_a_block", func(e *Env) error { return e.As().Exec("DO $$ BEGIN DELETE FROM projects; END $$").Error })
	refuse("named_table", func(e *Env) error {
		return e.As().Raw("SELECT * FROM ?", clause.Table{Name: "projects"}).Scan(&into).Error
	})
	refuse("where", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM projects)"))
		return err
	})
	refuse("where_table_as_argument", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM ?)", clause.Table{Name: "projects"}))
		return err
	})
	refuse("where_table_in_an_expression", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM ?)", gorm.Expr("projects")))
		return err
	})
	refuse("where_table_by_name", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM @t)", sql.Named("t", clause.Table{Name: "projects"})))
		return err
	})
	refuse("where_table_by_name_in_a_map", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM @t)", map[string]any{"t": gorm.Expr("projects")}))
		return err
	})
	refuse("where_table_by_name_in_a_struct", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM @T)", struct{ T clause.Table }{clause.Table{Name: "projects"}}))
		return err
	})
	refuse("join_table_as_argument", func(e *Env) error {
		_, err := find(e.As().Joins("JOIN ? u ON 1 = 1", clause.Table{Name: "users"}))
		return err
	})
	refuse("where_of_a_shared_table", func(e *Env) error {
		return e.As().Where("EXISTS (SELECT 1 FROM projects)").Find(&[]Country{}).Error
	})
	refuse("or", func(e *Env) error {
		_, err := find(e.As().Or("id IN (SELECT id FROM projects)"))
		return err
	})
	refuse("not", func(e *Env) error {
		_, err := find(e.As().Not("id IN (SELECT id FROM projects)"))
		return err
	})
	refuse("column_of_a_condition", func(e *Env) error {
		_, err := find(e.As().Clauses(clause.Gt{
			Column: clause.Column{Name: "(SELECT count(*) FROM projects)", Raw: true}, Value: 1,
		}))
		return err
	})
	refuse("select", func(e *Env) error {
		return e.As().Model(&Project{}).Select("(SELECT count(*) FROM projects) AS n").Find(&into).Error
	})
	refuse("select_with_arguments", func(e *Env) error {
		return e.As().Model(&Project{}).Select("(SELECT count(*) FROM projects WHERE id > ?) AS n", 0).Find(&into).Error
	})
	refuse("select_that_brings_its_own_from", func(e *Env) error {
		return e.As().Model(&Country{}).Select("* FROM projects --").Find(&into).Error
	})
	refuse("distinct", func(e *Env) error {
		return e.As().Model(&Project{}).Distinct("(SELECT count(*) FROM projects) AS n").Find(&into).Error
	})
	refuse("pluck", func(e *Env) error {
		return e.As().Model(&Project{}).Pluck("(SELECT max(name) FROM projects)", &[]string{}).Error
	})
	refuse("group", func(e *Env) error {
		return e.As().Model(&Project{}).Select("1").Group("id UNION SELECT id FROM projects").Find(&into).Error
	})
	refuse("having", func(e *Env) error {
		return e.As().Model(&Project{}).Select("1").Group("id").Having("count(*) < (SELECT count(*) FROM projects)").Find(&into).Error
	})
	refuse("order", func(e *Env) error {
		_, err := find(e.As().Order("(SELECT max(name) FROM projects)"))
		return err
	})
	refuse("order_expression", func(e *Env) error {
		_, err := find(e.As().Clauses(clause.OrderBy{Expression: gorm.Expr("(SELECT max(name) FROM projects)")}))
		return err
	})
	refuse("table_in_parentheses", func(e *Env) error { return e.As().Table("(SELECT * FROM projects) AS p").Find(&into).Error })
	refuse("two_tables", func(e *Env) error { return e.As().Table("projects p, users u").Find(&into).Error })
	refuse("shared_and_tenant_table", func(e *Env) error { return e.As().Table("countries c, users u").Find(&into).Error })
	refuse("table_that_brings_a_join", func(e *Env) error {
		return e.As().Table("countries c JOIN projects p ON 1 = 1").Find(&into).Error
	})
	refuse("from_clause_of_raw_names", func(e *Env) error {
		return e.As().Model(&Country{}).Clauses(clause.From{Tables: []clause.Table{{Name: "countries, projects", Raw: true}}}).Find(&into).Error
	})
	refuse("locking", func(e *Env) error {
		_, err := find(e.As().Clauses(clause.Locking{Strength: "UPDATE) UNION SELECT * FROM projects"}))
		return err
	})
	refuse("returning", func(e *Env) error {
		return e.As().Clauses(clause.Returning{Columns: []clause.Column{{Name: "(SELECT max(name) FROM projects)", Raw: true}}}).
			Create(&Tag{Label: "x"}).Error
	})
	refuse("clause_of_ones_own", func(e *Env) error {
		tx := e.As().Model(&Country{})
		tx.Statement.BuildClauses = []string{"SELECT", "FROM", "WHERE", "UNION"}
		tx.Statement.Clauses["UNION"] = clause.Clause{Name: "UNION", Expression: gorm.Expr("SELECT name, slug FROM projects")}
		return tx.Find(&into).Error
	})
	refuse("clause_that_goes_on_with_the_condition", func(e *Env) error {
		tx := e.As().Model(&Project{})
		tx.Statement.BuildClauses = []string{"SELECT", "FROM", "WHERE", "MORE"}
		tx.Statement.Clauses["MORE"] = clause.Clause{Expression: gorm.Expr("OR 1 = 1")}
		return tx.Find(&into).Error
	})
	refuse("text_behind_where", func(e *Env) error {
		tx := e.As().Model(&Project{}).Where("id > 0")
		where := tx.Statement.Clauses["WHERE"]
		where.AfterExpression = gorm.Expr("OR 1 = 1")
		tx.Statement.Clauses["WHERE"] = where
		return tx.Find(&into).Error
	})
	refuse("text_before_order", func(e *Env) error {
		tx := e.As().Model(&Project{}).Order("id")
		order := tx.Statement.Clauses["ORDER BY"]
		order.BeforeExpression = gorm.Expr("OR 1 = 1")
		tx.Statement.Clauses["ORDER BY"] = order
		return tx.Find(&into).Error
	})
	refuse("semicolon", func(e *Env) error {
		_, err := find(e.As().Where("1 = 1; SELECT 1"))
		return err
	})

	allow("with_the_tenant", func(t *testing.T, e *Env) error {
		var names []string
		err := e.As().Raw("SELECT slug FROM projects p WHERE p.tenant_id = ? ORDER BY 1", scopes.ID(e.A)).Scan(&names).Error
		require.Equal(t, []string{A + "-app", A + "-site"}, names)
		return err
	})
	allow("exec_with_the_tenant", func(t *testing.T, e *Env) error {
		tx := e.As().Exec("UPDATE projects SET name = ? WHERE tenant_id = ?", "x", scopes.ID(e.A))
		require.Equal(t, int64(2), tx.RowsAffected)
		return tx.Error
	})
	allow("named_tenant", func(t *testing.T, e *Env) error {
		var n int
		err := e.As().Raw("SELECT count(*) FROM projects WHERE tenant_id = @t", map[string]any{"t": scopes.ID(e.A)}).Scan(&n).Error
		require.Equal(t, 2, n)
		return err
	})
	allow("fragment_with_the_tenant", func(t *testing.T, e *Env) error {
		keys, err := find(e.As().Where("owner_id IN (SELECT id FROM users WHERE tenant_id = ?)", scopes.ID(e.A)))
		require.Len(t, keys, 2)
		return err
	})
	sharedOnly("unscoped", func(t *testing.T, e *Env) error {
		var n int
		err := e.As().Scopes(scopes.Unscoped("report")).Raw("SELECT count(*) FROM projects").Scan(&n).Error
		require.Equal(t, 4, n)
		return err
	})
	allow("table_as_argument", func(t *testing.T, e *Env) error {
		var users []User
		err := e.As().Table("? u", clause.Table{Name: "users"}).Or("1 = 1").Find(&users).Error
		require.Len(t, users, 2)
		return err
	})
	allow("no_table", func(t *testing.T, e *Env) error { return e.DB.Raw("SELECT 1").Scan(new(int)).Error })
	sharedOnly("shared_table", func(t *testing.T, e *Env) error {
		return e.DB.Raw("SELECT name FROM countries /* FROM projects */ WHERE name <> 'FROM projects'").Scan(new(string)).Error
	})
	allow("hints_and_comments", func(t *testing.T, e *Env) error {
		tx := e.As().Model(&Project{}).Where("id > 0")
		where := tx.Statement.Clauses["WHERE"]
		where.AfterExpression = gorm.Expr("/* a comment */")
		tx.Statement.Clauses["WHERE"] = where
		return tx.Find(&into).Error
	})
	list = append(list,
		attack{name: "with_the_tenant_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.ID(e.B)).Scan(&into).Error
		}, want: gormtenant.ErrOtherTenant},
		attack{name: "with_no_tenant", run: func(t *testing.T, e *Env) error {
			return e.DB.Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.ID(e.A)).Scan(&into).Error
		}, want: gormtenant.ErrNoTenant},
		attack{name: "with_an_empty_id", run: func(t *testing.T, e *Env) error {
			return e.As().Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.BoundID{}).Scan(&into).Error
		}, want: gormtenant.ErrNoTenant},
	)
	return attackList{name: "raw_sql", attacks: list}
}

func TestAllowRawSQL(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		var n int
		require.NoError(t, e.As().Raw("SELECT count(*) FROM projects").Scan(&n).Error)
		require.Equal(t, 4, n, "the database is trusted to limit it")
		keys, err := find(e.As().Where("1 = 0 OR\n1 = 1"))
		require.NoError(t, err)
		require.Equal(t, []uint{1, 2}, keys, "what GORM builds is scoped all the same")
	}, tenantplugin.AllowRawSQL())
}

func TestRawSQL_refusal_says_what_to_do(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		err := e.As().Exec("UPDATE projects SET name = 'x'").Error
		require.ErrorContains(t, err, "raw projects: ")
		for _, way := range []string{"scopes.ID(ctx)", "gormtenant.Unscoped(ctx, reason)", "tenantplugin.AllowRawSQL"} {
			require.ErrorContains(t, err, way)
		}
	})
}

// TestModels_that_were_only_migrated are known, though no statement used them yet.
func TestModels_that_were_only_migrated(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Country{}, &User{}, &Project{}))
		require.NoError(t, db.Use(tenantplugin.New()))
		tx := db.WithContext(gormtenant.WithTenant(t.Context(), A))
		require.ErrorIs(t, tx.Exec("DELETE FROM projects").Error, gormtenant.ErrRawSQL)
		require.ErrorIs(t, tx.Exec("DELETE FROM project_tags").Error, gormtenant.ErrRawSQL)
		require.ErrorIs(t, db.Table("users").Find(&[]map[string]any{}).Error, gormtenant.ErrNoTenant)
		require.ErrorIs(t, db.Where("code IN (SELECT slug FROM projects)").Find(&[]Country{}).Error, gormtenant.ErrNoTenant)
	})
}
