package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func TestUpsert(t *testing.T) {
	attacks(t, []attack{
		{"save_over_the_key_of_another", func(t *testing.T, e *Env) error {
			return e.As().Save(&Project{ID: 11, Name: "x", Slug: "n"}).Error
		}, gormtenant.ErrOtherTenant},
		{"save_a_slice_over_the_key_of_another", func(t *testing.T, e *Env) error {
			return e.As().Save(&[]Project{{ID: 1, Slug: "n"}, {ID: 11, Slug: "m"}}).Error
		}, gormtenant.ErrOtherTenant},
		{"save_own", func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 1, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"save_own_slice", func(t *testing.T, e *Env) error {
			err := e.As().Save(&[]Project{{ID: 1, Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}, nil},
		{"save_a_new_key", func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 7, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}, nil},
		{"save_a_value_of_another_tenant", func(t *testing.T, e *Env) error {
			p := Project{ID: 11, Slug: "n"}
			p.TenantID = B
			return e.As().Save(&p).Error
		}, gormtenant.ErrOtherTenant},
		{"save_with_select", func(t *testing.T, e *Env) error {
			return e.As().Select("name").Save(&Project{ID: 11, Name: "x"}).Error
		}, nil},
		{"update_all", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{UpdateAll: true}).Create(&Project{ID: 11, Slug: "n"}).Error
		}, gormtenant.ErrOtherTenant},
		{"do_updates", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{ID: 11, Name: "x", Slug: "n"}).Error
		}, gormtenant.ErrOtherTenant},
		{"on_another_unique_column", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{Name: "x", Slug: B + "-site"}).Error
		}, gormtenant.ErrOtherTenant},
		{"with_a_condition_of_its_own", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
				Where: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 0 OR\n1 = 1"}}},
			}).Create(&Project{Name: "x", Slug: B + "-site"}).Error
		}, gormtenant.ErrOtherTenant},
		{"own_row_by_another_unique_column", func(t *testing.T, e *Env) error {
			err := e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{Name: "x", Slug: A + "-site"}).Error
			require.Equal(t, "x", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}, nil},
		{"one_of_many", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&[]Project{{Slug: "n"}, {Slug: A + "-site"}, {Slug: B + "-site"}}).Error
		}, gormtenant.ErrOtherTenant},
		{"do_nothing", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{DoNothing: true}).Create(&Project{ID: 11, Slug: "n"}).Error
		}, gormtenant.ErrOtherTenant},
		{"do_nothing_on_own", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{DoNothing: true}).
				Create(&[]Project{{ID: 1, Slug: "n"}, {ID: 2, Slug: "m"}}).Error
		}, nil},
		{"sets_the_tenant", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(map[string]any{"tenant_id": B}),
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, gormtenant.ErrTenantChange},
		{"sets_the_tenant_to_what_it_is", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"tenant_id"}),
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, nil},
		{"constraint_is_more_than_a_name", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				OnConstraint: "projects_pkey DO UPDATE SET name = 'x' --", DoNothing: true,
			}).Create(&Project{ID: 11, Slug: "n"}).Error
		}, gormtenant.ErrRawSQL},
		{"reads_another_table", func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Set{{Column: clause.Column{Name: "name"}, Value: gorm.Expr("(SELECT max(label) FROM tags)")}},
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, gormtenant.ErrRawSQL},
	})
}

func TestUpsert_on_a_constraint(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		if e.Name != "postgres" {
			return // SQLite has no ON CONFLICT ON CONSTRAINT.
		}
		require.NoError(t, e.Plain.Exec("ALTER TABLE projects ADD CONSTRAINT by_slug UNIQUE (slug)").Error)
		theirs := e.Rows(t, B)
		for constraint, p := range map[string]Project{
			"projects_pkey": {ID: 11, Slug: "n"},
			"by_slug":       {Slug: B + "-site"},
		} {
			err := e.As().Clauses(clause.OnConflict{
				OnConstraint: constraint, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&p).Error
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant, constraint)
		}
		require.NoError(t, e.Plain.Exec("ALTER TABLE projects ADD UNIQUE USING INDEX idx_projects_slug").Error)
		never := clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 0")}}
		for constraint, p := range map[string]Project{
			"projects_pkey": {ID: 1, Slug: "n"}, "idx_projects_slug": {Slug: A + "-site"}, "by_slug": {Slug: A + "-site"},
		} {
			err := e.As().Clauses(clause.OnConflict{
				OnConstraint: constraint, DoUpdates: clause.AssignmentColumns([]string{"name"}), Where: never,
			}).Create(&p).Error
			require.NoError(t, err, constraint)
		}
		require.Equal(t, theirs, e.Rows(t, B))
	})
}
