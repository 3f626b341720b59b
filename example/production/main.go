// Command production is an application with tenants at all levels of isolation, on a server that
// setup.sql has set up. It registers three tenants, one at each level, writes as each of them, and
// moves the first through all levels and back.
//
//	createdb saas && psql -d saas --single-transaction -v ON_ERROR_STOP=1 -f setup.sql
//	OWNER_URL=postgres://owner:...@localhost/saas APP_URL=postgres://app:...@localhost/saas \
//		ADMIN_URL=postgres://admin:...@localhost/saas \
//		PROVISIONER_URL=postgres://provisioner:...@localhost/postgres \
//		SECRETS=/etc/saas/secrets go run ./example/production acme globex initech
//
// deploy.go is what runs when a new version is rolled out, serve.go is what a process that serves
// requests opens, and this file what an operator does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run registers tenants of those IDs, one at each level, and moves the first.
func run(ctx context.Context, ids []string, getenv func(string) string, out io.Writer) error {
	if len(ids) != 3 {
		return fmt.Errorf("usage: production ID ID ID")
	}
	d, err := deploy(ctx, getenv)
	if err != nil {
		return err
	}
	defer d.close()
	a, err := serve(ctx, getenv)
	if err != nil {
		return err
	}
	defer a.close()
	mover, err := isolation.NewMover(d.directory, tenantModels(), isolation.SharedTables(d.owner),
		isolation.OwnSchemas(d.schemas), isolation.OwnDatabases(d.databases),
		isolation.Forget(a.directory)) // other processes hear of it by store.Listen
	if err != nil {
		return err
	}

	for i, level := range []tenants.Level{tenants.Rows, tenants.Schema, tenants.Database} {
		if err := register(ctx, d, ids[i], level); err != nil {
			return err
		}
		if err := work(ctx, a, ids[i], "first", out); err != nil {
			return err
		}
	}
	for _, level := range []tenants.Level{
		tenants.Schema, tenants.Rows, tenants.Database, tenants.Schema, tenants.Database,
		tenants.Rows,
	} {
		if err := move(ctx, d.directory, mover, ids[0], level); err != nil {
			return err
		}
		if err := work(ctx, a, ids[0], "at level "+string(level), out); err != nil {
			return err
		}
	}
	return across(ctx, a, out)
}

// register makes the place of a tenant, and then the tenant.
func register(ctx context.Context, d *deployment, id string, level tenants.Level) (err error) {
	t := &tenants.Tenant{ID: id, Slug: id, Plan: "pro", Placement: tenants.Placement{
		Level: level,
	}}
	switch level {
	case tenants.Schema:
		if t.Placement.Name, err = d.schemas.Name(ctx, id); err == nil {
			err = d.schemas.Provision(ctx, id)
		}
	case tenants.Database:
		t.Placement.Name = "tenant_" + id
		err = d.databases.Provision(ctx, t)
	}
	if err != nil {
		return err
	}
	return d.directory.Create(ctx, t)
}

// work is a request of a tenant.
func work(ctx context.Context, a *application, id, name string, out io.Writer) error {
	t, err := a.directory.Lookup(ctx, id)
	if err != nil {
		return err
	}
	db := a.db.WithContext(tenants.NewContext(ctx, t))
	var n int64
	err = db.Transaction(func(tx *gorm.DB) error {
		project := &Project{Name: name, Tasks: []Task{{Title: "plan"}, {Title: "do"}}}
		if err := tx.Create(project).Error; err != nil {
			return err
		}
		return tx.Raw("SELECT count(*) FROM tasks").Row().Scan(&n) // of the tenant, at any level
	})
	if err == nil {
		_, err = fmt.Fprintf(out, "%s, level %s: %d tasks\n", id, t.Placement.Normal().Level, n)
	}
	return err
}

// move moves a tenant, and removes what it leaves.
func move(
	ctx context.Context, directory tenants.Directory, mover *isolation.Mover, id string,
	level tenants.Level,
) error {
	t, err := directory.Lookup(ctx, id)
	if err != nil {
		return err
	}
	if _, err := mover.Move(ctx, id, tenants.Placement{Level: level}); err != nil {
		return err
	}
	confirmation, err := mover.Confirmation(ctx, id, t.Placement) // a person's, if you have one
	if err != nil {
		return err
	}
	return mover.Remove(ctx, id, t.Placement, confirmation)
}

// across is a report over the shared tables.
func across(ctx context.Context, a *application, out io.Writer) error {
	var n int64
	err := a.db.WithContext(gormtenant.Unscoped(ctx, "count of the shared projects")).
		Model(&Project{}).Count(&n).Error
	if err == nil {
		_, err = fmt.Fprintf(out, "all tenants, level %s: %d projects\n", tenants.Rows, n)
	}
	return err
}
