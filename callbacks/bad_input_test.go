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

type twoTenants struct {
	ID    uint
	OrgID string `gorm:"tenant"`
	Other string `gorm:"tenant"`
}

type tenantWithoutColumn struct {
	ID    uint
	OrgID string `gorm:"tenant;-"`
}

type org struct{ ID uint }

type tenantIsARelation struct {
	ID    uint
	OrgID uint
	Org   org `gorm:"tenant"`
}

func TestInvalidModels(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		for _, c := range []struct {
			name  string
			model any
		}{
			{"two_fields", &twoTenants{}},
			{"no_column", &tenantWithoutColumn{}},
			{"relation", &tenantIsARelation{}},
		} {
			db := open(&gorm.Config{})
			require.ErrorIs(t, db.Use(tenantplugin.New(tenantplugin.Models(c.model))),
				gormtenant.ErrInvalidModel, c.name)
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&Project{}))), c.name)
			tx := db.WithContext(gormtenant.WithTenant(t.Context(), A))
			require.ErrorIs(t, tx.Find(c.model).Error, gormtenant.ErrInvalidModel, c.name)
			require.ErrorIs(t, tx.Table("projects AS p").Find(c.model).Error,
				gormtenant.ErrInvalidModel, c.name)
			require.ErrorIs(t, tx.Create(c.model).Error, gormtenant.ErrInvalidModel, c.name)
			require.ErrorIs(t, tx.Where("1 = 1").Delete(c.model).Error, gormtenant.ErrInvalidModel,
				c.name)
		}
	})
}

func TestOptions_that_make_no_sense(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		for _, test := range []struct {
			name   string
			option tenantplugin.Option
			says   string
		}{
			{"model_that_is_none", tenantplugin.Models("projects"), "string, which is no model"},
			{"model_that_is_nil", tenantplugin.Models(nil), "<nil>, which is no model"},
			{"models_without_pointer", tenantplugin.Models(42), "tenantplugin.Models(&Project{})"},
			{"no_column", tenantplugin.Column(""), "needs a name"},
			{"no_function", tenantplugin.OnUnscoped(nil), "needs a function"},
		} {
			require.ErrorContains(t, open(&gorm.Config{}).Use(tenantplugin.New(test.option)),
				test.says, test.name)
		}
	})
}

func cancelledContexts() attackList {
	return attackList{
		name: "cancelled_context",
		attacks: []attack{{name: "cancelled", run: func(t *testing.T, e *Env) error {
			ctx, cancel := context.WithCancel(e.A)
			cancel()
			tx := e.DB.WithContext(ctx)
			require.ErrorIs(t, tx.Find(&[]Project{}).Error, context.Canceled)
			require.ErrorIs(t, tx.Save(&Project{ID: 11, Slug: "n"}).Error, context.Canceled)
			require.ErrorIs(t, tx.Model(&Project{ID: 11}).Association("Tasks").Append(&Task{ID: 1}),
				context.Canceled)
			return tx.Create(&Project{Slug: "n", Tags: []Tag{{ID: 11}}}).Error
		}, want: context.Canceled}},
	}
}

func TestClosedDatabase(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		pool, err := e.DB.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
		for _, s := range statements {
			if s.name != "first_or_init" { // GORM's own gives its error in another way.
				require.Error(t, s.run(e.As()), s.name)
			}
		}
	})
}

// hostileTables names tables in text that is refused or fails; none reads B's rows and never
// panics.
func hostileTables() attackList {
	var list []attack
	for _, text := range []string{
		"projects --", "projects;", "projects p --", "projects) OR (1=1", `projects" p`,
		"projects AS p WHERE 1=1 --",
		"(projects)", "projects p, projects q", "projects AS p JOIN users AS u ON 1=1",
		"main.projects", "public.projects p",
		"projects AS countries", "[projects]", "`projects`", `"projects" AS "p"`, "PROJECTS",
		"\tprojects\n",
		"projects AS p /* */", "ONLY projects", "LATERAL (SELECT * FROM projects) x",
		"projects TABLESAMPLE BERNOULLI (100)", "(?)",
	} {
		list = append(list, attack{name: text, run: func(t *testing.T, e *Env) error {
			var rows []map[string]any
			_ = e.As().Table(text).Find(&rows).Error
			for _, row := range rows {
				require.NotEqual(t, B, row["tenant_id"])
			}
			_ = e.As().Table(text).Where("1 = 1").Update("name", "x").Error
			_ = e.As().Table(text).Where("1 = 1").Delete(nil).Error
			_ = e.As().Table(text).Create(map[string]any{"name": "n", "slug": "n", "tenant_id": B}).
				Error
			return nil
		}})
	}
	return attackList{name: "table_with_hostile_text", attacks: list}
}

func borrowedTableNames() attackList {
	return attackList{name: "table_under_the_name_of_another", attacks: []attack{
		{name: "read", run: func(t *testing.T, e *Env) error {
			var rows []map[string]any
			err := e.As().Table("countries AS projects").Find(&rows).Error
			require.Len(t, rows, 1)
			return err
		}},
		{name: "create", run: func(t *testing.T, e *Env) error {
			return e.As().Table("countries AS projects").
				Create(map[string]any{"name": "n", "slug": "n", "tenant_id": B}).Error
		}, want: errAny},
	}}
}

// hostileNames are keys and columns that come from outside.
func hostileNames() attackList {
	var list []attack
	for _, name := range []string{
		`name" = 'x' OR "1" = "1`, `name') OR ('1'='1`, "name` = 1 OR `a", `tenant_id" OR "a`,
		`a"."b`, `name"--`, "",
		`projects"."name" = '' OR 1=1 --`,
	} {
		list = append(list, attack{name: "_" + name, run: func(t *testing.T, e *Env) error {
			for _, read := range []func() ([]uint, error){
				func() ([]uint, error) { return find(e.As().Where(map[string]any{name: "x"})) },
				func() ([]uint, error) { return find(e.As().Or(map[string]any{name: nil})) },
				func() ([]uint, error) {
					return find(e.As().Where(clause.Eq{Column: name, Value: 1}))
				},
				func() ([]uint, error) {
					return find(e.As().
						Order(clause.OrderByColumn{Column: clause.Column{Name: name}}))
				},
			} {
				keys, _ := read()
				for _, key := range keys {
					require.Less(t, key, uint(10))
				}
			}
			_ = e.As().Model(&Project{}).Where("id > 0").Updates(map[string]any{name: "x"}).Error
			_ = e.As().Model(&Project{}).Create(map[string]any{name: "x", "slug": "n"}).Error
			return nil
		}})
	}
	return attackList{name: "hostile_names", attacks: list}
}
