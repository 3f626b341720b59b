package tenanttest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// Models whose columns are of every kind, and whose keys carry the tenant.
type (
	currency struct {
		Code string `gorm:"primaryKey;size:3"`
		Name string
	}
	customer struct {
		TenantID string    `gorm:"tenant;not null;primaryKey;autoIncrement:false"`
		ID       uuid.UUID `gorm:"type:uuid;primaryKey"`
		Email    string    `gorm:"size:40;not null"`
		Invoices []invoice `gorm:"foreignKey:TenantID,CustomerID;references:TenantID,ID"`
		Address  address   `gorm:"embedded;embeddedPrefix:address_"`
	}
	address struct {
		Street string
		Zip    string `gorm:"size:2;check:length(address_zip) = 2"`
	}
	invoice struct {
		ID         uint
		TenantID   string    `gorm:"tenant;not null;uniqueIndex:idx_invoices_number,priority:1"`
		Number     string    `gorm:"not null;uniqueIndex:idx_invoices_number,priority:2"`
		CustomerID uuid.UUID `gorm:"type:uuid"`
		Customer   *customer `gorm:"foreignKey:TenantID,CustomerID;references:TenantID,ID"`
		Currency   string    `gorm:"size:3"`
		In         *currency `gorm:"foreignKey:Currency"`
		Status     string    `gorm:"not null;check:status IN ('open', 'paid')"`
		Cents      int64     `gorm:"check:cents > 100"`
		Percent    float64   `gorm:"check:percent BETWEEN 0 AND 1"`
		Small      int8
		Paid       bool
		PaidAt     *time.Time
		Note       sql.NullString
		Scan       []byte
		Tags       []string `gorm:"serializer:json"`
		CreatedAt  time.Time
		UpdatedAt  time.Time
		DeletedAt  gorm.DeletedAt
	}
)

// Models of tenants that are rows of a table themselves.
type (
	org struct {
		ID   uint
		Name string `gorm:"not null"`
	}
	document struct {
		ID    uuid.UUID `gorm:"type:uuid;primaryKey"`
		OrgID uint      `gorm:"tenant;not null;index"`
		Org   *org
		Title *string
	}
)

// BeforeCreate gives a document its key.
func (d *document) BeforeCreate(*gorm.DB) error {
	if d.ID == uuid.Nil {
		d.ID = uuid.New()
	}
	return nil
}

// coupon is a model that cannot be filled without help.
type coupon struct {
	ID uint
	models.TenantModel
	Code string `gorm:"not null;check:code <> upper(code)"`
	Off  int
}

// BeforeSave refuses what the kit would make up.
func (c *coupon) BeforeSave(*gorm.DB) error {
	if c.Off%7 != 0 {
		return errors.New("off is no multiple of 7")
	}
	return nil
}

// ticket has an integer tenant and a key that the application chooses within it.
type ticket struct {
	models.TenantModelOf[int64]
	TenantID int64  `gorm:"primaryKey;autoIncrement:false"`
	Key      string `gorm:"primaryKey;size:20"`
	Text     string
}

func TestRun_passes(t *testing.T) {
	t.Parallel()
	var off atomic.Int64
	for _, test := range []struct {
		name   string
		models []any
	}{
		{"models_without_a_flaw", goodModels()},
		{"composite_keys", []any{&customer{}, &invoice{}, tenanttest.Shared(&currency{})}},
		{"tenants_that_are_rows", []any{&document{}, tenanttest.Shared(&org{})}},
		{"tenants_that_are_integers", []any{&ticket{}}},
		{"tenants_that_are_given", []any{&ticket{}, tenanttest.Tenants(int64(7), int64(8))}},
		{"tenants_of_a_type_of_its_own", []any{&labelled{}}},
		{
			"model_with_a_factory", []any{&coupon{}, tenanttest.Factory(func() *coupon {
				return &coupon{Code: fmt.Sprint("c", off.Add(1)), Off: int(off.Add(1)) * 7}
			})},
		},
		{
			"every_kind_of_relation", []any{
				&dbtest.User{}, &dbtest.Profile{}, &dbtest.Project{}, &dbtest.Task{}, &dbtest.Tag{},
				&dbtest.Note{},
				tenanttest.Shared(&dbtest.Country{}),
				tenanttest.Allow("Project/unique_slug", "what a careless model has"),
			},
		},
		{
			"what_was_allowed", []any{
				&unique{},
				tenanttest.Allow("unique/unique_slug", "slugs are in the URL without a tenant"),
			},
		},
	} {
		for _, kind := range kinds {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				tenanttest.Run(t, opened(kind, tenantplugin.CheckReferences()), test.models...)
			})
		}
	}
}

// name is a tenant's ID.
type name string

// labelled has a tenant of a type of the application's, in a column of another name.
type labelled struct {
	ID    uint
	Owner name `gorm:"tenant;not null;index;column:belongs_to;size:12"`
	Text  string
}

type unique struct {
	ID uint
	models.TenantModel
	Slug string `gorm:"uniqueIndex"`
}

func TestRun_knows_the_plugins_column(t *testing.T) {
	t.Parallel()
	type page struct {
		ID   uint
		Site string `gorm:"not null;index"`
	}
	tenanttest.Run(t, opened("sqlite", tenantplugin.Column("site")), &page{})
}

func TestRun_leaves_the_database_as_it_was(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := openEmpty(t, kind)
			plain, err := gorm.Open(db.Dialector, &gorm.Config{})
			require.NoError(t, err)
			require.NoError(t, plain.AutoMigrate(&unprotected{}))
			require.NoError(t,
				plain.Exec("INSERT INTO teams (id, tenant_id, name) VALUES (1, 'acme', 'a')").Error)
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.CheckReferences())))

			tenanttest.Run(t, func(*testing.T) *gorm.DB { return db }, goodModels()...)

			var rows []unprotected
			require.NoError(t, plain.Find(&rows).Error)
			require.Equal(t, []unprotected{{ID: 1, TenantID: "acme", Name: "a"}}, rows)
			require.False(t, db.Migrator().HasTable("badges"), "a table was left")
		})
	}
}

// unprotected is the table of team for a *gorm.DB without the plugin.
type unprotected struct {
	ID       uint
	TenantID string `gorm:"tenant:-;not null;index"`
	Name     string
}

func (unprotected) TableName() string { return "teams" }

func TestRun_in_parallel_on_one_database(t *testing.T) {
	t.Parallel()
	db := opened("postgres", tenantplugin.CheckReferences())(t)
	require.NoError(t, db.AutoMigrate(goodModels()...))
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			tenanttest.Run(t, func(*testing.T) *gorm.DB { return db }, goodModels()...)
		})
	}
}

func TestExample_passes(t *testing.T) {
	t.Parallel()
	testIsolation(t)
}
