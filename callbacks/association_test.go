package callbacks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// associationKeysOfAnother links rows of A to rows of B through associations.
func associationKeysOfAnother() attackList {
	refused := func(name string, run func(e *Env) error) attack {
		return attack{name: name, run: func(_ *testing.T, e *Env) error {
			return run(e)
		}, want: gormtenant.ErrOtherTenant}
	}
	theirProject := func() *Project { return &Project{ID: 11, Name: "x", Slug: "n"} }
	return attackList{name: "association_with_the_key_of_another", attacks: []attack{
		refused("create_belongs_to", func(e *Env) error {
			return e.As().Create(&Task{Title: "x", Project: theirProject()}).Error
		}),
		refused("create_belongs_to_full_save", func(e *Env) error {
			return e.As().Session(&gorm.Session{FullSaveAssociations: true}).
				Create(&Task{Title: "x", Project: theirProject()}).Error
		}),
		refused("create_slice_belongs_to", func(e *Env) error {
			return e.As().Create(&[]Task{{Title: "x"}, {Title: "y", Project: theirProject()}}).Error
		}),
		refused("create_has_one", func(e *Env) error {
			return e.As().Create(&User{Name: "x", Profile: &Profile{ID: 11, Bio: "x"}}).Error
		}),
		refused("create_has_many", func(e *Env) error {
			return e.As().
				Create(&Project{Slug: "n", Tasks: []Task{{Title: "new"}, {ID: 11, Title: "x"}}}).
				Error
		}),
		refused("create_has_many_full_save", func(e *Env) error {
			return e.As().Session(&gorm.Session{FullSaveAssociations: true}).
				Create(&Project{Slug: "n", Tasks: []Task{{ID: 11, Title: "x"}}}).Error
		}),
		refused("create_polymorphic", func(e *Env) error {
			return e.As().Create(&Project{Slug: "n", Notes: []Note{{ID: 11, Text: "x"}}}).Error
		}),
		refused("create_many2many", func(e *Env) error {
			return e.As().Create(&Project{Slug: "n", Tags: []Tag{{ID: 11}}}).Error
		}),
		refused("create_many2many_without_saving_the_tag", func(e *Env) error {
			return e.As().Omit("Tags.*").Create(&Project{Slug: "n", Tags: []Tag{{ID: 11}}}).Error
		}),
		refused("create_many2many_of_oneself", func(e *Env) error {
			return e.As().Create(&User{Name: "x", Friends: []User{{ID: 11}}}).Error
		}),
		refused("save_belongs_to", func(e *Env) error {
			return e.As().Save(&Task{ID: 1, Title: "x", Project: theirProject()}).Error
		}),
		refused("save_has_many", func(e *Env) error {
			return e.As().Save(&Project{ID: 1, Slug: "n", Tasks: []Task{{ID: 11}}}).Error
		}),
		refused("save_has_many_on_the_key_of_another", func(e *Env) error {
			return e.As().Save(&Project{ID: 11, Slug: "n", Tasks: []Task{{ID: 1}}}).Error
		}),
		refused("updates_with_has_many", func(e *Env) error {
			return e.As().Updates(&Project{ID: 11, Name: "x", Tasks: []Task{{Title: "n"}}}).Error
		}),
		refused("updates_with_belongs_to_in_a_map", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Updates(map[string]any{"Project": theirProject()}).
				Error
		}),
		refused("append_belongs_to", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Association("Project").Append(theirProject())
		}),
		refused("append_has_one", func(e *Env) error {
			return e.As().Model(&User{ID: 1}).Association("Profile").Append(&Profile{ID: 11})
		}),
		refused("append_has_many", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).Association("Tasks").Append(&Task{ID: 11})
		}),
		refused("append_has_many_to_the_owner_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tasks").Append(&Task{ID: 1})
		}),
		refused("append_new_to_the_owner_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tasks").Append(&Task{Title: "n"})
		}),
		refused("append_map_to_the_owner_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tasks").
				Append(map[string]any{"title": "n"})
		}),
		refused("append_polymorphic_to_the_owner_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Notes").Append(&Note{Text: "n"})
		}),
		refused("append_many2many", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).Association("Tags").Append(&Tag{ID: 11})
		}),
		refused("append_many2many_to_the_owner_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tags").Append(&Tag{ID: 1})
		}),
		refused("append_many2many_without_saving_the_tag", func(e *Env) error {
			return e.As().Omit("Tags.*").Model(&Project{ID: 1}).Association("Tags").
				Append(&Tag{ID: 11})
		}),
		refused("append_to_several_in_a_transaction", func(e *Env) error {
			return e.As().Transaction(func(tx *gorm.DB) error { // GORM saves them one by one.
				return tx.Model(&[]Project{{ID: 1}, {ID: 2}}).Association("Tags").
					Append(&Tag{Label: "n"}, &Tag{ID: 11})
			})
		}),
		refused("replace_belongs_to", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Association("Project").Replace(theirProject())
		}),
		refused("replace_has_many", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).Association("Tasks").Replace(&Task{ID: 11})
		}),
		refused("replace_has_many_of_another", func(e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tasks").Replace(&Task{ID: 1})
		}),
		refused("replace_many2many", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).Association("Tags").Replace(&Tag{ID: 11})
		}),
		refused("value_of_another_tenant", func(e *Env) error {
			task := Task{ID: 11}
			task.TenantID = B
			return e.As().Model(&Project{ID: 1}).Association("Tasks").Append(&task)
		}),
		refused("owner_of_another_tenant", func(e *Env) error {
			p := Project{ID: 11}
			p.TenantID = B
			return e.As().Model(&p).Association("Tasks").Append(&Task{Title: "n"})
		}),
		refused("join_row_by_hand", func(e *Env) error {
			return e.As().Table("project_tags").
				Create(map[string]any{"project_id": 1, "tag_id": 11}).Error
		}),
		refused("join_row_of_the_owner_of_another", func(e *Env) error {
			return e.As().Table("project_tags").
				Create(map[string]any{"project_id": 11, "tag_id": 1}).Error
		}),
	}}
}

