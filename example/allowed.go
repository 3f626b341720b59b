package main

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/scopes"
)

// everydayWork is plain GORM: no call says anything about tenants.
func (t *tour) everydayWork() {
	db, website, ann, urgent := t.db, t.website, t.ann, t.urgent
	t.part("Everyday work: plain GORM, and acme's rows only")

	t.allowed(`db.Find(&projects)`, "2 rows: Mobile app, Website", func() (string, error) {
		var projects []Project
		return found(&projects, db.Find(&projects))
	})
	t.allowed(`db.Create(&Project{Slug: "docs", Name: "Docs", OwnerID: ann.ID})`, "1 row written",
		func() (string, error) {
			return changed(db.Create(&Project{Slug: "docs", Name: "Docs", OwnerID: ann.ID}))
		})
	t.allowed(`db.Joins("Owner").Find(&projects)`,
		"3 rows: Docs of Ann, Mobile app of Bob, Website of Ann", func() (string, error) {
			var projects []Project
			return found(&projects, db.Joins("Owner").Find(&projects))
		})
	t.allowed(`db.Preload("Tasks").Preload("Tags").Find(&projects, "slug = ?", "website")`,
		"1 row: Website [Landing page, Wireframes] #design", func() (string, error) {
			var projects []Project
			return found(&projects,
				db.Preload("Tasks").Preload("Tags").Find(&projects, "slug = ?", "website"))
		})
	t.allowed(`db.Model(&Task{}).Where("done = ?", false).Count(&n)`, "2 tasks",
		func() (string, error) {
			var n int64
			err := db.Model(&Task{}).Where("done = ?", false).Count(&n).Error
			return count(int(n), "task"), err
		})
	t.allowed(`db.Model(&website).Update("name", "New website")`, "1 row written",
		func() (string, error) {
			return changed(db.Model(&website).Update("name", "New website"))
		})
	t.allowed(`db.Model(&website).Association("Tags").Append(&urgent)`, "1 row: urgent",
		func() (string, error) {
			err := db.Model(&website).Association("Tags").Append(&urgent)
			return list(website.Tags), err
		})
	t.allowed(`db.Where("done = ?", true).Delete(&Task{})`, "1 row written",
		func() (string, error) {
			return changed(db.Where("done = ?", true).Delete(&Task{}))
		})
}

// queries are the parts of GORM that a plugin easily forgets.
func (t *tour) queries(ctx context.Context) {
	db, nobody, ann := t.db, t.nobody, t.ann
	t.part("The rest of GORM: upserts, sub-queries, generics, raw SQL")

	// The conflict is on (tenant_id, slug): globex's "website" is not in the way.
	t.allowed(`db.Clauses(onSlug).`+
		`Create(&Project{Slug: "website", Name: "Website", OwnerID: ann.ID})`,
		"1 row written", func() (string, error) {
			onSlug := clause.OnConflict{
				Columns:   []clause.Column{{Name: "tenant_id"}, {Name: "slug"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}
			return changed(db.Clauses(onSlug).
				Create(&Project{Slug: "website", Name: "Website", OwnerID: ann.ID}))
		})
	t.allowed(`db.Where("id IN (?)", db.Model(&Task{}).Select("project_id")).Find(&projects)`,
		"2 rows: Mobile app, Website", func() (string, error) {
			var projects []Project
			return found(&projects,
				db.Where("id IN (?)", db.Model(&Task{}).Select("project_id")).Find(&projects))
		})
	t.allowed(`gorm.G[Project](db).Where("name LIKE ?", "%site").Find(ctx)`, "1 row: Website",
		func() (string, error) {
			projects, err := gorm.G[Project](db).Where("name LIKE ?", "%site").Find(ctx)
			return list(projects), err
		})
	t.allowed(`db.Table("projects").Pluck("name", &names)`,
		"3 rows: Docs, Mobile app, Website", func() (string, error) {
			var names []string
			return found(&names, db.Table("projects").Pluck("name", &names))
		})
	t.allowed(`db.Raw("SELECT name FROM projects WHERE tenant_id = ?", scopes.ID(ctx)).`+
		`Scan(&names)`,
		"3 rows: Docs, Mobile app, Website", func() (string, error) {
			var names []string
			return found(&names,
				db.Raw("SELECT name FROM projects WHERE tenant_id = ?", scopes.ID(ctx)).
					Scan(&names))
		})
	t.allowed(`db.Transaction(func(tx *gorm.DB) error { `+
		`return tx.Create(&User{Name: "Eve"}).Error })`,
		"committed", func() (string, error) {
			err := db.Transaction(func(tx *gorm.DB) error {
				return tx.Create(&User{Name: "Eve"}).Error
			})
			return "committed", err
		})
	t.allowed(`nobody.Scopes(scopes.Tenant("acme")).Find(&users)`, "3 rows: Ann, Bob, Eve",
		func() (string, error) {
			var users []User
			return found(&users, nobody.Scopes(scopes.Tenant("acme")).Find(&users))
		})
}
