package provision_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// A tenant's file is made with its tables, and goes only for a confirmation that names it.
func ExampleFiles() {
	dir, err := os.MkdirTemp("", "tenants")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	open := func(path string) gorm.Dialector {
		return sqlite.Open("file:" + filepath.ToSlash(path) + "?_pragma=foreign_keys(1)")
	}
	files, err := provision.NewFiles(filepath.Join(dir, "data"), open,
		provision.Migrations(migrations.Models("0001", &note{})))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	acme := &tenants.Tenant{ID: "acme", Placement: tenants.Placement{Level: tenants.Database}}
	fmt.Println(files.Provision(ctx, acme))
	fmt.Println(errors.Is(files.Deprovision(ctx, acme, "yes"), provision.ErrNotConfirmed))
	fmt.Println(files.Deprovision(ctx, acme, "DELETE_DATABASE_tenant_acme"))
	// Output:
	// <nil>
	// true
	// <nil>
}

// A tenant's database on Postgres belongs to a role of its own, whose password nobody has to know.
func ExampleNewPostgres() {
	admin, err := pgx.ParseConfig("postgres://provisioner@db.example.com/postgres")
	if err != nil {
		panic(err)
	}
	secrets, err := credentials.InFiles("/etc/app/secrets")
	if err != nil {
		panic(err)
	}
	provisioner, err := provision.NewPostgres(secrets, []provision.Server{{Admin: admin}},
		provision.Migrations(migrations.Models("0001", &note{})))
	if err != nil {
		panic(err)
	}
	acme := &tenants.Tenant{ID: "acme", Placement: tenants.Placement{Level: tenants.Database}}
	if err := provisioner.Provision(context.Background(), acme); err != nil {
		panic(err)
	}
}
