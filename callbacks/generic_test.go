package callbacks_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The tests of gorm.G are in the files generic*_test.go and nowhere else: `make floor` leaves them
// out, because the oldest GORM that the library works with has no gorm.G.

func genericLists() []attackList {
	return []attackList{
		genericReads(), genericJoins(), genericCreates(), genericUpdates(),
		genericAssociations(), genericReferences(), genericMaps(),
	}
}

func genericReads() attackList {
	return attackList{name: "generic_read", attacks: []attack{
		{name: "find", run: func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Where("1 = 0").Or("1 = 1").Find(e.A)
			require.Equal(t, []uint{1, 2}, keysOf(rows))
			return err
		}},
		{name: "batches", run: func(t *testing.T, e *Env) error {
			var keys []uint
			err := gorm.G[Project](e.DB).FindInBatches(e.A, 1, func(rows []Project, _ int) error {
				keys = append(keys, keysOf(rows)...)
				return nil
			})
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "first", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("id = ?", 11).First(e.A)
			return err
		}, want: gorm.ErrRecordNotFound},
		{name: "count", run: func(t *testing.T, e *Env) error {
			n, err := gorm.G[Project](e.DB).Or("1 = 1").Count(e.A, "*")
			require.Equal(t, int64(2), n)
			return err
		}},
		{name: "subquery_of_a_classic_query", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where("owner_id IN (?)", gorm.G[User](e.DB).Select("id").Where("name = ?", "bob")))
			require.Equal(t, []uint{2}, keys)
			return err
		}},
		{name: "subquery", run: func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Where("budget > ? AND owner_id IN (?)", 1,
				gorm.G[User](e.DB).Select("id").Where("name = ? OR\nname = ?", "x", "bob")).
				Where("name = ?", "app").Find(e.A)
			require.Equal(t, []uint{2}, keysOf(rows))
			return err
		}},
		{name: "behind_a_subquery", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Country{}).
				Select("(? OR 1 = 1) AS x", gorm.G[Project](e.DB).Select("max(slug)")).
				Find(&[]map[string]any{}).Error
		}, want: gormtenant.ErrRawSQL},
		{name: "subquery_that_changes_the_tenant", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().
				Where("owner_id IN (?)", gorm.G[User](e.DB).Scopes(func(stmt *gorm.Statement) {
					stmt.Context = gormtenant.WithTenant(stmt.Context, B)
				}).Select("id")))
			return err
		}, want: gormtenant.ErrOtherTenant},
		{name: "subquery_of_raw_text", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().
				Where("owner_id IN (?)", gorm.G[User](e.DB).Scopes(func(stmt *gorm.Statement) {
					_, _ = stmt.WriteString("SELECT id FROM users")
				}).Select("id")))
			return err
		}, alone: true},
		{name: "raw", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Raw("SELECT * FROM projects").Find(e.A)
			return err
		}, alone: true},
		{name: "exec", run: func(_ *testing.T, e *Env) error {
			return gorm.G[Country](e.DB).Exec(e.A, "DELETE FROM projects")
		}, alone: true},
		{name: "limit_per_record_without_the_column", run: func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Preload("Tasks", func(db gorm.PreloadBuilder) error {
				db.Select("id", "title", "project_id").LimitPerRecord(1)
				return nil
			}).Where("id = 1").Find(e.A)
			require.Len(t, rows[0].Tasks, 1)
			return err
		}},
	}}
}

