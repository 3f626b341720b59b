package callbacks_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// created checks that the project with that slug is A's.
func created(t *testing.T, e *Env, slugs ...string) {
	t.Helper()
	for _, slug := range slugs {
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM projects WHERE slug = '"+slug+"'"),
			slug)
	}
}

func creates() attackList {
	other := func(p Project) Project { p.TenantID = B; return p }
	return attackList{name: "create", attacks: []attack{
		{name: "struct", run: func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			err := e.As().Create(&p).Error
			require.Equal(t, A, p.TenantID)
			created(t, e, "n")
			return err
		}},
		{name: "slice", run: func(t *testing.T, e *Env) error {
			err := e.As().Create(&[]Project{{Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}},
		{name: "slice_of_pointers", run: func(t *testing.T, e *Env) error {
			err := e.As().Create([]*Project{{Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}},
		{name: "batches", run: func(t *testing.T, e *Env) error {
			err := e.As().CreateInBatches([]Project{{Slug: "n"}, {Slug: "m"}, {Slug: "o"}}, 2).Error
			created(t, e, "n", "m", "o")
			return err
		}},
		{name: "map", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{"slug": "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "maps", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(&[]map[string]any{{"slug": "n"}, {"Slug": "m"}}).
				Error
			created(t, e, "n", "m")
			return err
		}},
		{name: "map_into_a_table", run: func(t *testing.T, e *Env) error {
			err := e.As().Table("projects").Create(map[string]any{"slug": "n", "name": "x"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "select_leaves_out_the_column", run: func(t *testing.T, e *Env) error {
			err := e.As().Select("Slug").Create(&Project{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "omit_leaves_out_the_column", run: func(t *testing.T, e *Env) error {
			err := e.As().Omit("TenantID", "tenant_id").Create(&Project{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "first_or_create", run: func(t *testing.T, e *Env) error {
			err := e.As().Where(&Project{Slug: "n"}).FirstOrCreate(&Project{}).Error
			created(t, e, "n")
			return err
		}},
		{name: "names_its_own_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			p.TenantID = A
			return e.As().Create(&p).Error
		}},
		{name: "names_another_tenant", run: func(t *testing.T, e *Env) error {
			p := other(Project{Slug: "n"})
			return e.As().Create(&p).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "one_of_a_slice_names_another", run: func(t *testing.T, e *Env) error {
			return e.As().Create(&[]Project{{Slug: "n"}, other(Project{Slug: "m"})}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "one_of_a_batch_names_another", run: func(t *testing.T, e *Env) error {
			return e.As().CreateInBatches([]Project{{Slug: "n"}, other(Project{Slug: "m"})}, 1).
				Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_names_another", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "tenant_id": B}).
				Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_names_another_by_the_field", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "TenantID": B}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_names_another_in_capitals", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "Tenant_Id": B}).
				Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_names_both", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).
				Create(map[string]any{"slug": "n", "tenant_id": A, "TENANT_Id": B}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_names_itself_twice", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).
				Create(map[string]any{"slug": "n", "tenant_id": A, "TENANT_Id": A}).Error
			created(t, e, "n")
			return err
		}},
		{name: "map_names_another_by_an_expression", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).
				Create(map[string]any{"slug": "n", "tenant_id": gorm.Expr("'" + B + "'")}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "first_or_create_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Where(map[string]any{"tenant_id": B, "slug": "n"}).
				FirstOrCreate(&Project{}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "the_key_of_another_row", run: func(t *testing.T, e *Env) error {
			return e.DB.WithContext(e.A).Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: errAny},
		{name: "insert_or_replace", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Insert{Modifier: "OR REPLACE"}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: errRefused},
		{name: "into_another_table", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Insert{Table: clause.Table{Name: "projects"}}).
				Create(&Tag{Label: "n"}).Error
		}, want: gormtenant.ErrUnsupported},
		{name: "value_reads_another_table", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{
				"slug": "n", "name": gorm.Expr("(SELECT name FROM projects LIMIT 1)"),
			}).Error
		}, alone: true},
		{name: "value_from_a_subquery", run: func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{
				"slug": "n", "name": gorm.Expr("(?)", e.DB.Model(&Project{}).Select("max(slug)")),
			}).Error
			require.Equal(t, A+"-site", e.Text(t, "SELECT name FROM projects WHERE slug = 'n'"))
			return err
		}},
		{name: "unscoped_needs_a_tenant", run: func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Create(&Project{Slug: "n"}).
				Error
		}, want: gormtenant.ErrNoTenant},
		{name: "unscoped_map_needs_a_tenant", run: func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Model(&Project{}).
				Create([]map[string]any{{"slug": "n", "tenant_id": A}, {"slug": "m"}}).Error
		}, want: gormtenant.ErrNoTenant},
		{name: "unscoped_without_the_column", run: func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Model(&Project{}).
				Create(map[string]any{"slug": "n"}).Error
		}, want: gormtenant.ErrNoTenant},
		{name: "unscoped_with_a_tenant", onlyShared: true, run: func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			p.TenantID = A
			return e.DB.WithContext(gormtenant.Unscoped(context.Background(), "import")).Create(&p).
				Error
		}},
	}}
}
