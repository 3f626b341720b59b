package callbacks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// between makes db run change in the middle of a statement: behind what the plugin checks first of
// all, and before GORM builds the SQL. Other plugins and hooks of models stand there.
func between(t *testing.T, db *gorm.DB, change func(stmt *gorm.Statement)) {
	t.Helper()
	run := func(db *gorm.DB) {
		if db.Statement.Context.Value(betweenKey{}) != nil {
			change(db.Statement)
		}
	}
	callback := db.Callback()
	require.NoError(t, callback.Query().Before("gorm:query").Register("test:between", run))
	require.NoError(t, callback.Row().Before("gorm:row").Register("test:between", run))
	require.NoError(t, callback.Create().Before("gorm:create").Register("test:between", run))
	require.NoError(t, callback.Update().Before("gorm:update").Register("test:between", run))
	require.NoError(t, callback.Delete().Before("gorm:delete").Register("test:between", run))
}

type betweenKey struct{}

// TestStatement_changed_after_it_was_checked changes a statement after it was found to be good.
func TestStatement_changed_after_it_was_checked(t *testing.T) {
	t.Parallel()
	statements := []struct {
		name, head string
		run        func(tx *gorm.DB) error
	}{
		{"find", "SELECT", func(tx *gorm.DB) error { return tx.Find(&[]Project{}).Error }},
		{"where", "SELECT", func(tx *gorm.DB) error {
			return tx.Where("id > 0").Find(&[]Project{}).Error
		}},
		{"right", "SELECT", func(tx *gorm.DB) error {
			return tx.Joins("RIGHT JOIN countries c ON 1 = 1").Find(&[]Project{}).Error
		}},
		{"row", "SELECT", func(tx *gorm.DB) error {
			return tx.Model(&Project{}).Select("id").Row().Scan(new(uint))
		}},
		{"create", "INSERT", func(tx *gorm.DB) error {
			return tx.Create(&Project{Slug: "n"}).Error
		}},
		{"upsert", "INSERT", func(tx *gorm.DB) error {
			return tx.Save(&[]Project{{ID: 11, Slug: "n"}}).Error
		}},
		{"update", "UPDATE", func(tx *gorm.DB) error {
			return tx.Model(&Project{ID: 11}).Update("name", "x").Error
		}},
		{"save", "UPDATE", func(tx *gorm.DB) error {
			return tx.Save(&Project{ID: 1, Slug: "n"}).Error
		}},
		{"delete", "DELETE", func(tx *gorm.DB) error { return tx.Delete(&Project{ID: 11}).Error }},
	}
	for _, c := range []struct {
		name   string
		change func(stmt *gorm.Statement, head string)
		want   error // nil: whatever comes of it, it is A's
	}{
		{"drops_the_tenant", func(stmt *gorm.Statement, _ string) {
			stmt.Context = context.Background()
		}, nil},
		{"crosses_without_a_reason", func(stmt *gorm.Statement, _ string) {
			stmt.Context = gormtenant.Unscoped(stmt.Context, "")
		}, gormtenant.ErrNoReason},
		{"names_several_tables", func(stmt *gorm.Statement, _ string) {
			stmt.TableExpr = &clause.Expr{SQL: "projects, users u"}
		}, nil},
		{"names_a_tenant_that_does_not_fit", func(stmt *gorm.Statement, _ string) {
			stmt.Context = gormtenant.WithTenant(stmt.Context, 1.5)
		}, nil},
		{"builds_the_rest_first_without_a_tenant", func(stmt *gorm.Statement, head string) {
			stmt.Context = context.Background()
			stmt.BuildClauses = []string{"ON CONFLICT", "SET", "VALUES", "FROM", "WHERE", head}
		}, nil},
		{"builds_the_rest_first_of_several_tables", func(stmt *gorm.Statement, head string) {
			stmt.TableExpr = &clause.Expr{SQL: "projects, users u"}
			stmt.BuildClauses = []string{"ON CONFLICT", "SET", "VALUES", "FROM", "WHERE", head}
		}, nil},
		{"builds_from_alone", func(stmt *gorm.Statement, _ string) {
			stmt.AddClauseIfNotExists(clause.From{})
			stmt.BuildClauses = []string{"FROM"}
		}, gormtenant.ErrUnsupported},
		{"builds_no_condition", func(stmt *gorm.Statement, head string) {
			stmt.BuildClauses = []string{head, "SET", "FROM"}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			Run(t, func(t *testing.T, e *Env) {
				head := ""
				between(t, e.DB, func(stmt *gorm.Statement) { c.change(stmt, head) })
				for _, s := range statements {
					head = s.head
					mine, err := e.Attack(t, func() error {
						return s.run(e.DB.WithContext(context.WithValue(e.A, betweenKey{}, true)))
					})
					if c.want != nil {
						require.ErrorIs(t, err, c.want, s.name)
					}
					if err != nil {
						require.Equal(t, mine.Before, mine.After, s.name)
					}
					require.NotContains(t, strings.Join(mine.Read, "\n"), B, s.name)
				}
			})
		})
	}
}

