package saas_test

import (
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// This is the test that an application has of its own models: about a thousand attacks, each a
// sub-test.
func TestTenantIsolation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		dialector func(t *testing.T) gorm.Dialector
	}{
		{
			"sqlite",
			func(t *testing.T) gorm.Dialector { return sqlite.Open(t.TempDir() + "/test.db") },
		},
		{"postgres", func(t *testing.T) gorm.Dialector { return postgres.Open(pgtest.New(t)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tenanttest.Run(t, func(t *testing.T) *gorm.DB {
				db, err := gorm.Open(test.dialector(t), &gorm.Config{Logger: logger.Discard})
				require.NoError(t, err)
				require.NoError(t, db.Use(tenantplugin.New(tenantplugin.CheckReferences())))
				require.NoError(t, db.AutoMigrate(saas.Models()...))
				return db
			}, saas.Models()...)
		})
	}
}
