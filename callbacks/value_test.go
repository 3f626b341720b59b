package callbacks_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"log"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// maybeLate turns into SQL, or is written as NULL.
type maybeLate struct {
	late
	null bool
}

func (m maybeLate) Value() (driver.Value, error) {
	if m.null {
		return nil, nil
	}
	return m.sql, nil
}

// lateList is a list that turns into SQL, unless GORM lists its elements.
type lateList []string

func (l lateList) GormValue(context.Context, *gorm.DB) clause.Expr { return gorm.Expr(l[0]) }

// failingLate fails when it is written.
type failingLate struct{}

var errLate = errors.New("a value that fails")

func (failingLate) GormValue(_ context.Context, db *gorm.DB) clause.Expr {
	_ = db.AddError(errLate)
	return gorm.Expr("1")
}

// unusualArguments are arguments of unusual types.
func unusualArguments() attackList {
	where := func(want []uint, text string, value any) func(*testing.T, *Env) error {
		return func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where(text, value))
			if err == nil && want != nil { // nil is for what is refused
				require.Equal(t, want, keys)
			}
			return err
		}
	}
	reads := late{"(SELECT max(slug) FROM projects)"}
	return attackList{name: "arguments_of_unusual_types", attacks: []attack{
		{name: "floats", run: where([]uint{1}, "budget IN ?", []float64{100})},
		{name: "array", run: where([]uint{1, 2}, "id IN ?", [3]uint{1, 2, 11})},
		{
			name: "late_that_is_a_value_too", run: where(nil, "slug = ?", maybeLate{late: reads}),
			alone: true,
		},
		{
			name: "late_that_is_written_as_null",
			run:  where(nil, "slug = ?", maybeLate{late: reads, null: true}), alone: true,
		},
		{name: "late_that_is_compared_to_null", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where(map[string]any{"country_code": maybeLate{late: reads, null: true}}))
			require.Equal(t, []uint{2}, keys, "IS NULL")
			return err
		}},
		{name: "late_in_a_map", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Where(map[string]any{"slug": maybeLate{late: reads}}))
			return err
		}, alone: true},
		{
			name: "late_nil_pointer_that_is_a_value_too",
			run:  where([]uint{}, "slug = ?", (*maybeLate)(nil)),
		},
		{
			name: "late_list",
			run:  where(nil, "slug = ?", lateList{"(SELECT max(slug) FROM projects)"}), alone: true,
		},
		{
			name: "late_list_that_reads_nothing",
			run:  where([]uint{1}, "name = ?", lateList{"'site'"}),
		},
		{
			name: "late_list_behind_a_parenthesis",
			run:  where([]uint{1}, "name IN (?)", lateList{"'x'", "site"}),
		},
		{name: "late_list_in_a_map", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().
				Where(map[string]any{"slug": lateList{"(SELECT max(slug) FROM projects)"}}))
			return err
		}, alone: true},
		{
			name: "late_list_in_an_update_goes_on_to_the_tenant",
			run: func(_ *testing.T, e *Env) error {
				return e.As().Model(&Project{ID: 1}).
					Updates(map[string]any{"name": lateList{"'x', tenant_id = 'zeta'"}}).Error
			}, want: gormtenant.ErrTenantChange,
		},
		{name: "late_list_in_a_create", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Project{}).
				Create(map[string]any{"slug": lateList{"(SELECT max(slug) || 'x' FROM projects)"}}).
				Error
		}, alone: true},
		{
			name: "vouched_in_a_list",
			run: where([]uint{1, 2}, "owner_id IN (SELECT id FROM users WHERE tenant_id IN ?)",
				[]any{scopes.ID(
					gormtenant.WithTenant(context.Background(), A))}),
		},
		{
			name: "vouched_for_another_in_a_list",
			run: where(nil, "owner_id IN (SELECT id FROM users WHERE tenant_id IN ?)",
				[]any{scopes.ID(
					gormtenant.WithTenant(context.Background(), B))}),
			want: gormtenant.ErrOtherTenant,
		},
		{name: "failing", run: where(nil, "slug = ?", failingLate{}), want: errLate},
		{name: "map_with_an_empty_tenant", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "tenant_id": ""}).
				Error
			created(t, e, "n")
			return err
		}},
		{name: "empty_map", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Tag{}).Create(map[string]any{}).Error
			require.Equal(t, "3", e.Text(t, "SELECT count(*) FROM tags WHERE tenant_id = 'acme'"))
			return err
		}},
		{
			name: "update_behind_a_comment_without_a_condition",
			run: func(_ *testing.T, e *Env) error {
				tx := e.As().Model(&Project{})
				tx.Statement.Clauses["UPDATE"] = clause.Clause{
					BeforeExpression: gorm.Expr("/* all */"),
				}
				return tx.Update("name", "x").Error
			}, want: errAny,
		},
		{name: "update_behind_a_hint_without_a_condition", run: func(_ *testing.T, e *Env) error {
			tx := e.As().Model(&Project{})
			tx.Statement.Clauses["UPDATE"] = clause.Clause{Name: "/* all */ UPDATE"}
			return tx.Update("name", "x").Error
		}, want: errAny},
		{name: "nothing_left_to_update", run: func(_ *testing.T, e *Env) error {
			type lone struct{ models.TenantModel }
			return e.As().Table("tags").Model(&lone{}).Where("1 = 1").Update("tenant_id", A).Error
		}, want: gormtenant.ErrTenantChange},
	}}
}

