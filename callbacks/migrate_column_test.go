package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// TestAutoMigrate_adds_the_tenant_column to a table that has none yet, whoever's the context is.
func TestAutoMigrate_adds_the_tenant_column(t *testing.T) {
	t.Parallel()
	type Depot struct {
		ID       uint
		Name     string
		TenantID string `gorm:"tenant;not null;default:acme;index"`
	}
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		plain := open(&gorm.Config{})
		for _, c := range []struct {
			name string
			as   func(db *gorm.DB) *gorm.DB
		}{
			{"tenant", func(db *gorm.DB) *gorm.DB {
				return db.WithContext(gormtenant.WithTenant(t.Context(), A))
			}},
			{"nobody", func(db *gorm.DB) *gorm.DB { return db.WithContext(t.Context()) }},
			{"unscoped", func(db *gorm.DB) *gorm.DB {
				return db.WithContext(gormtenant.Unscoped(t.Context(), "migration"))
			}},
		} {
			for _, known := range []bool{false, true} {
				name := c.name
				if known {
					name += "_of_a_known_model"
				}
				t.Run(name, func(t *testing.T) {
					require.NoError(t, plain.Migrator().DropTable("depots"))
					require.NoError(t, plain.Exec(
						"CREATE TABLE depots (id integer PRIMARY KEY, name text)").Error)
					require.NoError(t, plain.Exec("INSERT INTO depots VALUES (1, 'old')").Error)
					var options []tenantplugin.Option
					if known {
						options = append(options, tenantplugin.Models(&Depot{}))
					}
					db := open(&gorm.Config{})
					require.NoError(t, db.Use(tenantplugin.New(options...)))
					for range 2 {
						require.NoError(t, c.as(db).AutoMigrate(&Depot{}))
					}
					require.True(t, db.Migrator().HasIndex(&Depot{}, "TenantID"))
					types, err := c.as(db).Migrator().ColumnTypes(&Depot{})
					require.NoError(t, err)
					require.Len(t, types, 3)

					var row Depot
					b := db.WithContext(gormtenant.WithTenant(t.Context(), B))
					require.ErrorIs(t, b.First(&row).Error, gorm.ErrRecordNotFound)
					a := db.WithContext(gormtenant.WithTenant(t.Context(), A))
					require.NoError(t, a.First(&row).Error)
					require.Equal(t, Depot{ID: 1, Name: "old", TenantID: "acme"}, row)
				})
			}
		}
	})
}

// TestColumnTypes_reads_no_row: the statement for the types of columns has no tenant's condition.
func TestColumnTypes_reads_no_row(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		log := &textLog{Interface: logger.Discard, prefix: "SELECT * FROM"}
		_, err := e.As().Session(&gorm.Session{Logger: log}).Migrator().ColumnTypes("projects")
		require.NoError(t, err)
		require.NotEmpty(t, log.texts)
		for _, text := range log.texts {
			require.Contains(t, text, "1 = 0")
			require.NotContains(t, text, "tenant_id")
		}
	})
}
