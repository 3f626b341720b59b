package main

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// mistakes are what a tired developer writes. Some are harmless here; the rest is refused.
func (t *tour) mistakes() {
	db, nobody, plain, website := t.db, t.nobody, t.plain, t.website
	t.part("Mistakes of a tired developer")

	t.refused(`nobody.Find(&projects)`, gormtenant.ErrNoTenant, func() error {
		var projects []Project
		return nobody.Find(&projects).Error
	})
	// db.Use was forgotten.
	t.refused(`plain.Find(&projects)`, gormtenant.ErrNotRegistered, func() error {
		var projects []Project
		return plain.Find(&projects).Error
	})
	// GORM puts "OR" between this and a condition that a plugin adds in a callback.
	t.allowed(`db.Or("name = ?", "Merger").Find(&projects)`, "0 rows", func() (string, error) {
		var projects []Project
		return found(&projects, db.Or("name = ?", "Merger").Find(&projects))
	})
	// GORM sees no OR here, as there is a line break beside it, and sets no parentheses.
	t.allowed(`db.Where("slug = 'docs' OR\nslug = 'merger'").Find(&projects)`, "1 row: Docs",
		func() (string, error) {
			var projects []Project
			return found(&projects, db.Where("slug = 'docs' OR\nslug = 'merger'").Find(&projects))
		})
	// A sub-query that was built without a tenant runs as the statement around it.
	t.allowed(`db.Where("id IN (?)", nobody.Model(&Task{}).Select("project_id")).Find(&projects)`,
		"2 rows: Mobile app, Website", func() (string, error) {
			var projects []Project
			return found(&projects,
				db.Where("id IN (?)", nobody.Model(&Task{}).Select("project_id")).Find(&projects))
		})
	// GORM's own Unscoped is about soft deletion.
	t.allowed(`db.Unscoped().Find(&projects)`, "3 rows: Docs, Mobile app, Website",
		func() (string, error) {
			var projects []Project
			return found(&projects, db.Unscoped().Find(&projects))
		})
	t.allowed(`db.Select("Title", "ProjectID").`+
		`Create(&Task{Title: "Sitemap", ProjectID: website.ID})`,
		"1 row written", func() (string, error) {
			return changed(db.Select("Title", "ProjectID").
				Create(&Task{Title: "Sitemap", ProjectID: website.ID}))
		})
	t.refused(`db.Model(&Task{}).Update("done", true)`, gorm.ErrMissingWhereClause, func() error {
		return db.Model(&Task{}).Update("done", true).Error
	})
	t.allowed(`db.Session(&gorm.Session{AllowGlobalUpdate: true}).`+
		`Model(&Task{}).Update("done", true)`,
		"3 rows written", func() (string, error) {
			return changed(db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Task{}).
				Update("done", true))
		})
}

// rawSQL is text that GORM did not write: it is limited to the tenant, or refused.
func (t *tour) rawSQL() {
	db := t.db
	t.part("Raw SQL that does not say whose rows it means")

	t.allowed(`db.Raw("SELECT name FROM projects").Scan(&names)`, "3 names",
		func() (string, error) {
			var names []string
			err := db.Raw("SELECT name FROM projects").Scan(&names).Error
			return fmt.Sprintf("%d names", len(names)), err
		})
	t.allowed(`db.Exec("UPDATE tasks SET done = false WHERE done OR 1 = 1")`, "3 rows written",
		func() (string, error) {
			return changed(db.Exec("UPDATE tasks SET done = false WHERE done OR 1 = 1"))
		})
	t.allowed(`db.Where("id IN (SELECT project_id FROM tasks)").Find(&projects)`,
		"2 rows: Mobile app, Website", func() (string, error) {
			var projects []Project
			return found(&projects,
				db.Where("id IN (SELECT project_id FROM tasks)").Find(&projects))
		})
	t.allowed(`db.Joins("LEFT JOIN users u ON 1 = 1").Distinct().Find(&projects)`,
		"3 rows: Docs, Mobile app, Website", func() (string, error) {
			var projects []Project
			return found(&projects,
				db.Joins("LEFT JOIN users u ON 1 = 1").Distinct().Find(&projects))
		})
	// Whose row would it be?
	t.refused(`db.Exec("INSERT INTO tags (label) VALUES ('mine')")`, gormtenant.ErrRawSQL,
		func() error { return db.Exec("INSERT INTO tags (label) VALUES ('mine')").Error })
	t.refused(`db.Exec("DELETE FROM tasks WHERE done; DELETE FROM tasks")`, gormtenant.ErrRawSQL,
		func() error { return db.Exec("DELETE FROM tasks WHERE done; DELETE FROM tasks").Error })
}
