package bench_test

import "gorm.io/gorm"

// run executes an operation for the n-th time. Each time it is about other rows of the tenant.
type run func(db *gorm.DB, n int) *gorm.DB

// operation is one thing that applications do, in the three ways.
type operation struct {
	name                     string
	rows                     int64 // read or changed by it
	unscoped, byHand, plugin run
}

// operations returns all of them. Where the code with the plugin is the code without scoping, both
// are one generic function, so that they differ in nothing but the model.
func operations() []operation {
	return []operation{
		{"First", 1, first[plainProject], whereTenant(first[plainProject]), first[Project]},
		{"Find", 100, find[plainProject], whereTenant(find[plainProject]), find[Project]},
		{"Count", 1, count[plainProject], whereTenant(count[plainProject]), count[Project]},
		{
			"Create", 1,
			create(newPlainProject), create(newPlainProjectByHand), create(newProject),
		},
		{
			"Create100", 100,
			createMany(100, newPlainProject), createMany(100, newPlainProjectByHand),
			createMany(100, newProject),
		},
		{"Update", 1, update[plainProject], whereTenant(update[plainProject]), update[Project]},
		{"Delete", 1, remove[plainProject], whereTenant(remove[plainProject]), remove[Project]},
		{
			"Preload", 100,
			preload(plainWithID(100)), preloadByHand(plainWithID(100)), preload(withID(100)),
		},
		{"Joins", 100, joins[plainProject], joinsByHand, joins[Project]},
	}
}

// whereTenant scopes by hand an operation on one table.
func whereTenant(operation run) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		return operation(db.Where("tenant_id = ?", tenant), n)
	}
}

func first[P any](db *gorm.DB, n int) *gorm.DB {
	var row P
	return db.First(&row, key(n))
}

func find[P any](db *gorm.DB, n int) *gorm.DB {
	var rows []P
	return db.Where("id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Find(&rows)
}

func count[P any](db *gorm.DB, n int) *gorm.DB {
	var total int64
	return db.Model(new(P)).Where("id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Count(&total)
}

func create[P any](newRow func(n int) P) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		row := newRow(n)
		return db.Create(&row)
	}
}

func createMany[P any](count int, newRow func(n int) P) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		rows := make([]P, count)
		for i := range rows {
			rows[i] = newRow(n)
		}
		return db.Create(&rows)
	}
}

func update[P any](db *gorm.DB, n int) *gorm.DB {
	return db.Model(new(P)).Where("id = ?", key(n)).Update("budget", n)
}

func remove[P any](db *gorm.DB, n int) *gorm.DB {
	return db.Delete(new(P), spareProject+uint(n))
}

// preload reads into rows, which hold keys from the start: in DryRun none are read, and without
// keys nothing would be looked up.
func preload[P any](rows []P) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		return db.Preload("Tasks").Where("id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Find(&rows)
	}
}

func preloadByHand(rows []plainProject) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		return db.Preload("Tasks", "tenant_id = ?", tenant).Where("tenant_id = ?", tenant).
			Where("id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Find(&rows)
	}
}

func joins[P any](db *gorm.DB, n int) *gorm.DB {
	var rows []P
	return db.Joins("Owner").
		Where("projects.id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Find(&rows)
}

func joinsByHand(db *gorm.DB, n int) *gorm.DB {
	var rows []plainProject
	return db.Joins("Owner", db.Where(`"Owner"."tenant_id" = ?`, tenant)).
		Where("projects.tenant_id = ?", tenant).
		Where("projects.id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Find(&rows)
}