func genericJoins() attackList {
	onlyA := func(t *testing.T, rows []Project, err error) error {
		t.Helper()
		for _, p := range rows {
			require.Less(t, p.ID, uint(10))
			require.True(t, p.Owner == nil || p.Owner.TenantID == A, "an owner of B")
		}
		return err
	}
	ofA := func(t *testing.T, rows []Project, err error) error {
		t.Helper()
		require.Len(t, rows, 2, "a left join stays a left join")
		return onlyA(t, rows, err)
	}
	return attackList{name: "generic_joins", attacks: []attack{
		crossed("association", func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Joins(clause.LeftJoin.Association("Owner"), nil).
				Find(e.A)
			return ofA(t, rows, err)
		}),
		crossed("association_with_conditions", func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).
				Joins(clause.LeftJoin.Association("Owner").As("boss"),
					func(db gorm.JoinBuilder, join, cur clause.Table) error {
						db.Where("1 = 0 OR\n1 = 1")
						return nil
					}).Find(e.A)
			return onlyA(t, rows, err)
		}),
		crossed("subquery", func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Joins(
				clause.LeftJoin.AssociationFrom("Owner", gorm.G[User](e.DB).Where("age > ?", 1)).
					As("boss"),
				func(db gorm.JoinBuilder, join, cur clause.Table) error {
					db.Where("? = ?", clause.Column{Table: join.Name, Name: "id"},
						clause.Column{Table: cur.Name, Name: "owner_id"})
					return nil
				}).Find(e.A)
			return ofA(t, rows, err)
		}),
		crossed("subquery_in_on", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().
				Joins("Owner",
					e.DB.Where("1 = 1 AND (?) > 0", gorm.G[User](e.DB).Select("count(*)"))).
				Find(&rows).Error
			return ofA(t, rows, err)
		}),
		crossed("right", func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Joins(clause.RightJoin.Association("Owner"), nil).
				Select(e.Quoted("Owner") + ".tenant_id AS name").Find(e.A)
			require.Len(t, rows, 2, "both users of A: one with a project, one without")
			for _, p := range rows {
				require.Equal(t, A, p.Name)
			}
			return err
		}),
		crossed("limit_per_record", func(t *testing.T, e *Env) error {
			rows, err := gorm.G[Project](e.DB).Preload("Tasks", func(db gorm.PreloadBuilder) error {
				db.Where("title <> ?", "x").Order("id").LimitPerRecord(1)
				return nil
			}).Order("id").Find(e.A)
			require.Len(t, rows, 2)
			require.Len(t, rows[0].Tasks, 1)
			require.Equal(t, A, rows[0].Tasks[0].TenantID)
			return err
		}),
		{name: "text_in_the_kind_of_join", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).
				Joins(clause.JoinType("JOIN users u ON 1 = 1 LEFT").Association("Country"), nil).
				Find(e.A)
			return err
		}, alone: true},
	}}
}

func genericCreates() attackList {
	return attackList{name: "generic_create", attacks: []attack{
		{name: "create", run: func(t *testing.T, e *Env) error {
			err := gorm.G[Project](e.DB).Create(e.A, &Project{Slug: "n"})
			created(t, e, "n")
			return err
		}},
		{name: "select", run: func(t *testing.T, e *Env) error {
			err := gorm.G[Project](e.DB).Select("slug").Create(e.A, &Project{Slug: "n"})
			created(t, e, "n")
			return err
		}},
		{name: "set", run: func(t *testing.T, e *Env) error {
			err := gorm.G[Project](e.DB).
				Set(clause.Assignment{Column: clause.Column{Name: "slug"}, Value: "n"}).Create(e.A)
			created(t, e, "n")
			return err
		}},
		{name: "batches", run: func(t *testing.T, e *Env) error {
			err := gorm.G[Project](e.DB).
				CreateInBatches(e.A, &[]Project{{Slug: "n"}, {Slug: "m"}}, 1)
			created(t, e, "n", "m")
			return err
		}},
		{name: "upsert_on_the_key_of_another", run: func(_ *testing.T, e *Env) error {
			return gorm.G[Project](e.DB, clause.OnConflict{UpdateAll: true}).
				Create(e.A, &Project{ID: 11, Slug: "n"})
		}, want: gormtenant.ErrOtherTenant},
	}}
}

func genericUpdates() attackList {
	return attackList{name: "generic_update", attacks: []attack{
		{name: "update", run: func(t *testing.T, e *Env) error {
			n, err := gorm.G[Project](e.DB).Where("1 = 0").Or("1 = 1").Update(e.A, "name", "x")
			require.Equal(t, 2, n)
			return err
		}},
		{name: "set", run: func(t *testing.T, e *Env) error {
			n, err := gorm.G[Project](e.DB).Or("1 = 1").
				Set(clause.Assignment{Column: clause.Column{Name: "name"}, Value: "x"}).Update(e.A)
			require.Equal(t, 2, n)
			return err
		}},
		{name: "set_the_tenant", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("id = 1").
				Set(clause.Assignment{Column: clause.Column{Name: "tenant_id"}, Value: B}).
				Update(e.A)
			return err
		}, want: gormtenant.ErrTenantChange},
		{name: "struct_of_another_tenant", run: func(_ *testing.T, e *Env) error {
			values := Project{ID: 1}
			values.TenantID = B
			_, err := gorm.G[Project](e.DB).Where("id = 1").Updates(e.A, values)
			return err
		}, want: gormtenant.ErrTenantChange},
		{name: "set_an_expression_that_goes_on", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("id = 1").Set(clause.Assignment{
				Column: clause.Column{Name: "name"}, Value: gorm.Expr("'x', tenant_id = 'zeta'"),
			}).Update(e.A)
			return err
		}, want: gormtenant.ErrTenantChange},
		{name: "delete", run: func(t *testing.T, e *Env) error {
			n, err := gorm.G[Project](e.DB).Or("1 = 1").Delete(e.A)
			require.Equal(t, 2, n)
			return err
		}},
	}}
}

