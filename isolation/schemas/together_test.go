package schemas_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The connector runs in what Create made.
func TestCreate_for_the_connector(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		s := h.schemas(t, same, schemas.Migrations(first))
		acme, zeta := h.id("acme"), h.id(`Zeta "Inc"`)
		require.NoError(t, s.Provision(t.Context(), acme))
		require.NoError(t, s.Provision(t.Context(), zeta))
		pool := sql.OpenDB(schemas.NewConnector(h.app, same))
		t.Cleanup(func() { _ = pool.Close() })
		db, err := gorm.Open(
			postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		require.NoError(
			t, db.Use(
				tenantplugin.New(
					tenantplugin.AllowRawSQL(), tenantplugin.Models(&Project{}, &Task{}))))
		portugal := "PT"
		for _, id := range []string{acme, zeta} {
			tx := db.WithContext(gormtenant.WithTenant(t.Context(), id))
			require.NoError(
				t, tx.Create(
					&Project{
						Name: "site", CountryCode: &portugal,
						Tasks: []Task{{Title: "plan"}},
					}).Error)
			var found []Project
			require.NoError(t, tx.Preload("Tasks").Joins("Country").Find(&found).Error)
			require.Len(t, found, 1)
			require.Equal(t, id, found[0].TenantID)
			require.Len(t, found[0].Tasks, 1)
			require.Equal(t, "PT", found[0].Country.Code)
			require.ErrorContains(t, tx.Exec("DROP TABLE tasks").Error, "42501")
		}
		err = db.WithContext(gormtenant.WithTenant(t.Context(), zeta)).Exec(
			"SELECT * FROM tenant_" + acme + ".projects").Error
		require.Equal(t, roles, err != nil, err)

		require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation("tenant_"+acme)))
		require.Error(
			t, db.WithContext(gormtenant.WithTenant(t.Context(), acme)).Find(&[]Project{}).Error)
		require.NoError(
			t, db.WithContext(gormtenant.WithTenant(t.Context(), zeta)).First(&Project{}).Error)
	})
}
