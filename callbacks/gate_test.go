package callbacks_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// withClause is the clause of a plugin for common table expressions.
type withClause struct {
	name  string
	query clause.Expression
}

func (w withClause) Name() string { return "WITH" }

func (w withClause) Build(b clause.Builder) {
	_, _ = b.WriteString(w.name + " AS (")
	w.query.Build(b)
	_, _ = b.WriteString(")")
}

func (w withClause) MergeClause(c *clause.Clause) { c.Expression = w }

// TestClauses_of_another_plugin: a plugin gives GORM's processors lists of clauses of its own.
func TestClauses_of_another_plugin(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		e := NewEnv(t, open, &gorm.Config{})
		query := e.DB.Callback().Query()
		query.Clauses = slices.Concat([]string{"WITH"}, query.Clauses, []string{"UNION"})
		extra := withClause{"x", gorm.Expr("SELECT * FROM projects")}

		var rows []Project
		require.NoError(t, e.As().Clauses(extra).Table("x").Order("id").Find(&rows).Error)
		require.Equal(t, []uint{1, 2}, keysOf(rows))
		var n int64
		require.NoError(t, e.As().Clauses(extra).Table("x").Count(&n).Error)
		require.EqualValues(t, 2, n)
		err := e.DB.Clauses(extra).Table("x").Count(&n).Error
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	})
}

// TestClauses_that_the_caller_cut: a statement is built of fewer clauses than GORM has.
func TestClauses_that_the_caller_cut(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		theirs := e.Rows(t, B)
		tx := e.As()
		tx = tx.Where("id = ?", 11)
		tx.Statement.BuildClauses = e.DB.Callback().Delete().Clauses[:2]
		_ = tx.Delete(&Task{}).Error
		require.Equal(t, theirs, e.Rows(t, B))

		tx = e.As().Where("1 = 1")
		tx.Statement.BuildClauses = []string{"SELECT", "FROM"}
		var rows []Project
		require.NoError(t, tx.Order("id").Find(&rows).Error)
		require.Len(t, rows, 2)

		tx = e.As().Where("1 = 1")
		tx.Statement.BuildClauses = e.DB.Callback().Update().Clauses[:2]
		_ = tx.Model(&Project{}).Update("name", "x").Error
		require.Equal(t, theirs, e.Rows(t, B))
	})
}

// TestText_in_slices_of_slices: GORM writes expressions at any depth of an argument as SQL.
func TestText_in_slices_of_slices(t *testing.T) {
	t.Parallel()
	theirs := gorm.Expr("(SELECT name FROM projects WHERE id = 12)")
	Run(t, func(t *testing.T, e *Env) {
		before := e.Rows(t, B)
		var rows []Project
		err := e.As().Where("(name, 1) IN ?", [][]any{{theirs, 1}}).Find(&rows).Error
		if err == nil {
			require.Empty(t, rows)
		}
		for _, run := range []func() error{
			func() error {
				return e.As().Model(&Project{}).Where("id = 1").
					Update("name", gorm.Expr("coalesce(?, 'none')", []any{theirs})).Error
			},
			func() error {
				return e.As().Table("tags").Create(map[string]any{"label": theirs, "id": 70}).Error
			},
			func() error {
				return e.As().Clauses(clause.OnConflict{
					Columns:   []clause.Column{{Name: "id"}},
					DoUpdates: clause.Assignments(map[string]any{"label": theirs}),
				}).Create(&Tag{ID: 1, Label: "new"}).Error
			},
		} {
			_ = run()
			require.NotContains(t,
				e.Text(t, "SELECT count(*) FROM projects WHERE name = 'app' AND id = 1"), "1")
			require.NotContains(t, e.Text(t, "SELECT count(*) FROM tags WHERE label = 'app'"), "1")
		}
		require.Equal(t, before, e.Rows(t, B))
	})
}

// TestExec_with_a_refused_subquery: GORM drops a sub-query's error and would send the text that was
// cut off.
func TestExec_with_a_refused_subquery(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		other := e.DB.WithContext(e.B).Model(&Project{}).Select("name").Where("id = 11")
		err := e.As().Exec("UPDATE countries SET name = (?)", other).Error
		require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
		err = e.As().
			Exec("UPDATE countries SET name = (?)", e.DB.Model(&Project{}).Select("nope.")).Error
		require.Error(t, err)
		broken := e.DB.WithContext(gormtenant.Unscoped(context.Background(), "")).Model(&Project{}).
			Select("name")
		err = e.As().Exec("UPDATE countries SET name = (?)", broken).Error
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
		require.Equal(t, "Portugal", e.Text(t, "SELECT name FROM countries"))

		// One without a tenant of its own takes the statement's.
		open := e.DB.Model(&Project{}).Select("max(name)")
		require.NoError(t, e.As().Exec("UPDATE countries SET name = (?)", open).Error)
		require.Equal(t, "site", e.Text(t, "SELECT name FROM countries"))
		err = e.DB.Exec("UPDATE countries SET name = (?)", open).Error
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		_, unguarded := e.Plain, e.Plain.Exec("UPDATE countries SET name = (?)", open).Error
		require.Error(t, unguarded, "a *gorm.DB without the plugin cannot limit it")
	})
}