// TestFailedStatement goes on being built for the log, but not of a tenant's table.
func TestFailedStatement(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		build := func(model any) string {
			tx := e.As().Session(&gorm.Session{DryRun: true}).Model(model).
				Where("name = ?", failingLate{}).Order("name").Find(&[]map[string]any{})
			require.ErrorIs(t, tx.Error, errLate)
			return tx.Statement.SQL.String()
		}
		require.Contains(t, build(&Country{}), "ORDER BY name")
		require.NotContains(t, build(&Project{}), "ORDER BY")
	})
}

func TestDefault_is_a_value_of_its_own(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		tx := e.As().Session(&gorm.Session{DryRun: true})
		text := tx.Model(&Project{ID: 1}).Update("budget", gorm.Expr(" default ")).
			Statement.SQL.String()
		require.Contains(t, strings.NewReplacer("`", "", `"`, "").Replace(text),
			"SET budget= default  WHERE")
	})
}

// TestLookup_is_logged like the statement that it is for.
func TestLookup_is_logged(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		var text bytes.Buffer
		tx := e.As().
			Session(&gorm.Session{Logger: logger.New(log.New(&text, "", 0),
				logger.Config{LogLevel: logger.Info})})
		require.ErrorIs(t, tx.Create(&Task{ProjectID: ptr(uint(11))}).Error,
			gormtenant.ErrOtherTenant)
		require.Contains(t, text.String(), "SELECT COUNT(*)")
	}, tenantplugin.CheckReferences())
}

