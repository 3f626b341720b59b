package tenanttest_test

import (
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

type Project struct {
	ID uint
	models.TenantModel
	Name      string
	CountryID *uint
	Country   *Country
}

// Country is a row that all tenants read.
type Country struct {
	ID   uint
	Name string
}

// openDatabase opens the application's database as the application does, plugin included.
func openDatabase(t *testing.T) *gorm.DB {
	db, err := gorm.Open(sqlite.Open("file:"+t.TempDir()+"/app.db"), &gorm.Config{})
	require.NoError(t, err)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&Project{}))))
	return db
}

// testIsolation is what a test of the application calls.
func testIsolation(t *testing.T) {
	tenanttest.Run(t, openDatabase, &Project{}, tenanttest.Shared(&Country{}))
}

// Each way to reach another tenant's row is a sub-test with a name of its own, such as
// Project/save_over_foreign_key.
func Example() {
	var t *testing.T // of func TestTenantIsolation(t *testing.T)

	testIsolation(t)
}
