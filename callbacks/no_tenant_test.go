package callbacks_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/scopes"
)

// statement is a use of GORM under a name.
type statement struct {
	name string
	run  func(db *gorm.DB) error
}

// statements is one of each kind of statement on a tenant model.
var statements = []statement{
	{"find", func(db *gorm.DB) error { return db.Find(&[]Project{}).Error }},
	{"first", func(db *gorm.DB) error { return db.First(&Project{}).Error }},
	{"take", func(db *gorm.DB) error { return db.Take(&Project{}).Error }},
	{"last", func(db *gorm.DB) error { return db.Last(&Project{}).Error }},
	{"count", func(db *gorm.DB) error { return db.Model(&Project{}).Count(new(int64)).Error }},
	{"pluck", func(db *gorm.DB) error { return db.Model(&Project{}).Pluck("id", &[]uint{}).Error }},
	{"scan", func(db *gorm.DB) error { return db.Model(&Project{}).Scan(&[]Project{}).Error }},
	{"row", func(db *gorm.DB) error {
		return db.Model(&Project{}).Select("id").Row().Scan(new(uint))
	}},
	{"rows", rowsOf},
	{"find_in_batch", func(db *gorm.DB) error {
		return db.FindInBatches(&[]Project{}, 2, noBatch).Error
	}},
	{"first_or_init", func(db *gorm.DB) error {
		return db.FirstOrInit(&Project{}, Project{Name: "x"}).Error
	}},
	{"first_or_create", func(db *gorm.DB) error {
		return db.FirstOrCreate(&Project{}, Project{Name: "x", Slug: "n"}).Error
	}},
	{"create", func(db *gorm.DB) error { return db.Create(&Project{Slug: "n"}).Error }},
	{"create_slice", func(db *gorm.DB) error { return db.Create(&[]Project{{Slug: "n"}}).Error }},
	{"create_batches", func(db *gorm.DB) error {
		return db.CreateInBatches(&[]Project{{Slug: "n"}, {Slug: "m"}}, 1).Error
	}},
	{"create_map", func(db *gorm.DB) error {
		return db.Model(&Project{}).Create(map[string]any{"slug": "n"}).Error
	}},
	{"upsert", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Project{ID: 1, Slug: "n"}).
			Error
	}},
	{"save", func(db *gorm.DB) error { return db.Save(&Project{ID: 1, Slug: "n"}).Error }},
	{"save_slice", func(db *gorm.DB) error {
		return db.Save(&[]Project{{ID: 1, Slug: "n"}}).Error
	}},
	{"update", func(db *gorm.DB) error {
		return db.Model(&Project{ID: 1}).Update("name", "x").Error
	}},
	{"updates", func(db *gorm.DB) error { return db.Updates(&Project{ID: 1, Name: "x"}).Error }},
	{"update_column", func(db *gorm.DB) error {
		return db.Model(&Project{ID: 1}).UpdateColumn("name", "x").Error
	}},
	{"update_all", func(db *gorm.DB) error {
		return global(db).Model(&Project{}).Update("name", "x").Error
	}},
	{"delete", func(db *gorm.DB) error { return db.Delete(&Project{ID: 1}).Error }},
	{"delete_all", func(db *gorm.DB) error { return global(db).Delete(&Project{}).Error }},
	{"delete_softly", func(db *gorm.DB) error { return db.Delete(&Note{ID: 1}).Error }},
	{"delete_unscoped", func(db *gorm.DB) error {
		return db.Unscoped().Delete(&Note{ID: 1}).Error
	}},
	{"find_unscoped", func(db *gorm.DB) error { return db.Unscoped().Find(&[]Note{}).Error }},
	{"table", func(db *gorm.DB) error {
		return db.Table("projects").Find(&[]map[string]any{}).Error
	}},
	{"table_alias", func(db *gorm.DB) error {
		return db.Table("projects AS p").Find(&[]map[string]any{}).Error
	}},
	{"table_rows", func(db *gorm.DB) error { return rowsOf(db.Table("projects")) }},
	{"table_limit_rows", func(db *gorm.DB) error { return rowsOf(db.Table("projects").Limit(1)) }},
	{"join_table", func(db *gorm.DB) error {
		return db.Table("project_tags").Find(&[]map[string]any{}).Error
	}},
	{"join", func(db *gorm.DB) error {
		return db.Model(&Country{}).Clauses(clause.From{Joins: []clause.Join{{
			Table: clause.Table{Name: "projects"},
			ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
		}}}).Find(&[]map[string]any{}).Error
	}},
	{"raw", func(db *gorm.DB) error {
		return db.Raw("SELECT * FROM projects").Scan(&[]Project{}).Error
	}},
	{"exec", func(db *gorm.DB) error { return db.Exec("DELETE FROM projects").Error }},
	{"association_find", func(db *gorm.DB) error {
		return db.Model(&Project{ID: 1}).Association("Tasks").Find(&[]Task{})
	}},
	{"association_append", func(db *gorm.DB) error {
		return db.Model(&Project{ID: 1}).Association("Tasks").Append(&Task{Title: "n"})
	}},
	{"association_clear", func(db *gorm.DB) error {
		return db.Model(&Project{ID: 1}).Association("Tags").Clear()
	}},
	{"association_count", func(db *gorm.DB) error {
		association := db.Model(&Project{ID: 1}).Association("Tags")
		association.Count()
		return association.Error
	}},
	{"transaction", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return tx.Create(&Project{Slug: "n"}).Error
		})
	}},
}

