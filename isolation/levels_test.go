package isolation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest/levels"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// The test kit's attacks, at every level of isolation.
func TestModels_are_isolated(t *testing.T) {
	t.Parallel()
	setup := levels.Setup{
		Tenants: []string{"acme", "zeta"}, Models: saas.Models(),
		Migrate: func(db *gorm.DB) error {
			return db.AutoMigrate(saas.Models()...)
		},
	}
	levels.Each(t, setup, func(t *testing.T, p *levels.Places) {
		options := []tenantplugin.Option{
			tenantplugin.Models(saas.Models()...),
			tenantplugin.CheckReferences(),
		}
		if p.RawSQL {
			options = append(options, tenantplugin.AllowRawSQL())
		}
		tenanttest.Run(t, func(t *testing.T) *gorm.DB {
			db := p.Open(t, &gorm.Config{})
			require.NoError(t, db.Use(tenantplugin.New(options...)))
			return db
		}, append(saas.Models(), tenanttest.Tenants("acme", "zeta"))...)
	})
}