// TestCreateView: a view over a tenant table shows everyone's rows to whoever reads it.
func TestCreateView(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		option := gorm.ViewOption{Query: e.DB.Model(&Project{}).Select("name")}
		require.Error(t, e.DB.Migrator().CreateView("names", option))
		require.Error(t, e.As().Migrator().CreateView("names", option))
		all := gormtenant.Unscoped(context.Background(), "a view for reports")
		require.NoError(t, e.DB.WithContext(all).Migrator().CreateView("names", option))
		require.Equal(t, "4", e.Text(t, "SELECT count(*) FROM names"))
	})
}

// TestID_is_checked: scopes.ID proves the table that it is compared with, and no other.
func TestID_is_checked(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		var n int64
		text := "SELECT count(*) FROM projects p JOIN tasks t ON t.project_id <> p.id WHERE " +
			"p.tenant_id = ?"
		require.NoError(t, e.As().Raw(text, scopes.ID(e.A)).Scan(&n).Error)
		require.EqualValues(t, 2, n) // the tasks of B would make it 6
		require.ErrorIs(t, e.As().Raw(text, scopes.ID(e.B)).Scan(&n).Error,
			gormtenant.ErrOtherTenant)
	})
}

// TestHook_that_writes_text: what a callback writes into Statement.SQL is sent as it is.
func TestHook_that_writes_text(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.NoError(t, e.DB.Callback().Query().Before("gorm:query").
			Register("test:text", func(db *gorm.DB) {
				if _, ok := db.Get("test:text"); ok {
					_, _ = db.Statement.SQL.WriteString("SELECT * FROM projects ORDER BY id")
				}
			}))
		var rows []Project
		require.NoError(t, e.As().Set("test:text", true).Find(&rows).Error)
		require.Equal(t, []uint{1, 2}, keysOf(rows))
	})
}

// TestCallback_that_sends_text_of_its_own stands for dialects that replace gorm:create and write a
// MERGE.
func TestCallback_that_sends_text_of_its_own(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		for _, send := range []func(db *gorm.DB, text string) error{
			func(db *gorm.DB, text string) error {
				_, err := db.Statement.ConnPool.ExecContext(db.Statement.Context, text)
				return err
			},
			func(db *gorm.DB, text string) error {
				rows, err := db.Statement.ConnPool.QueryContext(db.Statement.Context, text)
				if err == nil {
					_ = rows.Close()
				}
				return err
			},
			func(db *gorm.DB, text string) error {
				return db.Statement.ConnPool.QueryRowContext(db.Statement.Context, text).Err()
			},
			func(db *gorm.DB, text string) error {
				_, err := db.Statement.ConnPool.PrepareContext(db.Statement.Context, text)
				return err
			},
		} {
			replaced := &gorm.Config{}
			db := open(replaced)
			require.NoError(t, db.Callback().Create().Replace("gorm:create", func(db *gorm.DB) {
				if db.Error == nil {
					_ = db.AddError(send(db,
						"INSERT INTO tags (id, tenant_id, label) VALUES (11, 'acme', 'x') "+
							"ON CONFLICT (id) DO UPDATE SET tenant_id = 'acme'"))
				}
			}))
			e := NewEnv(t, func(config *gorm.Config) *gorm.DB {
				if config == replaced {
					return db
				}
				return open(config)
			}, replaced)
			theirs := e.Rows(t, B)
			require.Error(t, e.As().Create(&Tag{ID: 11, Label: "mine"}).Error)
			require.Equal(t, theirs, e.Rows(t, B))
		}
	})
}

// TestAllowRawSQL_limits_what_is_built: only raw SQL is let through.
func TestAllowRawSQL_limits_what_is_built(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		var n int64
		require.NoError(t, e.As().Raw("SELECT count(*) FROM projects").Scan(&n).Error)
		require.EqualValues(t, 4, n)
		require.NoError(t, e.As().Model(&Project{}).Where("id IN (SELECT project_id FROM tasks)").
			Count(&n).Error)
		require.EqualValues(t, 1, n)
		sub := e.DB.Model(&Project{}).Select("id")
		require.ErrorIs(t, e.As().Raw("SELECT count(*) FROM tasks WHERE project_id IN (?)", sub).
			Scan(&n).Error,
			gormtenant.ErrNoTenant)
	}, tenantplugin.AllowRawSQL())
}

// TestGate_leaves_text_of_shared_tables_alone: byte for byte.
func TestGate_leaves_text_of_shared_tables_alone(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, text := range []string{
			"SELECT * FROM countries -- a trailing note",
			"SELECT * FROM countries;",
			"SELECT  *  FROM countries WHERE name = 'projects'",
			"SELECT 'unclosed FROM countries",
		} {
			db := e.DB.Session(&gorm.Session{DryRun: true})
			require.Equal(t, text, db.Raw(text).Find(&[]Country{}).Statement.SQL.String())
		}
		var rows []Country
		require.NoError(t, e.DB.Order("name -- by name").Find(&rows).Error)
		require.Len(t, rows, 1)
	})
}
