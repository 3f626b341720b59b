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

// TestRefer_by_hand writes the keys of join tables, which are checked in any case.
func TestRefer_by_hand(t *testing.T) {
	insert := func(table string, row map[string]any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error { return e.As().Table(table).Create(row).Error }
	}
	update := func(column string, value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update(column, value).Error
		}
	}
	attacks(t, []attack{
		{"first_key_of_another", insert("user_friends", map[string]any{"user_id": 11, "friend_id": 2}), gormtenant.ErrOtherTenant},
		{"second_key_of_another", insert("user_friends", map[string]any{"user_id": 2, "friend_id": 11}), gormtenant.ErrOtherTenant},
		{"pointer_to_the_key_of_another", insert("user_friends", map[string]any{"user_id": 2, "friend_id": ptr(11)}), gormtenant.ErrOtherTenant},
		{"twice_in_two_spellings", insert("project_tags", map[string]any{
			"project_id": 1, "tag_id": 1, "TAG_ID": 11,
		}), gormtenant.ErrUnsupported},
		{"one_of_many_rows", func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Create([]map[string]any{
				{"project_id": 1, "tag_id": 2}, {"project_id": 2, "tag_id": 11},
			}).Error
		}, gormtenant.ErrOtherTenant},
		{"pointer_to_rows", func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Create(&[]map[string]any{{"project_id": 2, "tag_id": 11}}).Error
		}, gormtenant.ErrOtherTenant},
		{"pointer_to_a_row", func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Create(&map[string]any{"project_id": 2, "tag_id": 11}).Error
		}, gormtenant.ErrOtherTenant},
		{"update_of_the_first_key", update("project_id", 11), gormtenant.ErrOtherTenant},
		{"update_of_the_second_key", update("tag_id", 11), gormtenant.ErrOtherTenant},
		{"update_to_an_expression", update("tag_id", gorm.Expr("10 + 1")), gormtenant.ErrUnsupported},
		{"update_to_a_query", func(_ *testing.T, e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update("tag_id", e.As().Model(&Tag{}).Select("max(id)")).Error
		}, gormtenant.ErrUnsupported},
		{"update_to_own", update("tag_id", 2), nil},
		{"map_with_the_key_of_no_row", func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "project_id": 999}).Error
		}, nil},
		{"map_with_the_key_of_another", func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "project_id": 11}).Error
		}, gormtenant.ErrOtherTenant},
		{"map_by_the_name_of_the_field", func(_ *testing.T, e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"Title": "x", "ProjectID": 11}).Error
		}, gormtenant.ErrOtherTenant},
	})
}

// TestRefer_with_CheckReferences writes plain keys in ways that cannot be checked.
func TestRefer_with_CheckReferences(t *testing.T) {
	set := func(model func() any, values map[string]any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error { return e.As().Model(model()).Updates(values).Error }
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
	attacks(t, []attack{
		{"list_of_one", set(task, map[string]any{"project_id": []any{11}}), gormtenant.ErrOtherTenant},
		{"list_of_two", set(task, map[string]any{"project_id": []any{1, 11}}), gormtenant.ErrUnsupported},
		{"list_of_an_expression", set(task, map[string]any{"project_id": []any{gorm.Expr("11")}}), gormtenant.ErrUnsupported},
		{"column", set(task, map[string]any{"project_id": clause.Column{Name: "id"}}), gormtenant.ErrUnsupported},
		{"expression", set(task, map[string]any{"project_id": gorm.Expr("10 + 1")}), gormtenant.ErrUnsupported},
		{"null", set(task, map[string]any{"project_id": nil}), nil},
		{"own", set(task, map[string]any{"project_id": 2}), nil},
		{"of_no_row", set(task, map[string]any{"project_id": 999}), gormtenant.ErrOtherTenant},
		{"kind_alone", set(note, map[string]any{"subject_type": "projects"}), gormtenant.ErrUnsupported},
		{"kind_by_an_expression", set(note, map[string]any{
			"subject_type": gorm.Expr("'projects'"), "subject_id": 11,
		}), gormtenant.ErrOtherTenant},
		{"upsert_to_what_is_inserted", upsert(clause.Column{Table: "excluded", Name: "project_id"}), nil},
		{"upsert_to_another_column_of_it", upsert(clause.Column{Table: "excluded", Name: "id"}), gormtenant.ErrUnsupported},
		{"upsert_to_the_column_of_another_table", upsert(clause.Column{Table: "tasks", Name: "project_id"}), gormtenant.ErrUnsupported},
		{"upsert_to_the_key_of_another", upsert(11), gormtenant.ErrOtherTenant},
		{"raw_column", func(_ *testing.T, e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Set{{Column: clause.Column{Name: "title = 'x', project_id", Raw: true}, Value: 11}},
			}).Create(&Task{ID: 1, Title: "x"}).Error
		}, gormtenant.ErrRawSQL},
	}, tenantplugin.CheckReferences())
}

// TestDryRun_asks_nothing: what is only built looks nothing up.
func TestDryRun_asks_nothing(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		sent := &countingPool{ConnPool: e.DB.ConnPool}
		for name, run := range map[string]func(tx *gorm.DB) error{
			"create": func(tx *gorm.DB) error { return tx.Create(&Task{ProjectID: ptr(uint(11))}).Error },
			"create_join": func(tx *gorm.DB) error {
				return tx.Table("project_tags").Create(map[string]any{"project_id": 1, "tag_id": 11}).Error
			},
			"update": func(tx *gorm.DB) error { return tx.Model(&Task{ID: 1}).Update("project_id", 11).Error },
			"updates_with_children": func(tx *gorm.DB) error {
				return tx.Updates(&Project{ID: 11, Name: "x", Tasks: []Task{{Title: "n"}}}).Error
			},
			"upsert": func(tx *gorm.DB) error { return tx.Save(&[]Project{{ID: 11, Slug: "n"}}).Error },
		} {
			sent.n = 0
			tx := e.As().Session(&gorm.Session{DryRun: true, SkipDefaultTransaction: true})
			tx.Statement.ConnPool = sent
			require.NoError(t, run(tx), name)
			require.Zero(t, sent.n, name)
		}
	}, tenantplugin.CheckReferences())
}
