package callbacks_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// version is a field type that rewrites an update with a struct into one with a map, as
// gorm.io/plugin/optimisticlock does.
type version int

func (version) UpdateClauses(field *schema.Field) []clause.Interface {
	return []clause.Interface{rewrites{field}}
}

type rewrites struct{ field *schema.Field }

func (rewrites) Name() string               { return "" }
func (rewrites) Build(clause.Builder)       {}
func (rewrites) MergeClause(*clause.Clause) {}

func (r rewrites) ModifyStatement(stmt *gorm.Statement) {
	row := reflect.Indirect(reflect.ValueOf(stmt.Dest))
	if row.Kind() != reflect.Struct {
		return
	}
	values := map[string]any{}
	for _, field := range stmt.Schema.Fields {
		if value, _ := field.ValueOf(stmt.Context, row); field.DBName != "" && !field.PrimaryKey {
			values[field.DBName] = value
		}
	}
	values[r.field.DBName] = gorm.Expr("? + 1", clause.Column{Name: r.field.DBName})
	stmt.Dest = values
}

type versioned struct {
	ID uint
	models.TenantModel
	Name    string
	Version version
}

type createdOnly struct {
	ID       uint
	TenantID string `gorm:"tenant;<-:create"`
	Name     string
}

type countedTenant struct {
	ID    uint
	OrgID int64 `gorm:"tenant"`
	Name  string
}

func openFieldTypes(t *testing.T, open func(*gorm.Config) *gorm.DB) *gorm.DB {
	t.Helper()
	db := open(&gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New()))
	require.NoError(t, db.AutoMigrate(&versioned{}, &createdOnly{}, &countedTenant{}))
	return db
}

// TestVersions: the tenant that a struct leaves empty is no change, though a map says it.
func TestVersions(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		tx := openFieldTypes(t, open).WithContext(gormtenant.WithTenant(t.Context(), A))
		row := versioned{Name: "one"}
		require.NoError(t, tx.Create(&row).Error)
		changed := versioned{ID: row.ID, Name: "two"}
		require.NoError(t, tx.Model(&versioned{ID: row.ID}).Updates(&changed).Error)
		require.NoError(t, tx.Save(&row).Error)
		require.NoError(t, tx.First(&row).Error)
		require.Equal(t, version(2), row.Version)
		require.Equal(t, A, row.TenantID)
	})
}

// TestTenant_that_only_a_create_writes: GORM drops an update of it in silence.
func TestTenant_that_only_a_create_writes(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		tx := openFieldTypes(t, open).WithContext(gormtenant.WithTenant(t.Context(), A))
		row := createdOnly{Name: "one"}
		require.NoError(t, tx.Create(&row).Error)
		for _, name := range []string{"tenant_id", "TenantID", "TENANT_ID"} {
			change := map[string]any{name: B, "name": "x"}
			err := tx.Model(&createdOnly{ID: row.ID}).Updates(change).Error
			require.ErrorIs(t, err, gormtenant.ErrTenantChange, name)
		}
		err := tx.Model(&createdOnly{ID: row.ID}).Update("tenant_id", B).Error
		require.ErrorIs(t, err, gormtenant.ErrTenantChange)
		change := map[string]any{"tenant_id": A, "name": "y"}
		require.NoError(t, tx.Model(&createdOnly{ID: row.ID}).Updates(change).Error)
	})
}

// TestID_of_a_token: numbers in JSON are floats.
func TestID_of_a_token(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := openFieldTypes(t, open)
		seven := db.WithContext(gormtenant.WithTenant(t.Context(), float64(7)))
		require.NoError(t, seven.Create(&countedTenant{Name: "x"}).Error)
		var rows []countedTenant
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), 7)).Find(&rows).Error)
		require.Len(t, rows, 1)
		fraction := db.WithContext(gormtenant.WithTenant(t.Context(), 7.5))
		require.ErrorIs(t, fraction.Find(&rows).Error, gormtenant.ErrInvalidID)
	})
}
