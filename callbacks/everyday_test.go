package callbacks_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// everyday is what applications write all day. Each call works, and gives the tenant what it gives
// in a database of its own.
func everyday() attackList {
	var list []attack
	works := func(name string, run func(tx *gorm.DB) error) {
		list = append(list, attack{name: name, run: func(_ *testing.T, e *Env) error {
			return run(e.As())
		}, alone: true})
	}
	site := func() *Project { return &Project{ID: 1} }
	works("create", func(tx *gorm.DB) error { return tx.Create(&Project{Slug: "n"}).Error })
	works("create_slice", func(tx *gorm.DB) error {
		return tx.Create(&[]Project{{Slug: "n"}, {Slug: "m"}}).Error
	})
	works("create_in_batches", func(tx *gorm.DB) error {
		return tx.CreateInBatches(&[]Project{{Slug: "n"}, {Slug: "m"}, {Slug: "o"}}, 2).Error
	})
	works("create_map", func(tx *gorm.DB) error {
		return tx.Model(&Tag{}).Create(map[string]any{"label": "n"}).Error
	})
	works("create_with_has_one", func(tx *gorm.DB) error {
		return tx.Create(&User{Name: "n", Profile: &Profile{Bio: "n"}}).Error
	})
	works("create_with_has_many", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Tasks: []Task{{Title: "a"}, {Title: "b"}}}).Error
	})
	works("create_with_an_existing_has_many", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Tasks: []Task{{ID: 1}, {Title: "b"}}}).Error
	})
	works("create_with_polymorphic", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Notes: []Note{{Text: "a"}}}).Error
	})
	works("create_with_many2many", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Tags: []Tag{{Label: "a"}, {Label: "b"}}}).Error
	})
	works("create_with_an_existing_many2many", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Tags: []Tag{{ID: 2}, {Label: "b"}}}).Error
	})
	works("create_with_belongs_to", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Owner: &User{Name: "n"}}).Error
	})
	works("create_with_an_existing_belongs_to", func(tx *gorm.DB) error {
		return tx.Create(&Project{Slug: "n", Owner: &User{ID: 2}}).Error
	})
	works("create_two_levels", func(tx *gorm.DB) error {
		return tx.Create(&User{Name: "n", Projects: []Project{
			{Slug: "n", Tasks: []Task{{Title: "a"}}}, {Slug: "m", Tags: []Tag{{Label: "a"}}},
		}}).Error
	})
	works("create_slice_with_children", func(tx *gorm.DB) error {
		return tx.Create(&[]Project{
			{Slug: "n", Tasks: []Task{{Title: "a"}}}, {Slug: "m", Tasks: []Task{{Title: "b"}}},
		}).Error
	})
	works("append_has_one", func(tx *gorm.DB) error {
		return tx.Model(&User{ID: 2}).Association("Profile").Append(&Profile{Bio: "n"})
	})
	works("append_has_many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tasks").Append(&Task{Title: "a"}, &Task{Title: "b"})
	})
	works("append_an_existing_has_many", func(tx *gorm.DB) error {
		return tx.Model(&Project{ID: 2}).Association("Tasks").Append(&Task{ID: 1})
	})
	works("append_polymorphic", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Notes").Append(&Note{Text: "n"})
	})
	works("append_many2many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Append(&Tag{Label: "n"})
	})
	works("append_an_existing_many2many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Append(&Tag{ID: 2})
	})
	works("append_what_is_there", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Append(&Tag{ID: 1})
	})
	works("append_belongs_to", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Owner").Append(&User{Name: "n"})
	})
	works("append_an_existing_belongs_to", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Owner").Append(&User{ID: 2})
	})
	works("replace_has_many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tasks").Replace(&Task{Title: "n"}, &Task{ID: 2})
	})
	works("replace_many2many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Replace(&Tag{Label: "n"}, &Tag{ID: 2})
	})
	works("replace_belongs_to", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Owner").Replace(&User{Name: "n"})
	})
	works("remove_has_many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tasks").Delete(&Task{ID: 1})
	})
	works("remove_many2many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Delete(&Tag{ID: 1})
	})
	works("clear_has_many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tasks").Clear()
	})
	works("clear_many2many", func(tx *gorm.DB) error {
		return tx.Model(site()).Association("Tags").Clear()
	})
	works("save_new", func(tx *gorm.DB) error { return tx.Save(&Project{Slug: "n"}).Error })
	works("save_a_new_key", func(tx *gorm.DB) error {
		return tx.Save(&Project{ID: 7, Slug: "n"}).Error
	})
	works("save_changed", func(tx *gorm.DB) error {
		p := Project{}
		if err := tx.First(&p, 1).Error; err != nil {
			return err
		}
		p.Name = "n"
		return tx.Save(&p).Error
	})
	works("save_unchanged", func(tx *gorm.DB) error {
		p := Project{}
		if err := tx.First(&p, 1).Error; err != nil {
			return err
		}
		return tx.Save(&p).Error
	})
	works("save_slice", func(tx *gorm.DB) error {
		return tx.Save(&[]Project{{ID: 1, Slug: "n"}, {ID: 2, Slug: "m"}}).Error
	})
	works("save_slice_of_new_and_old", func(tx *gorm.DB) error {
		return tx.Save(&[]Tag{{ID: 1, Label: "n"}, {Label: "m"}}).Error
	})
	works("save_with_children", func(tx *gorm.DB) error {
		p := Project{}
		whole := tx.Preload("Tasks").Preload("Tags").Preload("Owner")
		if err := whole.First(&p, 1).Error; err != nil {
			return err
		}
		p.Name, p.Tasks = "n", append(p.Tasks, Task{Title: "n"})
		return tx.Save(&p).Error
	})
	works("full_save_with_children", func(tx *gorm.DB) error {
		p := Project{}
		whole := tx.Preload("Tasks").Preload("Tags").Preload("Owner")
		if err := whole.First(&p, 1).Error; err != nil {
			return err
		}
		p.Tasks[0].Title, p.Tags[0].Label, p.Owner.Name = "n", "n", "n"
		return tx.Session(&gorm.Session{FullSaveAssociations: true}).Save(&p).Error
	})
	works("updates_with_children", func(tx *gorm.DB) error {
		return tx.Updates(&Project{ID: 1, Name: "n", Tasks: []Task{{Title: "n"}}}).Error
	})
	works("first_or_create_new", func(tx *gorm.DB) error {
		return tx.Where(Project{Slug: "n"}).Attrs(Project{Name: "n"}).
			FirstOrCreate(&Project{}).Error
	})
	works("first_or_create_found", func(tx *gorm.DB) error {
		return tx.Where(Project{Name: "site"}).Assign(Project{Budget: 7}).
			FirstOrCreate(&Project{}).Error
	})
	works("upsert", func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "slug"}}, DoUpdates: clause.AssignmentColumns(
				[]string{"name"}),
		}).Create(&[]Project{{Slug: A + "-site", Name: "n"}, {Slug: "n", Name: "m"}}).Error
	})
	works("insert_or_leave", func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{DoNothing: true}).
			Create(&Project{ID: 1, Slug: "n", Name: "n"}).Error
	})
	return attackList{name: "everyday", attacks: list}
}