func rowsOf(db *gorm.DB) error {
	if db.Statement.Table == "" {
		db = db.Model(&Project{})
	}
	rows, err := db.Rows()
	if err == nil {
		_ = rows.Err()
		_ = rows.Close()
	}
	return err
}

func noBatch(*gorm.DB, int) error { return nil }

func global(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{AllowGlobalUpdate: true}) }

// TestNoTenant runs every statement without a tenant: with a context that has none, with one that
// has an empty one, and unscoped without a reason. Nothing is sent, not even BEGIN.
func TestNoTenant(t *testing.T) { withoutTenant(t, statements) }

func withoutTenant(t *testing.T, statements []statement) {
	t.Helper()
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		sent := &countingPool{ConnPool: e.DB.ConnPool}
		for _, c := range []struct {
			name string
			ctx  context.Context
			want error
		}{
			{"background", context.Background(), gormtenant.ErrNoTenant},
			{"empty", gormtenant.WithTenant(e.A, ""), gormtenant.ErrNoTenant},
			{"nil", gormtenant.WithTenant(e.A, nil), gormtenant.ErrNoTenant},
			{"not_comparable", gormtenant.WithTenant(e.A, []int{1}), gormtenant.ErrNoTenant},
			{"no_reason", gormtenant.Unscoped(e.A, " "), gormtenant.ErrNoReason},
		} {
			for _, s := range statements {
				t.Run(c.name+"/"+s.name, func(t *testing.T) {
					sent.n = 0
					db := e.DB.Session(&gorm.Session{Context: c.ctx})
					db.Statement.ConnPool = sent
					err := s.run(db)
					require.ErrorIs(t, err, c.want)
					if s.name != "transaction" && s.name != "create_batches" {
						require.Zero(t, sent.n, "what was sent")
					}
					var failure *gormtenant.Error
					require.ErrorAs(t, err, &failure)
					require.NotContains(t, err.Error(), A)
				})
			}
		}
	})
}

// statementScopes says per statement whose it is.
func statementScopes() attackList {
	return attackList{name: "scopes", attacks: []attack{
		{name: "tenant", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.DB.Scopes(scopes.Tenant(A)))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "tenant_of_an_empty_id", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Scopes(scopes.Tenant("")))
			return err
		}, want: gormtenant.ErrNoTenant},
		{name: "tenant_of_a_create", run: func(t *testing.T, e *Env) error {
			err := e.DB.Scopes(scopes.Tenant(A)).
				Create(&Project{Slug: "n", Tasks: []Task{{Title: "x"}}}).Error
			created(t, e, "n")
			return err
		}},
		{name: "unscoped", onlyShared: true, run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Scopes(scopes.Unscoped("report")))
			require.Len(t, keys, 4)
			return err
		}},
		{name: "unscoped_without_a_reason", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Scopes(scopes.Unscoped("")))
			return err
		}, want: gormtenant.ErrNoReason},
		{name: "they_do_not_last", onlyShared: true, run: func(t *testing.T, e *Env) error {
			db := e.As()
			_, err := find(db.Scopes(scopes.Unscoped("report")))
			require.NoError(t, err)
			keys, err := find(db)
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "preloads_follow", run: func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.DB.Scopes(scopes.Tenant(A)).Preload("Tags").Order("id").Find(&rows).Error
			require.Len(t, rows[0].Tags, 1)
			return err
		}},
	}}
}

// countingPool counts what is sent through it.
type countingPool struct {
	gorm.ConnPool
	n int
}

func (p *countingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result,
	error,
) {
	p.n++
	return p.ConnPool.ExecContext(ctx, query, args...)
}

func (p *countingPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows,
	error,
) {
	p.n++
	return p.ConnPool.QueryContext(ctx, query, args...)
}

func (p *countingPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.n++
	return p.ConnPool.QueryRowContext(ctx, query, args...)
}

func (p *countingPool) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	p.n++
	return p.ConnPool.(gorm.TxBeginner).BeginTx(ctx, options)
}

// TestToSQL_of_a_refused_statement shows why nothing would run.
func TestToSQL_of_a_refused_statement(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		db := e.DB.Session(&gorm.Session{Logger: logger.Discard})
		text := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Project{}) })
		require.NotContains(t, text, "SELECT")
	})
}