// associationsOfAnother reads and takes apart what belongs to B, and uses A's own.
func associationsOfAnother() attackList {
	return attackList{name: "association_of_another", attacks: []attack{
		{name: "find", run: func(t *testing.T, e *Env) error {
			var tasks []Task
			err := e.As().Model(&Project{ID: 11}).Association("Tasks").
				Find(&tasks, "1 = 0 OR\n1 = 1")
			for _, task := range tasks {
				require.Equal(t, A, task.TenantID)
			}
			return err
		}},
		{name: "count", run: func(t *testing.T, e *Env) error {
			for _, name := range []string{"Tasks", "Tags", "Notes", "Owner"} {
				require.Zero(t, e.As().Model(&Project{ID: 11, OwnerID: ptr(uint(11))}).
					Association(name).Count(), name)
			}
			return nil
		}},
		{name: "clear", run: func(t *testing.T, e *Env) error {
			for _, name := range []string{"Tasks", "Tags", "Notes"} {
				require.NoError(t, e.As().Model(&Project{ID: 11}).Association(name).Clear(), name)
			}
			return e.As().Model(&Project{ID: 11}).Association("Owner").Clear()
		}},
		{name: "clear_of_a_value_of_another_tenant", run: func(t *testing.T, e *Env) error {
			p := Project{ID: 11} // GORM gives the statement its key alone.
			p.TenantID = B
			return e.As().Model(&p).Association("Tasks").Clear()
		}},
		{name: "clear_for_good", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 11}).Association("Tasks").Unscoped().Clear()
		}},
		{name: "delete", run: func(t *testing.T, e *Env) error {
			require.NoError(t, e.As().Model(&Project{ID: 11}).Association("Tasks").
				Delete(&Task{ID: 11}))
			require.NoError(t, e.As().Model(&User{ID: 11}).Association("Profile").
				Delete(&Profile{ID: 11}))
			require.NoError(t, e.As().Model(&Task{ID: 11}).Association("Project").
				Delete(&Project{ID: 11}))
			return e.As().Model(&Project{ID: 11}).Association("Tags").Delete(&Tag{ID: 11})
		}},
		{name: "delete_for_good", run: func(t *testing.T, e *Env) error {
			require.NoError(t, e.As().Model(&Project{ID: 11}).Association("Tags").Unscoped().
				Delete(&Tag{ID: 11}))
			return e.As().Model(&Project{ID: 11}).Association("Tasks").Unscoped().
				Delete(&Task{ID: 11})
		}},
		{name: "own", run: func(t *testing.T, e *Env) error {
			p := Project{
				Slug: "n", Owner: &User{Name: "new"}, Tasks: []Task{{Title: "a"}, {ID: 1}},
				Tags: []Tag{{ID: 1}, {Label: "b"}}, Notes: []Note{{Text: "c"}},
				CountryCode: ptr("PT"),
			}
			require.NoError(t, e.As().Create(&p).Error)
			require.NoError(t, e.As().Model(&p).Association("Tags").Append(&Tag{ID: 2}))
			require.Equal(t, int64(3), e.As().Model(&p).Association("Tags").Count())
			require.NoError(t, e.As().Model(&p).Association("Tasks").Replace(&Task{ID: 2}))
			require.Equal(t, int64(1), e.As().Model(&p).Association("Tasks").Count())
			require.NoError(t, e.As().Model(&p).Association("Tags").Delete(&Tag{ID: 1}))
			require.NoError(t, e.As().Model(&p).Association("Owner").Replace(&User{ID: 1}))
			require.NoError(t, e.As().Model(&p).Association("Notes").Clear())
			return e.As().Model(&p).Association("Tags").Clear()
		}},
		{name: "own_join_row_by_hand", run: func(t *testing.T, e *Env) error {
			return e.As().Table("project_tags").Create([]map[string]any{
				{"project_id": 1, "tag_id": 2}, {"project_id": 2, "tag_id": 2},
			}).Error
		}},
	}}
}

