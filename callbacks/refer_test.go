package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// joinRowsByHand writes the keys of join tables, which are checked in any case.
func joinRowsByHand() attackList {
	insert := func(table string, row map[string]any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error { return e.As().Table(table).Create(row).Error }
	}
	update := func(column string, value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update(column, value).Error
		}
	}
	return attackList{name: "join_row_by_hand", attacks: []attack{
		{
			name: "first_key_of_another",
			run:  insert("user_friends", map[string]any{"user_id": 11, "friend_id": 2}),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "second_key_of_another",
			run:  insert("user_friends", map[string]any{"user_id": 2, "friend_id": 11}),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "pointer_to_the_key_of_another",
			run:  insert("user_friends", map[string]any{"user_id": 2, "friend_id": ptr(11)}),
			want: gormtenant.ErrOtherTenant,
		},
		{name: "twice_in_two_spellings", run: insert("project_tags", map[string]any{
			"project_id": 1, "tag_id": 1, "TAG_ID": 11,
		}), want: gormtenant.ErrUnsupported},
		{name: "one_of_many_rows", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Create([]map[string]any{
				{"project_id": 1, "tag_id": 2}, {"project_id": 2, "tag_id": 11},
			}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "pointer_to_rows", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").
				Create(&[]map[string]any{{"project_id": 2, "tag_id": 11}}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "pointer_to_a_row", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").
				Create(&map[string]any{"project_id": 2, "tag_id": 11}).Error
		}, want: gormtenant.ErrOtherTenant},
		{
			name: "update_of_the_first_key", run: update("project_id", 11),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "update_of_the_second_key", run: update("tag_id", 11),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "update_to_an_expression", run: update("tag_id", gorm.Expr("10 + 1")),
			want: gormtenant.ErrUnsupported,
		},
		{name: "update_to_a_query", run: func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").
				Update("tag_id", e.As().Model(&Tag{}).Select("max(id)")).Error
		}, want: gormtenant.ErrUnsupported},
		{name: "update_to_own", run: update("tag_id", 2)},
		{name: "map_with_the_key_of_no_row", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "project_id": 999}).
				Error
		}},
		{name: "map_with_the_key_of_another", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "project_id": 11}).
				Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "map_by_the_name_of_the_field", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"Title": "x", "ProjectID": 11}).Error
		}, want: gormtenant.ErrOtherTenant},
	}}
}

// assignedReferences writes plain keys in ways that cannot be checked.
func assignedReferences() attackList {
	set := func(model func() any, values map[string]any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Model(model()).Updates(values).Error
		}
	}
	upsert := func(value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Set{{Column: clause.Column{Name: "project_id"}, Value: value}},
			}).Create(&Task{ID: 1, Title: "x", ProjectID: ptr(uint(2))}).Error
		}
	}
	task := func() any { return &Task{ID: 1} } // GORM writes into it
	note := func() any { return &Note{ID: 1} }
	return attackList{name: "check_references_of_maps_and_assignments", attacks: []attack{
		{
			name: "list_of_one", run: set(task, map[string]any{"project_id": []any{11}}),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "list_of_two", run: set(task, map[string]any{"project_id": []any{1, 11}}),
			want: gormtenant.ErrUnsupported,
		},
		{
			name: "list_of_an_expression",
			run:  set(task, map[string]any{"project_id": []any{gorm.Expr("11")}}),
			want: gormtenant.ErrUnsupported,
		},
		{
			name: "column", run: set(task, map[string]any{"project_id": clause.Column{Name: "id"}}),
			want: gormtenant.ErrUnsupported,
		},
		{
			name: "expression", run: set(task, map[string]any{"project_id": gorm.Expr("10 + 1")}),
			want: gormtenant.ErrUnsupported,
		},
		{name: "null", run: set(task, map[string]any{"project_id": nil})},
		{name: "own", run: set(task, map[string]any{"project_id": 2})},
		{
			name: "of_no_row", run: set(task, map[string]any{"project_id": 999}),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "kind_alone", run: set(note, map[string]any{"subject_type": "projects"}),
			want: gormtenant.ErrUnsupported,
		},
		{name: "kind_by_an_expression", run: set(note, map[string]any{
			"subject_type": gorm.Expr("'projects'"), "subject_id": 11,
		}), want: gormtenant.ErrOtherTenant},
		{
			name: "upsert_to_what_is_inserted",
			run:  upsert(clause.Column{Table: "excluded", Name: "project_id"}),
		},
		{
			name: "upsert_to_another_column_of_it",
			run:  upsert(clause.Column{Table: "excluded", Name: "id"}),
			want: gormtenant.ErrUnsupported,
		},
		{
			name: "upsert_to_the_column_of_another_table",
			run:  upsert(clause.Column{Table: "tasks", Name: "project_id"}),
			want: gormtenant.ErrUnsupported,
		},
		{name: "upsert_to_the_key_of_another", run: upsert(11), want: gormtenant.ErrOtherTenant},
		{name: "raw_column", run: func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "id"}},
				DoUpdates: clause.Set{{Column: clause.Column{
					Name: "title = 'x', project_id",
					Raw:  true,
				}, Value: 11}},
			}).Create(&Task{ID: 1, Title: "x"}).Error
		}, want: gormtenant.ErrUnsupported},
	}, options: []tenantplugin.Option{tenantplugin.CheckReferences()}}
}

// TestDryRun_asks_nothing: what is only built looks nothing up.
func TestDryRun_asks_nothing(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		sent := &countingPool{ConnPool: e.DB.ConnPool}
		for _, c := range []struct {
			name string
			run  func(tx *gorm.DB) error
		}{
			{"create", func(tx *gorm.DB) error {
				return tx.Create(&Task{ProjectID: ptr(uint(11))}).Error
			}},
			{"create_join", func(tx *gorm.DB) error {
				return tx.Table("project_tags").
					Create(map[string]any{"project_id": 1, "tag_id": 11}).Error
			}},
			{"update", func(tx *gorm.DB) error {
				return tx.Model(&Task{ID: 1}).Update("project_id", 11).Error
			}},
			{"updates_with_children", func(tx *gorm.DB) error {
				return tx.Updates(&Project{ID: 11, Name: "x", Tasks: []Task{{Title: "n"}}}).Error
			}},
			{"upsert", func(tx *gorm.DB) error {
				return tx.Save(&[]Project{{ID: 11, Slug: "n"}}).Error
			}},
		} {
			sent.n = 0
			tx := e.As().Session(&gorm.Session{DryRun: true, SkipDefaultTransaction: true})
			tx.Statement.ConnPool = sent
			require.NoError(t, c.run(tx), c.name)
			require.Zero(t, sent.n, c.name)
		}
	}, tenantplugin.CheckReferences())
}
