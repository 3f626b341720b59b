package quota_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/citustest"
	"github.com/gormtenant/gormtenant/isolation/distribute"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// What Citus is sent has no INSERT with a sub-query, and limits as everywhere.
func TestCitus_limits_in_statements_that_Citus_takes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.add(t, "zeta", 5)
		for _, way := range ways {
			require.NoError(t, e.plain.Exec("DELETE FROM projects WHERE tenant_id = 'acme'").Error)
			e.sent.take()
			for range limits["projects"] {
				require.NoError(t, way.create(e.as()), way.name)
			}
			requireLimit(t, way.create(e.as()), "projects", 3, 4)
			for _, sent := range e.sent.take() {
				if e.db.Name() == "postgres" && strings.HasPrefix(sent, "INSERT") {
					require.NotContains(t, sent, "SELECT")
				}
			}
			require.EqualValues(t, 3, e.live(t, "projects", "acme"), way.name)
			require.EqualValues(t, 5, e.live(t, "projects", "zeta"), way.name)
		}
	}, quota.Citus())
}

func TestCitus_fifty_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		for range 3 {
			require.Equal(t, 3, together(t, 50, func(int) error { return createOne(e.as()) }))
			require.EqualValues(t, 3, e.live(t, "projects", "acme"))
			require.NoError(t, e.as().Where("1 = 1").Delete(&project{}).Error)
		}
	}, quota.Citus())
}

// shardedProject has the tenant in its key, as Citus needs it.
type shardedProject struct {
	TenantID string `gorm:"tenant;primaryKey"`
	ID       uint   `gorm:"primaryKey"`
}

func TestCitus_on_a_cluster(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Open(citustest.New(t)), &gorm.Config{})
	all := append([]any{&shardedProject{}}, quota.Models()...)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(all...))))
	require.NoError(t, db.AutoMigrate(all...))
	require.NoError(t, distribute.Apply(t.Context(), db, distribute.Citus()))
	require.NoError(t, db.Use(quota.New(quota.Limit(&shardedProject{}, "projects"), quota.Citus())))
	for _, id := range []string{"acme", "zeta"} {
		tx := db.WithContext(tenants.NewContext(t.Context(), tenant(id)))
		for range 3 {
			require.NoError(t, tx.Create(&shardedProject{}).Error)
		}
		require.ErrorIs(t, tx.Create(&shardedProject{}).Error, tenants.ErrLimit)
	}
}
