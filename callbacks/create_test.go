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
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM projects WHERE slug = '"+slug+"'"), slug)
	}
}

func TestCreate(t *testing.T) {
	other := func(p Project) Project { p.TenantID = B; return p }
	attacks(t, []attack{
		{"struct", func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			err := e.As().Create(&p).Error
			require.Equal(t, A, p.TenantID)
			created(t, e, "n")
			return err
		}, nil},
		{"slice", func(t *testing.T, e *Env) error {
			err := e.As().Create(&[]Project{{Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}, nil},
		{"slice_of_pointers", func(t *testing.T, e *Env) error {
			err := e.As().Create([]*Project{{Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}, nil},
		{"batches", func(t *testing.T, e *Env) error {
			err := e.As().CreateInBatches([]Project{{Slug: "n"}, {Slug: "m"}, {Slug: "o"}}, 2).Error
			created(t, e, "n", "m", "o")
			return err
		}, nil},
		{"map", func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{"slug": "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"maps", func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(&[]map[string]any{{"slug": "n"}, {"Slug": "m"}}).Error
			created(t, e, "n", "m")
			return err
		}, nil},
		{"map_into_a_table", func(t *testing.T, e *Env) error {
			err := e.As().Table("projects").Create(map[string]any{"slug": "n", "name": "x"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"select_leaves_out_the_column", func(t *testing.T, e *Env) error {
			err := e.As().Select("Slug").Create(&Project{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"omit_leaves_out_the_column", func(t *testing.T, e *Env) error {
			err := e.As().Omit("TenantID", "tenant_id").Create(&Project{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"first_or_create", func(t *testing.T, e *Env) error {
			err := e.As().Where(&Project{Slug: "n"}).FirstOrCreate(&Project{}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"names_its_own_tenant", func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			p.TenantID = A
			return e.As().Create(&p).Error
		}, nil},
		{"names_another_tenant", func(t *testing.T, e *Env) error {
			p := other(Project{Slug: "n"})
			return e.As().Create(&p).Error
		}, gormtenant.ErrOtherTenant},
		{"one_of_a_slice_names_another", func(t *testing.T, e *Env) error {
			return e.As().Create(&[]Project{{Slug: "n"}, other(Project{Slug: "m"})}).Error
		}, gormtenant.ErrOtherTenant},
		{"one_of_a_batch_names_another", func(t *testing.T, e *Env) error {
			return e.As().CreateInBatches([]Project{{Slug: "n"}, other(Project{Slug: "m"})}, 1).Error
		}, gormtenant.ErrOtherTenant},
		{"map_names_another", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "tenant_id": B}).Error
		}, gormtenant.ErrOtherTenant},
		{"map_names_another_by_the_field", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "TenantID": B}).Error
		}, gormtenant.ErrOtherTenant},
		{"map_names_another_in_capitals", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "Tenant_Id": B}).Error
		}, gormtenant.ErrOtherTenant},
		{"map_names_both", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).
				Create(map[string]any{"slug": "n", "tenant_id": A, "TENANT_Id": B}).Error
		}, gormtenant.ErrOtherTenant},
		{"map_names_itself_twice", func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{"slug": "n", "tenant_id": A, "TENANT_Id": A}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"map_names_another_by_an_expression", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).
				Create(map[string]any{"slug": "n", "tenant_id": gorm.Expr("'" + B + "'")}).Error
		}, gormtenant.ErrOtherTenant},
		{"first_or_create_of_another", func(t *testing.T, e *Env) error {
			return e.As().Where(map[string]any{"tenant_id": B, "slug": "n"}).FirstOrCreate(&Project{}).Error
		}, gormtenant.ErrOtherTenant},
		{"the_key_of_another_row", func(t *testing.T, e *Env) error {
			return e.DB.WithContext(e.A).Create(&Project{ID: 11, Slug: "n"}).Error
		}, errAny},
		{"insert_or_replace", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&Project{ID: 11, Slug: "n"}).Error
		}, gormtenant.ErrUnsupported},
		{"into_another_table", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.Insert{Table: clause.Table{Name: "projects"}}).
				Create(&Tag{Label: "n"}).Error
		}, gormtenant.ErrUnsupported},
		{"value_reads_another_table", func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{}).Create(map[string]any{
				"slug": "n", "name": gorm.Expr("(SELECT name FROM projects LIMIT 1)"),
			}).Error
		}, gormtenant.ErrRawSQL},
		{"value_from_a_subquery", func(t *testing.T, e *Env) error {
			err := e.As().Model(&Project{}).Create(map[string]any{
				"slug": "n", "name": gorm.Expr("(?)", e.DB.Model(&Project{}).Select("max(slug)")),
			}).Error
			require.Equal(t, A+"-site", e.Text(t, "SELECT name FROM projects WHERE slug = 'n'"))
			return err
		}, nil},
		{"unscoped_needs_a_tenant", func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Create(&Project{Slug: "n"}).Error
		}, gormtenant.ErrNoTenant},
		{"unscoped_map_needs_a_tenant", func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Model(&Project{}).
				Create([]map[string]any{{"slug": "n", "tenant_id": A}, {"slug": "m"}}).Error
		}, gormtenant.ErrNoTenant},
		{"unscoped_without_the_column", func(t *testing.T, e *Env) error {
			return e.DB.WithContext(gormtenant.Unscoped(e.A, "import")).Model(&Project{}).
				Create(map[string]any{"slug": "n"}).Error
		}, gormtenant.ErrNoTenant},
		{"unscoped_with_a_tenant", func(t *testing.T, e *Env) error {
			p := Project{Slug: "n"}
			p.TenantID = A
			return e.DB.WithContext(gormtenant.Unscoped(context.Background(), "import")).Create(&p).Error
		}, nil},
	})
}