// harmlessStatements is what must go on to work: across tenants, of shared tables, and harmless
// text.
func harmlessStatements() attackList {
	all := func(e *Env) *gorm.DB { return e.DB.WithContext(gormtenant.Unscoped(e.A, "test")) }
	mine := func(tx *gorm.DB, text string) *gorm.DB {
		tx.Statement.BuildClauses = []string{"SELECT", "FROM", "WHERE", "MINE"}
		tx.Statement.Clauses["MINE"] = clause.Clause{Expression: gorm.Expr(text)}
		return tx
	}
	rows := func(n int, tx func(e *Env) *gorm.DB) func(*testing.T, *Env) error {
		return func(t *testing.T, e *Env) error {
			var got []map[string]any
			err := tx(e).Find(&got).Error
			require.Len(t, got, n)
			return err
		}
	}
	return attackList{name: "harmless_statements", attacks: []attack{
		{name: "comment_across_tenants", onlyShared: true, run: rows(4, func(e *Env) *gorm.DB {
			return all(e).Model(&Project{}).Where("1 = 1 -- all")
		})},
		{name: "lock_across_tenants", run: func(_ *testing.T, e *Env) error {
			lock := clause.Locking{
				Strength: "UPDATE",
				Table:    clause.Table{Name: "projects NOWAIT", Raw: true},
			}
			return all(e).Session(&gorm.Session{DryRun: true}).Clauses(lock).Find(&[]Project{}).
				Error
		}},
		{name: "lock_of_a_raw_name", run: func(_ *testing.T, e *Env) error {
			lock := clause.Locking{
				Strength: "UPDATE",
				Table:    clause.Table{Name: "projects", Raw: true},
			}
			return e.As().Session(&gorm.Session{DryRun: true}).Clauses(lock).Find(&[]Project{}).
				Error
		}},
		{name: "clause_behind_the_condition", run: rows(1, func(e *Env) *gorm.DB {
			return mine(e.As().Model(&Project{}), "LIMIT 1")
		})},
		{name: "condition_behind_that_of_a_shared_table", run: rows(0, func(e *Env) *gorm.DB {
			return mine(e.As().Model(&Country{}).Where("1 = 1"), "AND 1 = 0")
		})},
		{
			name: "condition_behind_that_of_all_tenants", onlyShared: true,
			run: rows(0, func(e *Env) *gorm.DB {
				return mine(all(e).Model(&Project{}).Where("1 = 1"), "AND 1 = 0")
			}),
		},
		{name: "hint_behind_the_table", run: func(_ *testing.T, e *Env) error {
			if e.Name != "sqlite" {
				return nil // which has none
			}
			tx := e.As().Session(&gorm.Session{DryRun: true}).Model(&Project{}).
				Clauses(clause.From{})
			from := tx.Statement.Clauses["FROM"]
			from.AfterExpression = gorm.Expr("NOT INDEXED")
			tx.Statement.Clauses["FROM"] = from
			return tx.Find(&[]map[string]any{}).Error
		}},
		{
			name: "subquery_of_a_tenant_across_tenants", onlyShared: true,
			run: rows(2, func(e *Env) *gorm.DB {
				return all(e).Model(&Project{}).
					Where("owner_id IN (?)", e.As().Model(&User{}).Select("id"))
			}),
		},
		{name: "shared_table_without_where", run: rows(1, func(e *Env) *gorm.DB {
			tx := e.As().Model(&Country{}).Where("1 = 0")
			tx.Statement.BuildClauses = []string{"SELECT", "FROM"}
			return tx
		})},
		{name: "empty_join", run: func(_ *testing.T, e *Env) error {
			return e.As().Joins("").Find(&[]Project{}).Error
		}, alone: true},
		{name: "create_of_a_list_of_clauses", run: func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{})
			tx.Statement.BuildClauses = []string{"INSERT", "VALUES"}
			err := tx.Create(map[string]any{"slug": "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "upsert_of_a_map_without_a_model", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("projects").Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(map[string]any{"id": 11, "slug": "n", "name": "x"}).Error
		}, want: errAny},
		{
			name: "several_tables_across_tenants", onlyShared: true,
			run: rows(16, func(e *Env) *gorm.DB {
				return all(e).Model(&Project{}).Table("projects p, users u").Select("p.id")
			}),
		},
	}}
}

// owned is a tenant model by the name of a column that the application chose.
type owned struct {
	ID      uint
	OwnerNo int64
}

// TestColumn makes a model a tenant model by another column than tenant_id.
func TestColumn(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Column("owner_no"))))
		require.NoError(t, db.AutoMigrate(&owned{}))
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), 1)).Create(&owned{}).
			Error)
		var rows []owned
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), 2)).Find(&rows).Error)
		require.Empty(t, rows)
		require.ErrorIs(t, db.Find(&rows).Error, gormtenant.ErrNoTenant)
	})
}

// TestRegister_over_callbacks_that_form_a_cycle fails db.Use, rather than leave a guard out.
func TestRegister_over_callbacks_that_form_a_cycle(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		nothing := func(*gorm.DB) {}
		_ = db.Callback().Query().Before("gorm:query").After("gorm:after_query").
			Register("test:knot", nothing)
		require.ErrorContains(t, db.Use(tenantplugin.New()),
			"registering callback gormtenant:query")
	})
}
