package scopes_test

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
	"github.com/gormtenant/gormtenant/scopes"
)

type Project struct {
	ID uint
	models.TenantModel
	Name string
}

// open opens a database in memory with a project for each of two tenants.
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
	if err := db.Use(tenantplugin.New(tenantplugin.Models(&Project{}))); err != nil {
		log.Fatal(err)
	}
	if err := db.AutoMigrate(&Project{}); err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"acme", "globex"} {
		err := db.Scopes(scopes.Tenant(tenant)).Create(&Project{Name: tenant + "'s website"}).Error
		if err != nil {
			log.Fatal(err)
		}
	}
	return db
}

// The context of the *gorm.DB has no tenant: a worker that serves many says it for each statement.
func ExampleTenant() {
	db := open()

	var projects []Project
	err := db.Scopes(scopes.Tenant("acme")).Find(&projects).Error
	fmt.Println(len(projects), projects[0].Name, err)
	// Output:
	// 1 acme's website <nil>
}

func ExampleUnscoped() {
	db := open()

	var n int64
	err := db.Scopes(scopes.Unscoped("monthly invoicing")).Model(&Project{}).Count(&n).Error
	fmt.Println(n, err)

	err = db.Scopes(scopes.Unscoped("")).Model(&Project{}).Count(&n).Error
	fmt.Println(errors.Is(err, gormtenant.ErrNoReason))
	// Output:
	// 2 <nil>
	// true
}

// ID is the tenant of the context as an argument of raw SQL.
func ExampleID() {
	db := open()
	ctx := gormtenant.WithTenant(context.Background(), "globex")

	var names []string
	err := db.WithContext(ctx).
		Raw("SELECT name FROM projects WHERE tenant_id = ?", scopes.ID(ctx)).Scan(&names).Error
	fmt.Println(names, err)
	// Output:
	// [globex's website] <nil>
}
