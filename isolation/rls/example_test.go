package rls_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// Invoice is the model of the examples.
type Invoice struct {
	ID uint
	models.TenantModel
	Total int
}

// The server looks after raw SQL. Statements that cross tenants run as another role.
func ExampleOpen() {
	admin, err := pgx.ParseConfig(os.Getenv("ADMIN_DSN")) // a role with BYPASSRLS
	if err != nil {
		panic(err)
	}
	db, err := gorm.Open(rls.Open(os.Getenv("APP_DSN"), rls.Admin(admin)), &gorm.Config{})
	if err != nil {
		panic(err)
	}
	err = db.Use(tenantplugin.New(tenantplugin.Models(&Invoice{}), tenantplugin.AllowRawSQL()))
	if err != nil {
		panic(err)
	}
	if err := rls.Check(db); err != nil { // at every start
		panic(err)
	}

	acme := gormtenant.WithTenant(context.Background(), "acme")
	var sum int
	db.WithContext(acme).Raw("SELECT sum(total) FROM invoices").Scan(&sum) // of acme

	all := gormtenant.Unscoped(acme, "yearly report")
	db.WithContext(all).Raw("SELECT sum(total) FROM invoices").Scan(&sum) // of everyone
}

// The statements go into a migration, which runs as the owner of the tables.
func ExampleStatements() {
	owner, err := gorm.Open(rls.Open(os.Getenv("OWNER_DSN")), &gorm.Config{DryRun: true})
	if err != nil {
		panic(err)
	}
	statements, err := rls.Statements(owner, &Invoice{})
	if err != nil {
		panic(err)
	}
	for _, statement := range statements {
		fmt.Println(statement + ";")
	}
}
