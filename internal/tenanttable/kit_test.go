package tenanttable_test

import (
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
)

type Project struct {
	ID uint
	models.TenantModel
	Name    string
	OwnerID *uint
	Owner   *owner
	Tags    []tag  `gorm:"many2many:project_tags"`
	Notes   []note `gorm:"polymorphic:Subject"`
}

type owner struct {
	ID uint
	models.TenantModel
}

type tag struct {
	ID uint
	models.TenantModel
	Label string
}

type note struct {
	ID uint
	models.TenantModel
	SubjectID   uint
	SubjectType string
}

type country struct {
	Code string `gorm:"primaryKey"`
	Name string
}

// projectRow is what rows of a report are scanned into. No table of its own exists.
type projectRow struct {
	Project
	N int
}

// projectName is a smaller struct over the projects.
type projectName struct {
	ID   uint
	Name string
}

func (projectName) TableName() string { return "projects" }

type (
	bill struct {
		ID uint
		models.TenantModel
		Total int
	}
	oldBill struct {
		ID    uint
		Total int
	}
)

func (bill) TableName() string    { return "billing.bills" }
func (oldBill) TableName() string { return "archive.bills" }

// newTables returns what is known of a database without a server.
func newTables(t testing.TB, dialect string, declared ...any) *tenanttable.Tables {
	t.Helper()
	tables := tenanttable.New(offline(t, dialect), field)
	require.NoError(t, tables.Declare(declared...))
	return tables
}

func field(model *schema.Schema) (*schema.Field, error) {
	return models.Field(model, models.DefaultColumn)
}

// named is SQLite under the name of another database, whose rules for names then hold.
type named struct {
	gorm.Dialector
	name string
}

func (n named) Name() string { return n.name }

// offline opens a *gorm.DB of which only the name of the dialect matters.
func offline(t testing.TB, dialect string) *gorm.DB {
	t.Helper()
	return dbtest.Open(t, named{sqlite.Open(":memory:"), dialect}, &gorm.Config{})
}

// parse returns the schema of a model of that database.
func parse(t testing.TB, db *gorm.DB, model any) *schema.Schema {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	require.NoError(t, stmt.Parse(model))
	return stmt.Schema
}
