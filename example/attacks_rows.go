package main

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// stealing is what acme does with the key of a row of globex.
//
// GORM writes into the values that it is given, even where the call then fails: so each attack on
// website begins with a copy.
func (t *tour) stealing(ctx context.Context) {
	db, merger, carol, secret := t.db, t.merger, t.carol, t.secret
	t.part("Attacks on rows of globex whose keys acme has guessed")

	t.refused(`db.First(&project, merger.ID)`, gorm.ErrRecordNotFound, func() error {
		var project Project
		return db.First(&project, merger.ID).Error
	})
	t.allowed(`db.Delete(&Project{}, merger.ID)`, "0 rows written", func() (string, error) {
		return changed(db.Delete(&Project{}, merger.ID))
	})
	t.allowed(`gorm.G[Project](db).Where("id = ?", merger.ID).Update(ctx, "name", "Mine")`,
		"0 rows written", func() (string, error) {
			n, err := gorm.G[Project](db).Where("id = ?", merger.ID).Update(ctx, "name", "Mine")
			return count(n, "row") + " written", err
		})
	// Save updates no row here, and then inserts with ON CONFLICT DO UPDATE of every column.
	t.refused(`db.Save(&Tag{ID: secret.ID, Label: "mine"})`, gormtenant.ErrOtherTenant,
		func() error {
			return db.Save(&Tag{ID: secret.ID, Label: "mine"}).Error
		})
	t.refused(`db.Save([]Tag{{Label: "new"}, {ID: secret.ID, Label: "mine"}})`,
		gormtenant.ErrOtherTenant, func() error {
			return db.Save([]Tag{{Label: "new"}, {ID: secret.ID, Label: "mine"}}).Error
		})
	t.refused(`db.Clauses(clause.OnConflict{UpdateAll: true}).`+
		`Create(&User{ID: carol.ID, Name: "Mallory"})`,
		gormtenant.ErrOtherTenant, func() error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).
				Create(&User{ID: carol.ID, Name: "Mallory"}).Error
		})
	// These values remember that they are globex's: to change 0 rows in silence would hide a bug.
	t.refused(`db.Model(&merger).Update("name", "Mine")`, gormtenant.ErrOtherTenant, func() error {
		return db.Model(&merger).Update("name", "Mine").Error
	})
	t.refused(`db.Delete(&merger)`, gormtenant.ErrOtherTenant, func() error {
		return db.Delete(&merger).Error
	})
	t.refused(`db.Create(&Tag{TenantID: "globex", Label: "planted"})`, gormtenant.ErrOtherTenant,
		func() error {
			return db.Create(&Tag{TenantID: "globex", Label: "planted"}).Error
		})
	t.refused(`db.Model(&website).Update("tenant_id", "globex")`, gormtenant.ErrTenantChange,
		func() error {
			website := t.website
			return db.Model(&website).Update("tenant_id", "globex").Error
		})
	t.refused(`db.Model(&Project{}).Where("slug = ?", "docs").`+
		`Updates(map[string]any{"TENANT_ID": gorm.Expr("'globex'")})`,
		gormtenant.ErrTenantChange, func() error {
			return db.Model(&Project{}).Where("slug = ?", "docs").
				Updates(map[string]any{"TENANT_ID": gorm.Expr("'globex'")}).Error
		})
}

// linking is an attempt to tie rows of acme to rows of globex, and so to read or steal these.
func (t *tour) linking() {
	db, merger, carol, secret, papers := t.db, t.merger, t.carol, t.secret, t.papers
	t.part("Attacks on the links between rows")

	t.refused(`db.Create(&Task{Title: "Spy", ProjectID: merger.ID})`, gormtenant.ErrOtherTenant,
		func() error {
			return db.Create(&Task{Title: "Spy", ProjectID: merger.ID}).Error
		})
	t.refused(`db.Model(&website).Update("owner_id", carol.ID)`, gormtenant.ErrOtherTenant,
		func() error {
			website := t.website
			return db.Model(&website).Update("owner_id", carol.ID).Error
		})
	// GORM saves an appended row with ON CONFLICT DO UPDATE of its foreign key.
	t.refused(`db.Model(&website).Association("Tasks").Append(&Task{ID: papers.ID})`,
		gormtenant.ErrOtherTenant, func() error {
			website := t.website
			return db.Model(&website).Association("Tasks").Append(&Task{ID: papers.ID})
		})
	t.refused(`db.Model(&website).Association("Tags").Append(&Tag{ID: secret.ID, Label: "x"})`,
		gormtenant.ErrOtherTenant, func() error {
			website := t.website
			return db.Model(&website).Association("Tags").Append(&Tag{ID: secret.ID, Label: "x"})
		})
	// GORM deletes join rows by the key of their owner alone.
	t.allowed(`db.Model(&Project{ID: merger.ID}).Association("Tags").Clear()`, "done",
		func() (string, error) {
			return "done", db.Model(&Project{ID: merger.ID}).Association("Tags").Clear()
		})
	t.allowed(`db.Model(&Project{ID: merger.ID}).Association("Tasks").Find(&tasks)`, "0 rows",
		func() (string, error) {
			var tasks []Task
			err := db.Model(&Project{ID: merger.ID}).Association("Tasks").Find(&tasks)
			return list(tasks), err
		})
}
