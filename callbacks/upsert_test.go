package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

func upserts() attackList {
	return attackList{name: "upsert", attacks: []attack{
		{name: "save_over_the_key_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Save(&Project{ID: 11, Name: "x", Slug: "n"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "save_a_slice_over_the_key_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().Save(&[]Project{{ID: 1, Slug: "n"}, {ID: 11, Slug: "m"}}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "save_own", run: func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 1, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "save_own_slice", run: func(t *testing.T, e *Env) error {
			err := e.As().Save(&[]Project{{ID: 1, Slug: "n"}, {Slug: "m"}}).Error
			created(t, e, "n", "m")
			return err
		}},
		{name: "save_a_new_key", run: func(t *testing.T, e *Env) error {
			err := e.As().Save(&Project{ID: 7, Name: "x", Slug: "n"}).Error
			created(t, e, "n")
			return err
		}},
		{name: "save_a_value_of_another_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{ID: 11, Slug: "n"}
			p.TenantID = B
			return e.As().Save(&p).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "save_with_select", run: func(t *testing.T, e *Env) error {
			return e.As().Select("name").Save(&Project{ID: 11, Name: "x"}).Error
		}},
		{name: "update_all", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "do_updates", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{ID: 11, Name: "x", Slug: "n"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "on_another_unique_column", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{Name: "x", Slug: B + "-site"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "with_a_condition_of_its_own", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
				Where: clause.Where{
					Exprs: []clause.Expression{clause.Expr{SQL: "1 = 0 OR\n1 = 1"}},
				},
			}).Create(&Project{Name: "x", Slug: B + "-site"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "own_row_by_another_unique_column", run: func(t *testing.T, e *Env) error {
			err := e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&Project{Name: "x", Slug: A + "-site"}).Error
			require.Equal(t, "x", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}},
		{name: "one_of_many", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&[]Project{{Slug: "n"}, {Slug: A + "-site"}, {Slug: B + "-site"}}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "do_nothing", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{DoNothing: true}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "do_nothing_on_own", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{DoNothing: true}).
				Create(&[]Project{{ID: 1, Slug: "n"}, {ID: 2, Slug: "m"}}).Error
		}},
		{name: "sets_the_tenant", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Assignments(map[string]any{"tenant_id": B}),
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "sets_the_tenant_to_what_it_is", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.AssignmentColumns([]string{"tenant_id"}),
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}},
		{name: "constraint_is_more_than_a_name", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				OnConstraint: "projects_pkey DO UPDATE SET name = 'x' --", DoNothing: true,
			}).Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: gormtenant.ErrUnsupported, mysql: gormtenant.ErrOtherTenant},
		{name: "reads_another_table", run: func(t *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}},
				DoUpdates: clause.Set{{
					Column: clause.Column{Name: "name"},
					Value:  gorm.Expr("(SELECT max(label) FROM tags)"),
				}},
			}).Create(&Project{ID: 1, Slug: "n"}).Error
		}, alone: true},
	}}
}

func TestUpsert_on_a_constraint(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		if e.Name != "postgres" {
			return // SQLite has no ON CONFLICT ON CONSTRAINT.
		}
		require.NoError(t,
			e.Plain.Exec("ALTER TABLE projects ADD CONSTRAINT by_slug UNIQUE (slug)").Error)
		theirs := e.Rows(t, B)
		for _, c := range []struct {
			constraint string
			p          Project
		}{
			{"projects_pkey", Project{ID: 11, Slug: "n"}},
			{"by_slug", Project{Slug: B + "-site"}},
		} {
			err := e.As().Clauses(clause.OnConflict{
				OnConstraint: c.constraint, DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Create(&c.p).Error
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant, c.constraint)
		}
		require.NoError(t,
			e.Plain.Exec("ALTER TABLE projects ADD UNIQUE USING INDEX idx_projects_slug").Error)
		never := clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 0")}}
		for _, c := range []struct {
			constraint string
			p          Project
		}{
			{"projects_pkey", Project{ID: 1, Slug: "n"}},
			{"idx_projects_slug", Project{Slug: A + "-site"}},
			{"by_slug", Project{Slug: A + "-site"}},
		} {
			err := e.As().Clauses(clause.OnConflict{
				OnConstraint: c.constraint, DoUpdates: clause.AssignmentColumns([]string{"name"}),
				Where: never,
			}).Create(&c.p).Error
			require.NoError(t, err, c.constraint)
		}
		require.Equal(t, theirs, e.Rows(t, B))
	})
}