// TestInsert_changed_into_one_of_a_query makes an INSERT of VALUES one of SELECT, which has no
// tenant.
func TestInsert_changed_into_one_of_a_query(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		theirs := e.Rows(t, B)
		between(t, e.DB, func(stmt *gorm.Statement) {
			stmt.BuildClauses = []string{"INSERT", "MINE"}
			stmt.Clauses["MINE"] = clause.Clause{Expression: gorm.Expr(fmt.Sprintf(
				"(id, tenant_id, name, budget, slug) SELECT 19, '%s', 'x', 1, 'n'", B))}
		})
		err := e.DB.WithContext(context.WithValue(e.A, betweenKey{}, true)).
			Create(&Project{Slug: "n"}).Error
		require.ErrorIs(t, err, gormtenant.ErrUnsupported)
		require.Equal(t, theirs, e.Rows(t, B))
	})
	Run(t, func(t *testing.T, e *Env) {
		theirs := e.Rows(t, B)
		between(t, e.DB, func(stmt *gorm.Statement) {
			stmt.BuildClauses = []string{"INSERT", "SELECT"}
			stmt.AddClause(clause.Select{Expression: gorm.Expr("19, '" + B +
				"', 'x', 1, 'n', NULL, NULL")})
		})
		err := e.DB.WithContext(context.WithValue(e.A, betweenKey{}, true)).
			Create(&Project{Slug: "n"}).Error
		require.ErrorIs(t, err, gormtenant.ErrUnsupported)
		require.Equal(t, theirs, e.Rows(t, B))
	})
}

// TestTable_changed_after_it_was_checked changes the table that a statement is about.
func TestTable_changed_after_it_was_checked(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		tx := e.DB.WithContext(context.WithValue(e.A, betweenKey{}, true))
		change := func(*gorm.Statement) {}
		between(t, e.DB, func(stmt *gorm.Statement) { change(stmt) })

		change = func(stmt *gorm.Statement) { stmt.TableExpr = nil }
		var rows []map[string]any
		require.NoError(t, tx.Table("projects").Find(&rows).Error)
		require.Len(t, rows, 2, "of a table without a model")

		change = func(stmt *gorm.Statement) { stmt.Table = "users" }
		var named []struct{ Name string }
		require.NoError(t, tx.Model(&Country{}).Find(&named).Error)
		require.Len(t, named, 2, "of a shared model")
		require.NoError(t, tx.Model(&Project{}).Find(&named).Error)
		require.Len(t, named, 2, "of another model")

		change = func(stmt *gorm.Statement) {
			stmt.ReflectValue.FieldByName("TenantID").SetString("")
		}
		require.NoError(t, tx.Create(&Project{Slug: "n"}).Error)
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM projects WHERE slug = 'n'"))
	})
}

// TestReplaced_create is a create of another plugin, whose VALUES are text.
func TestReplaced_create(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		mine, theirs := e.Rows(t, A), e.Rows(t, B)
		require.NoError(t, e.DB.Callback().Create().Replace("gorm:create", func(db *gorm.DB) {
			stmt := db.Statement
			stmt.AddClause(clause.Insert{})
			stmt.AddClause(opaque{"VALUES", "(19, 'zeta', 'x', 1, 'n')"})
			stmt.Build("INSERT", "VALUES")
			if db.Error == nil {
				_, err := stmt.ConnPool.ExecContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
				_ = db.AddError(err)
			}
		}))
		require.ErrorIs(t, e.As().Create(&Project{Slug: "n"}).Error, gormtenant.ErrUnsupported)
		require.Equal(t, mine+theirs, e.Rows(t, A)+e.Rows(t, B))
	})
}
