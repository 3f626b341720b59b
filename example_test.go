package gormtenant_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type Project struct {
	ID uint
	models.TenantModel
	Name string
}

// open opens a database in memory with the plugin and a project for each of two tenants.
func open() *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		log.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxOpenConns(1) // each connection has a database in memory of its own
	if err := db.Use(tenantplugin.New()); err != nil {
		log.Fatal(err)
	}
	if err := db.AutoMigrate(&Project{}); err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"acme", "globex"} {
		ctx := gormtenant.WithTenant(context.Background(), tenant)
		if err := db.WithContext(ctx).Create(&Project{Name: tenant + "'s website"}).
			Error; err != nil {
			log.Fatal(err)
		}
	}
	return db
}

func Example() {
	db := open()
	ctx := gormtenant.WithTenant(context.Background(), "acme")

	var projects []Project
	db.WithContext(ctx).Where("name LIKE ?", "%site").Or("1 = 1").Find(&projects)
	fmt.Println(len(projects), projects[0].Name)

	err := db.Find(&projects).Error
	fmt.Println(errors.Is(err, gormtenant.ErrNoTenant))
	// Output:
	// 1 acme's website
	// true
}

func Example_crossTenantUpdate() {
	db := open()
	ctx := gormtenant.WithTenant(context.Background(), "acme")

	result := db.WithContext(ctx).Model(&Project{ID: 2}).Update("name", "mine now")
	fmt.Println(result.RowsAffected, result.Error)

	err := db.WithContext(ctx).Save(&Project{ID: 2, Name: "mine now"}).Error
	fmt.Println(errors.Is(err, gormtenant.ErrOtherTenant))
	// Output:
	// 0 <nil>
	// true
}

func Example_rawSQL() {
	db := open()
	ctx := gormtenant.WithTenant(context.Background(), "acme")

	var names []string
	db.WithContext(ctx).Raw("SELECT name FROM projects WHERE id > ?", 0).Scan(&names)
	fmt.Println(names) // ... WHERE (id > ?) AND projects."tenant_id" = 'acme'

	err := db.Raw("SELECT name FROM projects").Scan(&names).Error
	fmt.Println(errors.Is(err, gormtenant.ErrNoTenant))

	err = db.WithContext(ctx).Exec("INSERT INTO projects (name) VALUES ('x')").Error
	fmt.Println(errors.Is(err, gormtenant.ErrRawSQL)) // whose row would that be?
	// Output:
	// [acme's website]
	// true
	// true
}

func ExampleUnscoped() {
	db := open()
	ctx := gormtenant.Unscoped(context.Background(), "monthly invoicing")

	var projects []Project
	db.WithContext(ctx).Order("id").Find(&projects)
	for _, p := range projects {
		fmt.Println(p.TenantID, p.Name)
	}
	// Output:
	// acme acme's website
	// globex globex's website
}

func ExampleWithTenant() {
	ctx := gormtenant.WithTenant(context.Background(), "acme")
	fmt.Println(gormtenant.FromContext(ctx))

	_, err := gormtenant.Require(gormtenant.WithTenant(ctx, ""))
	fmt.Println(errors.Is(err, gormtenant.ErrNoTenant))
	// Output:
	// acme true
	// true
}