// checkedReferences writes plain foreign keys of B's rows.
func checkedReferences() attackList {
	theirs := ptr(uint(11))
	refused := func(name string, run func(e *Env) error) attack {
		return attack{name: name, run: func(_ *testing.T, e *Env) error {
			return run(e)
		}, want: gormtenant.ErrOtherTenant}
	}
	return attackList{name: "check_references", attacks: []attack{
		refused("create", func(e *Env) error {
			return e.As().Create(&Task{Title: "x", ProjectID: theirs}).Error
		}),
		refused("create_one_of_a_slice", func(e *Env) error {
			return e.As().Create(&[]Task{{ProjectID: ptr(uint(1))}, {ProjectID: theirs}}).Error
		}),
		refused("create_map", func(e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "ProjectID": 11}).Error
		}),
		refused("create_has_many_key", func(e *Env) error {
			return e.As().Create(&Profile{UserID: 11}).Error
		}),
		refused("create_self_reference", func(e *Env) error {
			return e.As().Create(&User{ManagerID: theirs}).Error
		}),
		refused("create_polymorphic", func(e *Env) error {
			return e.As().Create(&Note{SubjectID: 11, SubjectType: "projects"}).Error
		}),
		refused("create_a_key_of_no_row", func(e *Env) error {
			return e.As().Create(&Task{ProjectID: ptr(uint(999))}).Error
		}),
		refused("update", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Update("project_id", 11).Error
		}),
		refused("update_struct", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Updates(&Task{ProjectID: theirs}).Error
		}),
		refused("update_column", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).UpdateColumn("ProjectID", 11).Error
		}),
		refused("save", func(e *Env) error {
			return e.As().Save(&Task{ID: 1, ProjectID: theirs}).Error
		}),
		refused("upsert", func(e *Env) error {
			return e.As().Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "id"}},
				DoUpdates: clause.Assignments(map[string]any{"project_id": 11}),
			}).Create(&Task{ID: 1}).Error
		}),
		{name: "update_to_an_expression", run: func(t *testing.T, e *Env) error {
			return e.As().Model(&Task{ID: 1}).Update("project_id", gorm.Expr("10 + 1")).Error
		}, want: gormtenant.ErrUnsupported},
		{name: "own", run: func(t *testing.T, e *Env) error {
			require.NoError(t, e.As().Create(&Task{Title: "n", ProjectID: ptr(uint(2))}).Error)
			require.NoError(t, e.As().Create(&Note{SubjectID: 11, SubjectType: "elsewhere"}).Error)
			require.NoError(t, e.As().
				Create(&Project{Slug: "n", Tasks: []Task{{}, {}}, Owner: &User{}}).Error)
			require.NoError(t, e.As().Model(&Task{ID: 1}).Update("project_id", nil).Error)
			return e.As().Model(&Task{ID: 1}).Update("project_id", 2).Error
		}},
	}, options: []tenantplugin.Option{tenantplugin.CheckReferences()}}
}

func uncheckedReferences() attackList {
	return attackList{
		name: "plain_keys_without_check_references",
		attacks: []attack{{name: "are_not_looked_up", run: func(t *testing.T, e *Env) error {
			require.NoError(t, e.As().Create(&Task{Title: "n", ProjectID: ptr(uint(11))}).Error)
			var tasks []Task
			err := e.As().Preload("Project").Joins("Project").Where("title = 'n'").Find(&tasks).
				Error
			require.Nil(t, tasks[0].Project, "nothing of B's row can be read through it")
			return err
		}}},
	}
}

// TestError_of_nested_creates_is_told_once: GORM adds it to the statement's at each level.
func TestError_of_nested_creates_is_told_once(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		err := e.As().Create(&User{Name: "new", Projects: []Project{{
			Slug: "n", Tags: []Tag{{ID: 11, Label: "theirs"}},
		}}}).Error
		require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
		require.Equal(t, 1, strings.Count(err.Error(), "belongs to another tenant"), err)
	})
}
