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
		attempt := func(_ *testing.T, e *Env) error { return run(e) }
		list = append(list, attack{name: name, run: attempt, want: gormtenant.ErrRawSQL})
	}
	alone := func(name string, run func(e *Env) error) {
		attempt := func(_ *testing.T, e *Env) error { return run(e) }
		list = append(list, attack{name: name, run: attempt, alone: true})
	}
	allow := func(name string, run func(t *testing.T, e *Env) error) {
		list = append(list, attack{name: name, run: run})
	}
	sharedOnly := func(name string, run func(t *testing.T, e *Env) error) {
		list = append(list, attack{name: name, run: run, onlyShared: true})
	}
	into := func(e *Env) any { return e.Into(&[]map[string]any{}) }

	alone("scan", func(e *Env) error {
		return e.As().Raw("SELECT * FROM projects").Scan(into(e)).Error
	})
	alone("find", func(e *Env) error {
		return e.As().Raw(`select*from"projects"`).Find(&[]Project{}).Error
	})
	alone("first", func(e *Env) error {
		return e.As().Raw("SELECT * FROM projects p").First(&Project{}).Error
	})
	alone("row", func(e *Env) error {
		return e.As().Raw("SELECT 1 FROM projects").Row().Scan(e.Into(new(int)))
	})
	list = append(list, attack{name: "rows", run: func(_ *testing.T, e *Env) error {
		rows, err := e.As().Raw("SELECT 1 FROM public.projects").Rows()
		if rows != nil {
			_ = rows.Close()
			_ = rows.Err()
		}
		return err
	}, alone: true, onlyShared: true}) // the schema is that of shared tables
	alone("exec_update", func(e *Env) error {
		return e.As().Exec("UPDATE projects SET name = ?", "x").Error
	})
	alone("exec_delete", func(e *Env) error { return e.As().Exec("DELETE\nFROM\tprojects").Error })
	list = append(list, attack{name: "exec_insert", run: func(_ *testing.T, e *Env) error {
		return e.As().Exec("INSERT INTO tags (tenant_id) VALUES (?)", B).Error
	}, want: gormtenant.ErrOtherTenant})
	refuse("exec_truncate", func(e *Env) error {
		return e.As().Exec("TRUNCATE tasks, projects").Error
	})
	alone("exec_join_table", func(e *Env) error {
		return e.As().Exec("DELETE FROM project_tags").Error
	})
	alone("exec_in_a_cte", func(e *Env) error {
		return e.As().Exec("WITH d AS (DELETE FROM tags RETURNING *) SELECT * FROM d").Error
	})
	refuse("exec_behind_a_definition", func(e *Env) error {
		return e.As().Exec("CREATE TABLE t2 (id int); DELETE FROM projects").Error
	})
	refuse("exec_in_a_block", func(e *Env) error {
		return e.As().Exec("DO $$ BEGIN DELETE FROM projects; END $$").Error
	})
	alone("named_table", func(e *Env) error {
		return e.As().Raw("SELECT * FROM ?", clause.Table{Name: "projects"}).Scan(into(e)).Error
	})
	alone("where", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM projects)"))
		return err
	})
	alone("where_table_as_argument", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM ?)", clause.Table{Name: "projects"}))
		return err
	})
	alone("where_table_in_an_expression", func(e *Env) error {
		_, err := find(e.As().Where("id IN (SELECT id FROM ?)", gorm.Expr("projects")))
		return err
	})
	alone("where_table_by_name", func(e *Env) error {
		_, err := find(e.As().
			Where("id IN (SELECT id FROM @t)", sql.Named("t", clause.Table{Name: "projects"})))
		return err
	})
	alone("where_table_by_name_in_a_map", func(e *Env) error {
		_, err := find(e.As().
			Where("id IN (SELECT id FROM @t)", map[string]any{"t": gorm.Expr("projects")}))
		return err
	})
	alone("where_table_by_name_in_a_struct", func(e *Env) error {
		_, err := find(e.As().
			Where("id IN (SELECT id FROM @T)",
				struct{ T clause.Table }{clause.Table{Name: "projects"}}))
		return err
	})
	alone("join_table_as_argument", func(e *Env) error {
		_, err := find(e.As().Joins("JOIN ? u ON 1 = 1", clause.Table{Name: "users"}))
		return err
	})
	alone("where_of_a_shared_table", func(e *Env) error {
		return e.As().Where("EXISTS (SELECT 1 FROM projects)").Find(&[]Country{}).Error
	})
	alone("or", func(e *Env) error {
		_, err := find(e.As().Or("id IN (SELECT id FROM projects)"))
		return err
	})
	alone("not", func(e *Env) error {
		_, err := find(e.As().Not("id IN (SELECT id FROM projects)"))
		return err
	})
	alone("column_of_a_condition", func(e *Env) error {
		_, err := find(e.As().Clauses(clause.Gt{
			Column: clause.Column{Name: "(SELECT count(*) FROM projects)", Raw: true}, Value: 1,
		}))
		return err
	})
	alone("select", func(e *Env) error {
		return e.As().Model(&Project{}).Select("(SELECT count(*) FROM projects) AS n").
			Find(into(e)).Error
	})
	alone("select_with_arguments", func(e *Env) error {
		return e.As().Model(&Project{}).
			Select("(SELECT count(*) FROM projects WHERE id > ?) AS n", 0).Find(into(e)).Error
	})
	alone("select_that_brings_its_own_from", func(e *Env) error {
		return e.As().Model(&Country{}).Select("* FROM projects --").Find(into(e)).Error
	})
	alone("distinct", func(e *Env) error {
		return e.As().Model(&Project{}).Distinct("(SELECT count(*) FROM projects) AS n").
			Find(into(e)).Error
	})
	alone("pluck", func(e *Env) error {
		return e.As().Model(&Project{}).Pluck("(SELECT max(name) FROM projects)", &[]string{}).Error
	})
	alone("group", func(e *Env) error {
		return e.As().Model(&Project{}).Select("1").Group("id UNION SELECT id FROM projects").
			Find(into(e)).Error
	})
	alone("having", func(e *Env) error {
		return e.As().Model(&Project{}).Select("1").Group("id").
			Having("count(*) < (SELECT count(*) FROM projects)").Find(into(e)).Error
	})
	alone("order", func(e *Env) error {
		_, err := find(e.As().Order("(SELECT max(name) FROM projects), id"))
		return err
	})
	alone("order_expression", func(e *Env) error {
		_, err := find(e.As().
			Clauses(clause.OrderBy{Expression: gorm.Expr("(SELECT max(name) FROM projects), id")}))
		return err
	})
	alone("table_in_parentheses", func(e *Env) error {
		return e.As().Table("(SELECT * FROM projects) AS p").Find(into(e)).Error
	})
	alone("two_tables", func(e *Env) error {
		return e.As().Table("projects p, users u").Find(into(e)).Error
	})
	alone("shared_and_tenant_table", func(e *Env) error {
		return e.As().Table("countries c, users u").Find(into(e)).Error
	})
	alone("table_that_brings_a_join", func(e *Env) error {
		return e.As().Table("countries c JOIN projects p ON 1 = 1").Find(into(e)).Error
	})
	alone("from_clause_of_raw_names", func(e *Env) error {
		return e.As().Model(&Country{}).
			Clauses(clause.From{Tables: []clause.Table{{Name: "countries, projects", Raw: true}}}).
			Find(into(e)).Error
	})
	alone("locking", func(e *Env) error {
		_, err := find(e.As().
			Clauses(clause.Locking{Strength: "UPDATE) UNION SELECT * FROM projects"}))
		return err
	})
	alone("returning", func(e *Env) error {
		return e.As().
			Clauses(clause.Returning{
				Columns: []clause.Column{{Name: "(SELECT max(name) FROM projects)", Raw: true}},
			}).
			Create(&Tag{Label: "x"}).Error
	})
	alone("clause_of_ones_own", func(e *Env) error {
		tx := e.As().Model(&Country{})
		tx.Statement.BuildClauses = []string{"SELECT", "FROM", "WHERE", "UNION"}
		tx.Statement.Clauses["UNION"] = clause.Clause{
			Name:       "UNION",
			Expression: gorm.Expr("SELECT name, slug FROM projects"),
		}
		return tx.Find(into(e)).Error
	})
	allow("clause_that_goes_on_with_the_condition", func(t *testing.T, e *Env) error {
		tx := e.As().Model(&Project{})
		tx.Statement.BuildClauses = []string{"SELECT", "FROM", "WHERE", "MORE"}
		tx.Statement.Clauses["MORE"] = clause.Clause{Expression: gorm.Expr("OR 1 = 1")}
		keys, err := keysOfMaps(tx)
		require.Equal(t, []uint{1, 2}, keys)
		return err
	})
	alone("text_behind_where", func(e *Env) error {
		tx := e.As().Model(&Project{}).Where("id > 0")
		where := tx.Statement.Clauses["WHERE"]
		where.AfterExpression = gorm.Expr("OR 1 = 1")
		tx.Statement.Clauses["WHERE"] = where
		return tx.Find(into(e)).Error
	})
	allow("text_before_order", func(t *testing.T, e *Env) error {
		tx := e.As().Model(&Project{}).Order("id")
		order := tx.Statement.Clauses["ORDER BY"]
		order.BeforeExpression = gorm.Expr("OR 1 = 1")
		tx.Statement.Clauses["ORDER BY"] = order
		keys, err := keysOfMaps(tx)
		require.Equal(t, []uint{1, 2}, keys)
		return err
	})
	refuse("semicolon", func(e *Env) error {
		_, err := find(e.As().Where("1 = 1; SELECT 1"))
		return err
	})

	allow("with_the_tenant", func(t *testing.T, e *Env) error {
		var names []string
		err := e.As().
			Raw("SELECT slug FROM projects p WHERE p.tenant_id = ? ORDER BY 1", scopes.ID(e.A)).
			Scan(&names).Error
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
		err := e.As().
			Raw("SELECT count(*) FROM projects WHERE tenant_id = @t",
				map[string]any{"t": scopes.ID(e.A)}).Scan(&n).Error
		require.Equal(t, 2, n)
		return err
	})
	allow("fragment_with_the_tenant", func(t *testing.T, e *Env) error {
		keys, err := find(e.As().
			Where("owner_id IN (SELECT id FROM users WHERE tenant_id = ?)", scopes.ID(e.A)))
		require.Len(t, keys, 2)
		return err
	})
	sharedOnly("unscoped", func(t *testing.T, e *Env) error {
		var n int
		err := e.As().Scopes(scopes.Unscoped("report")).Raw("SELECT count(*) FROM projects").
			Scan(&n).Error
		require.Equal(t, 4, n)
		return err
	})
	allow("table_as_argument", func(t *testing.T, e *Env) error {
		var users []User
		err := e.As().Table("? u", clause.Table{Name: "users"}).Or("1 = 1").Find(&users).Error
		require.Len(t, users, 2)
		return err
	})
	allow("no_table", func(t *testing.T, e *Env) error {
		return e.DB.Raw("SELECT 1").Scan(e.Into(new(int))).Error
	})
	sharedOnly("shared_table", func(t *testing.T, e *Env) error {
		return e.DB.Raw("SELECT name FROM countries /* FROM projects */ WHERE name <> 'FROM " +
			"projects'").Scan(new(string)).Error
	})
	allow("hints_and_comments", func(t *testing.T, e *Env) error {
		tx := e.As().Model(&Project{}).Where("id > 0")
		where := tx.Statement.Clauses["WHERE"]
		where.AfterExpression = gorm.Expr("/* a comment */")
		tx.Statement.Clauses["WHERE"] = where
		return tx.Find(into(e)).Error
	})
	list = append(list,
		attack{name: "with_the_tenant_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.ID(e.B)).
				Scan(into(e)).Error
		}, want: gormtenant.ErrOtherTenant},
		attack{name: "with_no_tenant", run: func(t *testing.T, e *Env) error {
			return e.DB.Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.ID(e.A)).
				Scan(into(e)).Error
		}, want: gormtenant.ErrNoTenant},
		attack{name: "with_an_empty_id", run: func(t *testing.T, e *Env) error {
			return e.As().Raw("SELECT slug FROM projects WHERE tenant_id = ?", scopes.BoundID{}).
				Scan(into(e)).Error
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
		for _, c := range []struct{ name, text, way string }{
			{"insert", "INSERT INTO projects (slug) VALUES ('n')", "scopes.ID(ctx)"},
			{"truncate", "TRUNCATE projects", "gormtenant.Unscoped(ctx, reason)"},
			{"two_statements", "SELECT 1; DELETE FROM projects", "run each statement by itself"},
		} {
			require.ErrorContains(t, e.As().Exec(c.text).Error, c.way, c.name)
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
		for _, text := range []string{"DELETE FROM projects", "DELETE FROM project_tags"} {
			stmt := tx.Session(&gorm.Session{DryRun: true}).Exec(text).Statement
			require.NoError(t, stmt.Error)
			require.Contains(t, stmt.Vars, any(A), text)
		}
		require.ErrorIs(t, db.Table("users").Find(&[]map[string]any{}).Error,
			gormtenant.ErrNoTenant)
		require.ErrorIs(t, db.Where("code IN (SELECT slug FROM projects)").Find(&[]Country{}).Error,
			gormtenant.ErrNoTenant)
	})
}
