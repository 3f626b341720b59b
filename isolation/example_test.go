package isolation_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// Invoice is the model of the example.
type Invoice struct {
	ID uint
	models.TenantModel
	Total int
}

// A tenant gets a file of its own. The function that creates and counts does not know where that
// is.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "isolation-")
	check(err)
	defer func() { _ = os.RemoveAll(dir) }()
	open := func(path string) gorm.Dialector {
		return sqlite.Open("file:" + filepath.ToSlash(path) +
			"?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
	}

	// The shared tables, and the directory.
	owner, err := gorm.Open(open(filepath.Join(dir, "shared.db")),
		&gorm.Config{Logger: logger.Discard})
	check(err)
	directory, err := store.New(owner)
	check(err)
	check(directory.Migrate(ctx))
	check(owner.AutoMigrate(&Invoice{}))
	shared, err := owner.DB()
	check(err)
	defer func() { _ = shared.Close() }()

	// The databases of tenants' own, and the router over both.
	files, err := provision.NewFiles(filepath.Join(dir, "tenants"), open,
		provision.Migrations(migrations.Models("1", &Invoice{})))
	check(err)
	pools, err := databases.NewPools(databases.SQLite(filepath.Join(dir, "tenants")))
	check(err)
	defer func() { _ = pools.Close() }()
	cache := tenants.Cached(directory)
	router, err := isolation.NewRouter(cache, shared, isolation.Databases(pools))
	check(err)
	db, err := gorm.Open(sqlite.Dialector{Conn: router}, &gorm.Config{})
	check(err)
	check(db.Use(tenantplugin.New()))

	work := func(t *tenants.Tenant) (n int64) {
		tx := db.WithContext(tenants.NewContext(ctx, t))
		check(tx.Create(&Invoice{Total: 100}).Error)
		check(tx.Model(&Invoice{}).Count(&n).Error)
		return n
	}
	acme, zeta := &tenants.Tenant{ID: "acme", Slug: "acme"}, &tenants.Tenant{
		ID:   "zeta",
		Slug: "zeta",
	}
	check(directory.Create(ctx, acme))
	check(directory.Create(ctx, zeta))
	fmt.Println("both in shared tables:", work(acme), work(zeta))

	mover, err := isolation.NewMover(directory, []any{&Invoice{}},
		isolation.SharedTables(owner), isolation.OwnDatabases(files),
		isolation.Forget(cache), isolation.Progress(nil))
	check(err)
	report, err := mover.Move(ctx, "acme", tenants.Placement{Level: tenants.Database})
	check(err)
	check(mover.Remove(ctx, "acme", tenants.Placement{}, "DELETE_ROWS_tenant_acme"))
	fmt.Println("moved:", report.Rows, "row")
	fmt.Println("acme in a file of its own:", work(acme), work(zeta))
	fmt.Println("in the shared table:", count(shared))
	// Output:
	// both in shared tables: 1 1
	// moved: 1 row
	// acme in a file of its own: 2 2
	// in the shared table: 2
}

func count(pool *sql.DB) (n int) {
	check(pool.QueryRow("SELECT count(*) FROM invoices").Scan(&n))
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
