package tenantplugin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"strings"

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
	Name  string
	Tasks []Task
}

type Task struct {
	ID uint
	models.TenantModel
	Title     string
	ProjectID uint
}

// open opens a database in memory with the plugin and a project of acme's.
func open(options ...tenantplugin.Option) *gorm.DB {
	return openWith(tenantplugin.New(options...))
}

func openWith(plugin *tenantplugin.Plugin) *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		log.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxOpenConns(1) // each connection has a database in memory of its own
	if err := db.Use(plugin); err != nil {
		log.Fatal(err)
	}
	if err := db.AutoMigrate(&Project{}, &Task{}); err != nil {
		log.Fatal(err)
	}
	ctx := gormtenant.WithTenant(context.Background(), "acme")
	if err := db.WithContext(ctx).Create(&Project{ID: 1, Name: "Website"}).Error; err != nil {
		log.Fatal(err)
	}
	return db
}

func Example() {
	db := open()
	for _, tenant := range []string{"acme", "globex"} {
		var projects []Project
		ctx := gormtenant.WithTenant(context.Background(), tenant)
		err := db.WithContext(ctx).Find(&projects).Error
		fmt.Println(tenant, len(projects), err)
	}
	err := db.Find(&[]Project{}).Error
	fmt.Println(errors.Is(err, gormtenant.ErrNoTenant))
	// Output:
	// acme 1 <nil>
	// globex 0 <nil>
	// true
}

// A foreign key of the database takes any row. With the option a task of globex's cannot be put
// into a project of acme's.
func ExampleCheckReferences() {
	db := open(tenantplugin.CheckReferences())
	ctx := gormtenant.WithTenant(context.Background(), "globex")

	err := db.WithContext(ctx).Create(&Task{Title: "Spy", ProjectID: 1}).Error
	fmt.Println(errors.Is(err, gormtenant.ErrOtherTenant))
	// Output:
	// true
}

func ExampleOnUnscoped() {
	db := open(tenantplugin.OnUnscoped(
		func(_ context.Context, e tenantplugin.UnscopedEvent) {
			fmt.Printf("audit: %s of %s for %s\n", e.Operation, e.Table, e.Reason)
		}))

	var n int64
	ctx := gormtenant.Unscoped(context.Background(), "monthly invoicing")
	db.WithContext(ctx).Model(&Project{}).Count(&n)
	fmt.Println(n)
	// Output:
	// audit: query of projects for monthly invoicing
	// 1
}

// Observe is the first step: isolation is off, and what it would do is told.
func ExampleObserve() {
	db := open(tenantplugin.Observe(func(_ context.Context, f tenantplugin.Finding) {
		fmt.Printf("%s of %s would be %s\n", f.Operation, f.Table, f.Kind)
	}))
	for range 2 { // Each place in the code is told once.
		db.Find(&[]Project{})
	}
	db.Exec("UPDATE projects SET name = 'x'")
	// Output:
	// create of projects would be scoped
	// query of projects would be refused
	// raw of projects would be refused
}

// An application that is being adopted has code without a context. Its uses of the one tenant that
// there is are counted, until there are none.
func ExampleDefaultTenant() {
	plugin := tenantplugin.New(
		tenantplugin.DefaultTenant("acme"),
		tenantplugin.OnDefault(func(_ context.Context, e tenantplugin.DefaultEvent) {
			_, file := filepath.Split(e.Caller)
			file, _, _ = strings.Cut(file, ":")
			fmt.Printf("%s of %s in %s has no tenant\n", e.Operation, e.Table, file)
		}))
	db := openWith(plugin)

	var projects []Project
	err := db.Find(&projects).Error
	fmt.Println(len(projects), err)

	err = db.WithContext(gormtenant.WithTenant(context.Background(), "globex")).
		Find(&projects).Error
	fmt.Println(len(projects), err)
	fmt.Println(plugin.DefaultUses())
	// Output:
	// query of projects in example_test.go has no tenant
	// 1 <nil>
	// 0 <nil>
	// 1
}

// Column is for an application whose tables have another name for the tenant, and no tag.
func ExampleColumn() {
	type Invoice struct {
		ID    uint
		OrgID string `gorm:"not null;index"`
	}
	db := open(tenantplugin.Column("org_id"))
	if err := db.AutoMigrate(&Invoice{}); err != nil {
		log.Fatal(err)
	}
	invoice := Invoice{ID: 7}
	ctx := gormtenant.WithTenant(context.Background(), "acme")
	err := db.WithContext(ctx).Create(&invoice).Error
	fmt.Println(invoice.OrgID, err)
	// Output:
	// acme <nil>
}
