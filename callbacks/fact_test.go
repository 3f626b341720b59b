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

func orConditions() attackList {
	var list []attack
	for _, condition := range []string{
		"1 = 0 OR\n1 = 1", "1 = 0\tOR 1 = 1", "1 = 0 OR/**/1 = 1", "1 = 0 oR\r\n1 = 1",
		"1=0\nor\n1=1",
	} {
		list = append(list, attack{name: condition, run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where(condition))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}})
	}
	return attackList{name: "raw_conditions_with_their_own_or", attacks: list}
}

func saves() attackList {
	return attackList{name: "save_writes_every_column_and_then_upserts", attacks: []attack{
		{name: "the_key_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Save(&Project{ID: 11, Name: "mine now", Slug: "n"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "own_row_keeps_its_tenant", run: func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 1, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}},
	}}
}

func stolenAssociations() attackList {
	return attackList{
		name: "association_append_of_a_row_of_another_is_an_error",
		attacks: []attack{{name: "append", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Association("Tasks").Append(&Task{ID: 11})
		}, want: gormtenant.ErrOtherTenant}},
	}
}

func selectedColumns() attackList {
	return attackList{
		name: "create_with_select_keeps_the_tenant",
		attacks: []attack{{name: "select", run: func(t *testing.T, e *Env) error {
			err := e.As().Select("Slug").Create(&Project{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}}},
	}
}

func deletedJoinRows() attackList {
	return attackList{name: "join_rows_of_another_are_not_deleted", attacks: []attack{
		{name: "clear", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tags").Clear()
		}},
		{name: "delete_with_associations", run: func(t *testing.T, e *Env) error {
			return e.As().Select("Tags").Delete(&Project{ID: 11}).Error
		}},
	}}
}

func TestSubquery_error_is_the_error_of_the_statement(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		err := e.DB.Where("code NOT IN (?)", e.DB.Model(&Project{}).Select("country_code")).
			Find(&[]Country{}).Error
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	})
}

func nestedCreates() attackList {
	return attackList{
		name: "nested_creates_have_the_tenant",
		attacks: []attack{{
			name: "nested_creates_have_the_tenant",
			run: func(t *testing.T, e *Env) error {
				err := e.As().
					Create(&Project{
						Slug: "n", Tags: []Tag{{Label: "n"}},
						Tasks: []Task{{Title: "n"}},
					}).Error
				require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tags WHERE label = 'n'"))
				require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tasks WHERE title = 'n'"))
				return err
			},
		}},
	}
}

func derivedTables() attackList {
	return attackList{name: "derived_table_under_the_name_of_its_table", attacks: []attack{
		{name: "table", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Table("(?) AS projects", e.DB.Model(&Project{}).Select("id")))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
	}}
}

func nestedJoins() attackList {
	return attackList{
		name: "nested_joins_are_scoped_at_every_step",
		attacks: []attack{crossed("nested", func(t *testing.T, e *Env) error {
			var rows []Task
			err := e.As().Joins("Project.Owner", e.DB.Where("1 = 0 OR\n1 = 1")).Find(&rows).Error
			for _, row := range rows {
				require.True(t, row.Project == nil || row.Project.TenantID == A)
				require.True(t, row.Project == nil || row.Project.Owner == nil ||
					row.Project.Owner.TenantID == A)
			}
			return err
		})},
	}
}

func updatesFrom() attackList {
	return attackList{
		name: "update_from_another_table",
		attacks: []attack{{name: "update_from", run: func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{}).
				Clauses(clause.From{Tables: []clause.Table{{Name: "users"}}}).
				Where("users.id = 11").Update("name", gorm.Expr("users.tenant_id"))
			require.Zero(t, tx.RowsAffected)
			return tx.Error
		}, notMySQL: "has no UPDATE ... FROM"}},
	}
}

func TestFirstError_is_kept(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		mine := errors.New("mine")
		db := e.DB.Session(&gorm.Session{})
		_ = db.AddError(mine)
		for _, err := range []error{
			db.Find(&[]Project{}).Error, db.Create(&Project{}).Error, db.Delete(&Project{ID: 1}).
				Error,
			db.Model(&Project{ID: 1}).Update("name", "x").Error, db.Exec("DELETE FROM projects").
				Error,
		} {
			require.Equal(t, mine, err)
		}
		err := e.DB.Preload("Tasks").Joins("Owner").Find(&[]Project{}).Error
		require.Equal(t, 1, strings.Count(err.Error(), "no tenant in the context"))
	})
}

func TestValues_that_are_no_structs_get_the_error_of_GORM(t *testing.T) {
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

func TestMigrator_reads_and_copies_tables(t *testing.T) {
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

func columnsInAnotherCase() attackList {
	return attackList{name: "tenant_column_in_another_case", attacks: []attack{
		{name: "update", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Updates(map[string]any{"Tenant_ID": B}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "create", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "Tenant_ID": B}).
				Error
		}, want: gormtenant.ErrOtherTenant},
	}}
}

