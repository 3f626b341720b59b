package callbacks_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The facts about GORM that a naive plugin gets wrong, each with the attack that it opens.

func TestFact01_raw_conditions_are_not_always_in_parentheses(t *testing.T) {
	var list []attack
	for _, condition := range []string{
		"1 = 0 OR\n1 = 1", "1 = 0\tOR 1 = 1", "1 = 0 OR/**/1 = 1", "1 = 0 oR\r\n1 = 1", "1=0\nor\n1=1",
	} {
		list = append(list, attack{condition, func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where(condition))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}, nil})
	}
	attacks(t, list)
}

func TestFact02_save_writes_every_column_and_then_upserts(t *testing.T) {
	attacks(t, []attack{
		{"the_key_of_another", func(t *testing.T, e *Env) error {
			return e.As().Save(&Project{ID: 11, Name: "mine now", Slug: "n"}).Error
		}, gormtenant.ErrOtherTenant},
		{"own_row_keeps_its_tenant", func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 1, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
	})
}

func TestFact03_guarded_association_saves_change_nothing_in_silence(t *testing.T) {
	attacks(t, []attack{{"append", func(t *testing.T, e *Env) error {
		return e.As().Model(&Project{ID: 1}).Association("Tasks").Append(&Task{ID: 11})
	}, gormtenant.ErrOtherTenant}})
}

func TestFact04_select_leaves_the_tenant_out_of_an_insert(t *testing.T) {
	attacks(t, []attack{{"select", func(t *testing.T, e *Env) error {
		err := e.As().Select("Slug").Create(&Project{Slug: "n"}).Error
		created(t, e, "n")
		return err
	}, nil}})
}

func TestFact05_join_rows_are_deleted_by_the_key_of_their_owner_alone(t *testing.T) {
	attacks(t, []attack{
		{"clear", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tags").Clear()
		}, nil},
		{"delete_with_associations", func(t *testing.T, e *Env) error {
			return e.As().Select("Tags").Delete(&Project{ID: 11}).Error
		}, nil},
	})
}

func TestFact06_the_error_of_a_subquery_is_dropped(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		err := e.DB.Where("code NOT IN (?)", e.DB.Model(&Project{}).Select("country_code")).Find(&[]Country{}).Error
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	})
}

func TestFact07_settings_do_not_reach_every_nested_statement(t *testing.T) {
	attacks(t, []attack{{"nested_creates_have_the_tenant", func(t *testing.T, e *Env) error {
		err := e.As().Create(&Project{Slug: "n", Tags: []Tag{{Label: "n"}}, Tasks: []Task{{Title: "n"}}}).Error
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tags WHERE label = 'n'"))
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tasks WHERE title = 'n'"))
		return err
	}, nil}})
}

func TestFact08_a_derived_table_goes_by_the_name_of_the_inner_one(t *testing.T) {
	attacks(t, []attack{
		{"table", func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Table("(?) AS projects", e.DB.Model(&Project{}).Select("id")))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}, nil},
	})
}

func TestFact09_association_joins_are_built_without_callbacks(t *testing.T) {
	attacks(t, []attack{crossed("nested", func(t *testing.T, e *Env) error {
		var rows []Task
		err := e.As().Joins("Project.Owner", e.DB.Where("1 = 0 OR\n1 = 1")).Find(&rows).Error
		for _, row := range rows {
			require.True(t, row.Project == nil || row.Project.TenantID == A)
			require.True(t, row.Project == nil || row.Project.Owner == nil || row.Project.Owner.TenantID == A)
		}
		return err
	})})
}

func TestFact10_updates_read_further_tables_through_from(t *testing.T) {
	attacks(t, []attack{{"update_from", func(t *testing.T, e *Env) error {
		tx := e.As().Model(&Project{}).Clauses(clause.From{Tables: []clause.Table{{Name: "users"}}}).
			Where("users.id = 11").Update("name", gorm.Expr("users.tenant_id"))
		require.Zero(t, tx.RowsAffected)
		return tx.Error
	}, nil}})
}

