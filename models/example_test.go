package models_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/glebarez/sqlite"
	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// openMemory opens a database in memory.
func openMemory() *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		log.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxOpenConns(1) // each connection has a database in memory of its own
	return db
}

func ExampleTenantModel() {
	type Project struct {
		ID                 uint
		models.TenantModel // adds TenantID: indexed, NOT NULL
		Name               string
	}
	db := openMemory()
	if err := db.AutoMigrate(&Project{}); err != nil {
		log.Fatal(err)
	}

	ctx := gormtenant.WithTenant(context.Background(), "acme")
	err := db.WithContext(ctx).Create(&Project{Name: "Website"}).Error
	fmt.Println("without the plugin:", errors.Is(err, gormtenant.ErrNotRegistered))

	if err := db.Use(tenantplugin.New()); err != nil {
		log.Fatal(err)
	}
	project := Project{Name: "Website"}
	err = db.WithContext(ctx).Create(&project).Error
	fmt.Println("with it:", project.TenantID, err)
	// Output:
	// without the plugin: true
	// with it: acme <nil>
}

// The tenant column has the type of the application's IDs.
func ExampleTenantModelOf() {
	type Project struct {
		ID uint
		models.TenantModelOf[uuid.UUID]
		Name string
	}
	db := openMemory()
	if err := errors.Join(db.Use(tenantplugin.New()), db.AutoMigrate(&Project{})); err != nil {
		log.Fatal(err)
	}
	tenant := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	project := Project{Name: "Website"}
	err := db.WithContext(gormtenant.WithTenant(context.Background(), tenant)).Create(&project).
		Error
	fmt.Println(project.TenantID, err)
	// Output:
	// 6ba7b810-9dad-11d1-80b4-00c04fd430c8 <nil>
}

// A model that exists needs a tag, and no other name for its field.
func Example_tag() {
	type Invoice struct {
		ID      uint
		Account int64 `gorm:"tenant;column:account_no;not null;index"`
	}
	db := openMemory()
	if err := errors.Join(db.Use(tenantplugin.New()), db.AutoMigrate(&Invoice{})); err != nil {
		log.Fatal(err)
	}
	invoice := Invoice{}
	err := db.WithContext(gormtenant.WithTenant(context.Background(), 4711)).Create(&invoice).Error
	fmt.Println(invoice.Account, err)
	// Output:
	// 4711 <nil>
}