func TestTenantColumn_is_never_in_SET(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		own := Project{ID: 1, Slug: "n"}
		own.TenantID = A
		for _, c := range []struct {
			name      string
			statement func(tx *gorm.DB) *gorm.DB
		}{
			{"save", func(tx *gorm.DB) *gorm.DB { return tx.Save(&own) }},
			{"update", func(tx *gorm.DB) *gorm.DB { return tx.Model(&own).Update("tenant_id", A) }},
			{"upsert", func(tx *gorm.DB) *gorm.DB {
				return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Project{own})
			}},
		} {
			text := e.DB.ToSQL(func(tx *gorm.DB) *gorm.DB {
				return c.statement(tx.WithContext(e.A))
			})
			_, set, found := strings.Cut(text, " SET ")
			require.True(t, found, c.name)
			set, where, found := strings.Cut(set, " WHERE ")
			require.True(t, found, c.name)
			require.NotContains(t, set, "tenant_id", c.name)
			require.Contains(t, strings.NewReplacer("`", "", `"`, "").Replace(where),
				"projects.tenant_id = ", c.name)
		}
	})
}

func TestStatement_used_again(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, c := range []struct {
			name string
			q    *gorm.DB
		}{
			{"conditions", e.As().Model(&Project{}).Where("budget > ?", 1)},
			{"no_conditions", e.As().Model(&Project{})},
			{"joins", e.As().Model(&Project{}).Joins("Owner")},
			{"subquery", e.As().Model(&Project{}).
				Where("owner_id IN (?)", e.DB.Model(&User{}).Select("id"))},
			{"derived", e.As().Table("(?) AS projects", e.DB.Model(&Project{}))},
		} {
			var n int64
			clauses := len(c.q.Statement.Clauses)
			for range 3 {
				require.NoError(t, c.q.Count(&n).Error, c.name)
				require.Equal(t, int64(2), n, c.name)
			}
			require.LessOrEqual(t, len(c.q.Statement.Clauses), clauses+1, c.name)
			first := c.q.Session(&gorm.Session{DryRun: true}).Find(&[]Project{}).
				Statement.SQL.String()
			second := c.q.Session(&gorm.Session{DryRun: true}).Find(&[]Project{}).
				Statement.SQL.String()
			require.Equal(t, first, second, c.name)
			var rows []Project
			require.NoError(t, c.q.Find(&rows).Error, c.name)
			require.Len(t, rows, 2, c.name)
			require.NoError(t, e.As().Where(c.q.Session(&gorm.Session{})).Find(&rows).Error, c.name)
		}
	})
}

func TestID_of_text_and_UUID(t *testing.T) {
	t.Run("text_and_uuid", func(t *testing.T) { testID[doc[string]](t, uuidA, uuidB.String()) })
}

func TestUpsert_on_a_dialect_without_a_condition(t *testing.T) {
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
		require.NoError(t, tx.Clauses(clause.OnConflict{DoNothing: true}).
			Create(&Project{ID: 1, Slug: "b"}).Error)
	})
}

func TestBuildClauses_without_WHERE(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, c := range []struct {
			name string
			run  func(tx *gorm.DB, clauses ...string) error
		}{
			{"query", func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"SELECT", "FROM"}, clauses...)
				var rows []Project
				err := tx.Find(&rows).Error
				require.NotEmpty(t, rows)
				for i := range rows {
					require.Equal(t, A, rows[i].TenantID)
				}
				return err
			}},
			{"update", func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"UPDATE", "SET"}, clauses...)
				return tx.Model(&Project{}).Where("1 = 1").Update("name", "x").Error
			}},
			{"delete", func(tx *gorm.DB, clauses ...string) error {
				tx.Statement.BuildClauses = append([]string{"DELETE", "FROM"}, clauses...)
				return tx.Where("1 = 1").Delete(&Project{}).Error
			}},
		} {
			theirs := e.Rows(t, B)
			require.NoError(t, c.run(e.As().Session(&gorm.Session{Initialized: true})), c.name)
			require.NoError(t, c.run(e.As().Session(&gorm.Session{Initialized: true}), "WHERE"),
				c.name)
			require.Equal(t, theirs, e.Rows(t, B))
		}
	})
}

func TestMissingPlugin_is_noticed(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(Models()...))
		ctx := gormtenant.WithTenant(context.Background(), A)
		for _, c := range []struct {
			name string
			err  error
		}{
			{"find", db.Find(&[]Project{}).Error},
			{"count", db.Model(&Project{}).Count(new(int64)).Error},
			{"rows", rowsOf(db.Model(&Project{}))},
			{"create", db.WithContext(ctx).Create(&Project{Slug: "n"}).Error},
			{"update", db.WithContext(ctx).Model(&Project{ID: 1}).Update("name", "x").Error},
			{"save", db.WithContext(ctx).Save(&Project{ID: 1}).Error},
			{"delete", db.WithContext(ctx).Delete(&Project{ID: 1}).Error},
			{"softly", db.WithContext(ctx).Delete(&Note{ID: 1}).Error},
			{"preload", db.Preload("Tasks").Find(&[]Project{}).Error},
		} {
			require.ErrorIs(t, c.err, gormtenant.ErrNotRegistered, c.name)
			require.ErrorContains(t, c.err, "db.Use(tenantplugin.New())", c.name)
		}
		require.NoError(t, db.Find(&[]Country{}).Error)
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.WithContext(ctx).Find(&[]Project{}).Error)
	})
}
