package quota_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// Where Postgres itself keeps tenants apart, the role of the application counts, and the locks are
// under a policy as well.
func TestRow_level_security(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	owner := newEnv(t, postgres.Open(dsn), &gorm.Config{})
	require.NoError(t, rls.Enable(owner.db, &project{}, &user{}, &note{}, &quota.Lock{}))
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	app, admin := "app_"+config.Database, "admin_"+config.Database
	for _, statement := range []string{
		"CREATE ROLE " + app + " LOGIN PASSWORD 'x' NOSUPERUSER NOBYPASSRLS",
		"CREATE ROLE " + admin + " LOGIN PASSWORD 'x' NOSUPERUSER BYPASSRLS",
		"GRANT SELECT, INSERT, UPDATE ON projects, users, notes, tenant_quota_locks TO " + app +
			", " + admin,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO " + app + ", " + admin,
	} {
		require.NoError(t, owner.plain.Exec(statement).Error)
	}
	t.Cleanup(func() {
		owner.plain.Exec("DROP OWNED BY " + app + ", " + admin)
		owner.plain.Exec("DROP ROLE " + app + ", " + admin)
	})
	as := func(role string) string {
		return fmt.Sprintf("postgres://%s:x@%s/%s?sslmode=disable", role,
			net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), config.Database)
	}
	adminConfig, err := pgx.ParseConfig(as(admin))
	require.NoError(t, err)
	db := open(t, rls.Open(as(app), rls.Admin(adminConfig)), &gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	require.NoError(t, db.Use(quota.New(quota.Limit(&project{}, "projects"),
		quota.Directory(list{"acme": tenant("acme"), "zeta": tenant("zeta")}))))

	owner.add(t, "zeta", 2)
	require.Equal(t, 3,
		together(t, 50, func(int) error { return createOne(db.WithContext(owner.acme)) }))
	require.Equal(t, 1,
		together(t, 50, func(int) error { return createOne(db.WithContext(owner.zeta)) }))
	require.EqualValues(t, 3, owner.live(t, "projects", "acme"))
	require.EqualValues(t, 3, owner.live(t, "projects", "zeta"))
	tx := db.WithContext(gormtenant.Unscoped(t.Context(), "import"))
	row := newProject()
	row.TenantID = "acme"
	requireLimit(t, tx.Create(row).Error, "projects", 3, 4)
	require.NoError(t, db.WithContext(owner.acme).Delete(&project{}, "1 = 1").Error)
	require.NoError(t, tx.Create(row).Error)
	require.NoError(t, db.WithContext(owner.acme).Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(newProjects(2)).Error)
		// To a savepoint and back.
		requireLimit(t, tx.Save([]*project{newProject()}).Error, "projects", 3, 4)
		return tx.Create(&note{}).Error
	}))
	require.EqualValues(t, 3, owner.live(t, "projects", "acme"))
	var locks []string
	require.NoError(t,
		db.WithContext(owner.zeta).Raw("SELECT DISTINCT tenant_id FROM tenant_quota_locks").
			Scan(&locks).Error)
	require.Equal(t, []string{"zeta"}, locks)
}

// A create costs one round trip more, and what is not limited costs none.
func TestRound_trips_of_a_create_behind_a_proxy(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	owner := newEnv(t, postgres.Open(dsn), &gorm.Config{})
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	proxy, through := pgtest.NewProxy(t, config, 0)
	db := open(t,
		postgres.Open(fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", through.User,
			through.Password,
			net.JoinHostPort(through.Host, fmt.Sprint(through.Port)), through.Database)),
		&gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New()))
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	flights := func(run func(tx *gorm.DB) error) int {
		tx := db.WithContext(owner.acme)
		require.NoError(t, run(tx)) // prepares its statements
		proxy.Flights()
		require.NoError(t, run(tx))
		return proxy.Flights()
	}
	remove := func(tx *gorm.DB) error { return tx.Where("1 = 1").Delete(&project{}).Error }
	update := func(tx *gorm.DB) error {
		return tx.Model(&project{}).Where("1 = 1").Update("owner_id", 1).Error
	}
	other := func(tx *gorm.DB) error { return tx.Create(&note{}).Error }
	others := func() []int { return []int{flights(remove), flights(update), flights(other)} }
	want := others()
	create := flights(createOne)
	require.NoError(t, remove(db.WithContext(owner.acme)))
	require.NoError(t, db.Use(quota.New(quota.Limit(&project{}, "projects"))))
	require.Equal(t, create+1, flights(createOne))
	got := others()
	require.Equal(t, want, got)
}