func TestFact11_a_second_error_destroys_the_first(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		mine := errors.New("mine")
		db := e.DB.Session(&gorm.Session{})
		_ = db.AddError(mine)
		for _, err := range []error{
			db.Find(&[]Project{}).Error, db.Create(&Project{}).Error, db.Delete(&Project{ID: 1}).Error,
			db.Model(&Project{ID: 1}).Update("name", "x").Error, db.Exec("DELETE FROM projects").Error,
		} {
			require.Equal(t, mine, err)
		}
		err := e.DB.Preload("Tasks").Joins("Owner").Find(&[]Project{}).Error
		require.Equal(t, 1, strings.Count(err.Error(), "no tenant in the context"))
	})
}

func TestFact12_what_is_no_struct_gets_gorms_own_error(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.ErrorIs(t, e.As().Create([]*Project{{Slug: "n"}, nil}).Error, gorm.ErrInvalidData)
		require.Error(t, e.As().Create([]int{1}).Error)
		require.ErrorIs(t, e.As().Create((*Project)(nil)).Error, gorm.ErrInvalidValue)
		require.ErrorIs(t, e.As().Find((*Project)(nil)).Error, gorm.ErrInvalidValue)
		require.Error(t, e.As().Create(nil).Error)
		require.ErrorIs(t, e.As().Create(&[]Project{}).Error, gorm.ErrEmptySlice)
		require.Error(t, e.As().Save((*Project)(nil)).Error)
		require.Error(t, e.As().Updates(nil).Error)
	})
}

func TestFact13_the_migrator_reads_and_copies_tables(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		mine, theirs := e.Rows(t, A), e.Rows(t, B)
		types, err := e.DB.Migrator().ColumnTypes(&Project{})
		require.NoError(t, err)
		require.NotEmpty(t, types)
		require.NoError(t, e.DB.Migrator().AlterColumn(&Project{}, "Name"))
		require.NoError(t, e.DB.AutoMigrate(Models()...))
		require.Equal(t, mine, e.Rows(t, A))
		require.Equal(t, theirs, e.Rows(t, B))
	})
}

func TestFact14_columns_in_maps_are_matched_with_exact_case(t *testing.T) {
	attacks(t, []attack{
		{"update", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Updates(map[string]any{"Tenant_ID": B}).Error
		}, gormtenant.ErrTenantChange},
		{"create", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "Tenant_ID": B}).Error
		}, gormtenant.ErrOtherTenant},
	})
}

func TestFact15_the_tenant_column_never_appears_in_set(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		own := Project{ID: 1, Slug: "n"}
		own.TenantID = A
		for name, statement := range map[string]func(tx *gorm.DB) *gorm.DB{
			"save":   func(tx *gorm.DB) *gorm.DB { return tx.Save(&own) },
			"update": func(tx *gorm.DB) *gorm.DB { return tx.Model(&own).Update("tenant_id", A) },
			"upsert": func(tx *gorm.DB) *gorm.DB {
				return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Project{own})
			},
		} {
			text := e.DB.ToSQL(func(tx *gorm.DB) *gorm.DB { return statement(tx.WithContext(e.A)) })
			_, set, found := strings.Cut(text, " SET ")
			require.True(t, found, name)
			set, where, found := strings.Cut(set, " WHERE ")
			require.True(t, found, name)
			require.NotContains(t, set, "tenant_id", name)
			require.Contains(t, strings.NewReplacer("`", "", `"`, "").Replace(where), "projects.tenant_id = ", name)
		}
	})
}

func TestFact16_statements_are_used_again(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for name, q := range map[string]*gorm.DB{
			"conditions":    e.As().Model(&Project{}).Where("budget > ?", 1),
			"no_conditions": e.As().Model(&Project{}),
			"joins":         e.As().Model(&Project{}).Joins("Owner"),
			"subquery":      e.As().Model(&Project{}).Where("owner_id IN (?)", e.DB.Model(&User{}).Select("id")),
			"derived":       e.As().Table("(?) AS projects", e.DB.Model(&Project{})),
		} {
			var n int64
			clauses := len(q.Statement.Clauses)
			for range 3 {
				require.NoError(t, q.Count(&n).Error, name)
				require.Equal(t, int64(2), n, name)
			}
			require.LessOrEqual(t, len(q.Statement.Clauses), clauses+1, name)
			first := q.Session(&gorm.Session{DryRun: true}).Find(&[]Project{}).Statement.SQL.String()
			second := q.Session(&gorm.Session{DryRun: true}).Find(&[]Project{}).Statement.SQL.String()
			require.Equal(t, first, second, name)
			var rows []Project
			require.NoError(t, q.Find(&rows).Error, name)
			require.Len(t, rows, 2, name)
			require.NoError(t, e.As().Where(q.Session(&gorm.Session{})).Find(&rows).Error, name)
		}
	})
}