func genericAssociations() attackList {
	return attackList{name: "generic_association", attacks: []attack{
		{name: "unlink", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("1 = 1").Set(clause.Association{
				Association: "Tasks", Type: clause.OpUnlink,
			}).Update(e.A)
			return err
		}},
		{name: "delete_many2many", run: func(t *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("1 = 1").Set(clause.Association{
				Association: "Tags", Type: clause.OpDelete,
			}).Update(e.A)
			require.Equal(t, "0",
				e.Text(t, "SELECT count(*) FROM project_tags WHERE project_id < 10"))
			return err
		}},
		{name: "update_many2many", run: func(t *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("1 = 1").Set(clause.Association{
				Association: "Tags", Type: clause.OpUpdate,
				Set: []clause.Assignment{{Column: clause.Column{Name: "label"}, Value: "x"}},
			}).Update(e.A)
			require.Equal(t, "1", e.Text(t, "SELECT count(*) FROM tags WHERE label = 'x'"))
			return err
		}},
		{name: "create", run: func(t *testing.T, e *Env) error {
			_, err := gorm.G[Project](e.DB).Where("id IN ?", []int{1, 11}).Set(clause.Association{
				Association: "Tasks", Type: clause.OpCreate,
				Set: []clause.Assignment{{Column: clause.Column{Name: "title"}, Value: "n"}},
			}).Update(e.A)
			require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tasks WHERE title = 'n'"))
			return err
		}},
	}}
}

func genericReferences() attackList {
	return attackList{
		name: "generic_with_check_references",
		attacks: []attack{{name: "set", run: func(_ *testing.T, e *Env) error {
			_, err := gorm.G[Task](e.DB).Where("id = 1").
				Set(clause.Assignment{Column: clause.Column{Name: "project_id"}, Value: 11}).
				Update(e.A)
			return err
		}, want: gormtenant.ErrOtherTenant}},
		options: []tenantplugin.Option{tenantplugin.CheckReferences()},
	}
}

// genericMaps is here because GORM before 1.31 does nothing with a map.
func genericMaps() attackList {
	return attackList{
		name: "generic_append_map",
		attacks: []attack{{name: "in_capitals", run: func(_ *testing.T, e *Env) error {
			if e.Name != "sqlite" {
				return errAny
			}
			return e.As().Model(&Project{ID: 1}).Association("Tasks").
				Append(map[string]any{"PROJECT_ID": 11, "title": "n"})
		}, want: errAny}},
	}
}

func TestGeneric_without_a_tenant(t *testing.T) {
	withoutTenant(t, []statement{
		{"find", func(db *gorm.DB) error {
			_, err := gorm.G[Project](db).Find(db.Statement.Context)
			return err
		}},
		{"first", func(db *gorm.DB) error {
			_, err := gorm.G[Project](db).First(db.Statement.Context)
			return err
		}},
		{"count", func(db *gorm.DB) error {
			_, err := gorm.G[Project](db).Count(db.Statement.Context, "*")
			return err
		}},
		{"create", func(db *gorm.DB) error {
			return gorm.G[Project](db).Create(db.Statement.Context, &Project{Slug: "n"})
		}},
		{"update", func(db *gorm.DB) error {
			_, err := gorm.G[Project](db).Where("id = 1").Update(db.Statement.Context, "name", "x")
			return err
		}},
		{"delete", func(db *gorm.DB) error {
			_, err := gorm.G[Project](db).Where("id = 1").Delete(db.Statement.Context)
			return err
		}},
		{"row", func(db *gorm.DB) error {
			return gorm.G[Project](db).Row(db.Statement.Context).Scan(new(uint))
		}},
	})
}

func TestGeneric_across_tenants_is_reported(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		var events []tenantplugin.UnscopedEvent
		audit := tenantplugin.OnUnscoped(func(_ context.Context, event tenantplugin.UnscopedEvent) {
			events = append(events, event)
		})
		e := NewEnv(t, open, &gorm.Config{}, audit)
		_, err := gorm.G[Project](e.DB).Find(gormtenant.Unscoped(t.Context(), "audit"))
		require.NoError(t, err)
		require.Equal(t, event("query", "projects"), events)
	})
}

func TestGeneric_without_the_plugin(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(Models()...))
		ctx := gormtenant.WithTenant(context.Background(), A)
		require.ErrorIs(t, gorm.G[Project](db).Create(ctx, &Project{Slug: "n"}),
			gormtenant.ErrNotRegistered)
	})
}

// TestGeneric_subquery_of_a_builder_that_wraps is written to what is no statement.
func TestGeneric_subquery_of_a_builder_that_wraps(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		e := NewEnv(t, func(config *gorm.Config) *gorm.DB {
			db := open(config)
			db.ClauseBuilders["WHERE"] = wrapping(nil)
			return db
		}, &gorm.Config{})
		exists, ok := gorm.G[Project](e.DB).Select("1").(clause.Expression)
		require.True(t, ok)
		err := e.As().Clauses(clause.Where{Exprs: []clause.Expression{exists}}).Find(&[]Country{}).
			Error
		require.Error(t, err)
	})
}