func TestFact17_tenants_are_compared_by_what_is_written(t *testing.T) {
	t.Run("text_and_uuid", func(t *testing.T) { testID[doc[string]](t, uuidA, uuidB.String()) })
}

func TestFact18_an_upsert_without_a_condition_is_refused(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		// As MySQL's dialect does: it writes its own clause, and leaves Where out.
		db.ClauseBuilders["ON CONFLICT"] = func(c clause.Clause, b clause.Builder) {
			conflict, _ := c.Expression.(clause.OnConflict)
			conflict.Where = clause.Where{}
			c.Expression = conflict
			c.Build(b)
		}
		require.NoError(t, db.AutoMigrate(Models()...))
		require.NoError(t, db.Use(tenantplugin.New()))
		tx := db.WithContext(gormtenant.WithTenant(context.Background(), A))
		require.NoError(t, tx.Create(&Project{ID: 1, Slug: "a"}).Error)
		for _, err := range []error{
			tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Project{ID: 1, Slug: "b"}).Error,
			tx.Save(&[]Project{{ID: 1, Slug: "b"}}).Error,
		} {
			require.ErrorIs(t, err, gormtenant.ErrUnsupported)
			require.ErrorContains(t, err, "upsert takes no condition")
		}
		require.NoError(t, tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Project{ID: 1, Slug: "b"}).Error)
	})
}

func TestFact19_build_clauses_may_lack_where(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for name, run := range map[string]func(tx *gorm.DB, clauses ...string) error{
			"query": func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"SELECT", "FROM"}, clauses...)
				return tx.Find(&[]Project{}).Error
			},
			"update": func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"UPDATE", "SET"}, clauses...)
				return tx.Model(&Project{}).Where("1 = 1").Update("name", "x").Error
			},
			"delete": func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"DELETE", "FROM"}, clauses...)
				return tx.Where("1 = 1").Delete(&Project{}).Error
			},
		} {
			theirs := e.Rows(t, B)
			require.ErrorIs(t, run(e.As().Session(&gorm.Session{Initialized: true})), gormtenant.ErrUnsupported, name)
			require.NoError(t, run(e.As().Session(&gorm.Session{Initialized: true}), "WHERE"), name)
			require.Equal(t, theirs, e.Rows(t, B))
		}
	})
}

func TestFact20_a_missing_plugin_is_noticed(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(Models()...))
		ctx := gormtenant.WithTenant(context.Background(), A)
		for name, err := range map[string]error{
			"find":    db.Find(&[]Project{}).Error,
			"count":   db.Model(&Project{}).Count(new(int64)).Error,
			"rows":    rowsOf(db.Model(&Project{})),
			"create":  db.WithContext(ctx).Create(&Project{Slug: "n"}).Error,
			"update":  db.WithContext(ctx).Model(&Project{ID: 1}).Update("name", "x").Error,
			"save":    db.WithContext(ctx).Save(&Project{ID: 1}).Error,
			"delete":  db.WithContext(ctx).Delete(&Project{ID: 1}).Error,
			"softly":  db.WithContext(ctx).Delete(&Note{ID: 1}).Error,
			"preload": db.Preload("Tasks").Find(&[]Project{}).Error,
		} {
			require.ErrorIs(t, err, gormtenant.ErrNotRegistered, name)
			require.ErrorContains(t, err, "db.Use(tenantplugin.New())", name)
		}
		require.NoError(t, db.Find(&[]Country{}).Error)
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.WithContext(ctx).Find(&[]Project{}).Error)
	})
}
