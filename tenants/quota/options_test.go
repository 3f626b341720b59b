package quota_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/utils/tests"

	"github.com/gormtenant/gormtenant"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

type country struct{ Code string }

type twoTenants struct {
	ID   uint
	A, B string `gorm:"tenant"`
}

func TestUse_refuses_bad_options(t *testing.T) {
	t.Parallel()
	projects := quota.Limit(&project{}, "projects")
	for _, test := range []struct {
		name    string
		options []quota.Option
		is      error
		says    string
	}{
		{"nothing_limited", nil, nil, "quota.Limit(&Project{}, \"projects\")"},
		{
			"nil",
			[]quota.Option{quota.Limit(nil, "x")},
			gormtenant.ErrInvalidModel,
			"<nil>, which is no model",
		},
		{
			"text",
			[]quota.Option{quota.Limit("projects", "x")},
			gormtenant.ErrInvalidModel,
			"string, which is no model",
		},
		{
			"map",
			[]quota.Option{quota.Limit(map[string]any{}, "x")},
			gormtenant.ErrInvalidModel,
			"which is no model",
		},
		{
			"nobodys",
			[]quota.Option{quota.Limit(&country{}, "x")},
			gormtenant.ErrInvalidModel,
			"no tenant field",
		},
		{
			"two_tenant_fields",
			[]quota.Option{quota.Limit(&twoTenants{}, "x")},
			gormtenant.ErrInvalidModel, "two tenant fields",
		},
		{"no_name", []quota.Option{quota.Limit(&project{}, "")}, nil, "needs the name of a limit"},
		{
			"model_twice",
			[]quota.Option{projects, quota.Limit(&project{}, "x")},
			nil,
			"the table projects twice",
		},
		{
			"table_twice",
			[]quota.Option{projects, quota.Limit(&slugOnly{}, "x")},
			nil,
			"the table projects twice",
		},
		{"option_twice", []quota.Option{projects, projects}, nil, "twice"},
		{
			"name_twice",
			[]quota.Option{projects, quota.Limit(&user{}, "projects")},
			nil,
			"the name \"projects\" for project and for user",
		},
		{"no_plans", []quota.Option{projects, quota.Plans(nil)}, nil, "quota.Plans needs plans"},
		{
			"no_directory",
			[]quota.Option{projects, quota.Directory(nil)},
			nil,
			"quota.Directory needs a directory",
		},
		{
			"meter_without_a_name",
			[]quota.Option{quota.Meter("", quota.Always)},
			nil,
			"needs the name of a limit",
		},
		{"period", []quota.Option{quota.Meter("x", 7)}, nil, "and a period"},
		{
			"meter_twice",
			[]quota.Option{quota.Meter("x", quota.Always), quota.Meter("x", quota.Monthly)},
			nil,
			"the limit \"x\" twice",
		},
		{
			"meter_of_a_model",
			[]quota.Option{projects, quota.Meter("projects", quota.Always)},
			nil, "the limit \"projects\" twice",
		},
		{
			"meter_in_a_month",
			[]quota.Option{
				quota.Meter("x", quota.Monthly), quota.Meter("x@2026-01", quota.Always),
			},
			nil, "a month of the second",
		},
		{
			"soft_of_nothing", []quota.Option{
				projects, quota.Soft("users", func(context.Context, quota.Use) {}),
			}, nil, "no quota.Limit and no quota.Meter",
		},
		{"soft_nil", []quota.Option{projects, quota.Soft("x", nil)}, nil, "a function to tell"},
		{
			"recount",
			[]quota.Option{projects, quota.RecountAfter(0)},
			nil,
			"quota.RecountAfter(0s): it must be positive",
		},
		{"nil_option", []quota.Option{projects, nil}, nil, "quota.New: option 2 is nil"},
		{
			"first_of_two_wrong",
			[]quota.Option{quota.Plans(nil), quota.Directory(nil)},
			nil,
			"quota.Plans",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dialectors["sqlite"](t), &gorm.Config{})
			require.NoError(t, db.Use(tenantplugin.New()))
			err := db.Use(quota.New(test.options...))
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "gormtenant: ")
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.NoError(t, db.Use(quota.New(projects)), "db.Use can be called again")
			require.ErrorIs(t, db.Use(quota.New(projects)), gorm.ErrRegistered)
		})
	}
}

func TestUse_without_the_plugin(t *testing.T) {
	t.Parallel()
	db := open(t, dialectors["sqlite"](t), &gorm.Config{})
	err := db.Use(quota.New(quota.Limit(&project{}, "projects")))
	require.ErrorIs(t, err, gormtenant.ErrNotRegistered)
	require.ErrorContains(t, err, "before db.Use(quota.New(...))")
}

func TestUse_on_another_database(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(tests.DummyDialector{}, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.ErrorContains(t, db.Use(quota.New(quota.Limit(&project{}, "projects"))), "not on dummy")
}

// The plans are those at the time of New.
func TestPlans_of_the_application_limit(t *testing.T) {
	t.Parallel()
	plans := tenants.Plans{"free": {"projects": 1}}
	option := quota.Plans(plans)
	each(t, func(t *testing.T, e *env) {
		ctx := tenants.NewContext(t.Context(), &tenants.Tenant{ID: "acme", Plan: "free"})
		requireLimit(t, e.db.WithContext(ctx).Create(newProjects(2)).Error, "projects", 1, 2)
		require.NoError(t, e.db.WithContext(ctx).Create(&user{Name: "not limited"}).Error)
		ctx = tenants.NewContext(t.Context(), &tenants.Tenant{ID: "acme", Plan: "pro"})
		require.ErrorIs(t, e.db.WithContext(ctx).Create(newProject()).Error, tenants.ErrUnknownPlan)
	}, option)
}

func TestTable_is_missing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		require.NoError(t, e.plain.Migrator().DropTable("tenant_quota_locks"))
		require.ErrorContains(t, e.as().Create(newProject()).Error, "call quota.Migrate(db)")
		require.Zero(t, e.live(t, "projects", "acme"))
		require.NoError(t, quota.Migrate(e.db))
		require.NoError(t, e.as().Create(newProject()).Error)
		require.NoError(t, e.plain.Exec("DROP TABLE projects").Error)
		require.NotContains(t, e.as().Create(newProject()).Error.Error(), "Migrate")
	})
}

func TestValues_that_are_no_rows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		for _, test := range []struct {
			name  string
			value any
		}{
			{"nil", nil},
			{"typed_nil", (*project)(nil)},
			{"empty", []project{}},
			{"nils", []*project{nil}},
			{"text", "x"},
		} {
			e.sent.take()
			require.Error(t, e.as().Create(test.value).Error, test.name)
			require.NotContains(t, beginnings(e.sent.take()), "LOCK", test.name)
			require.NotErrorIs(t, e.as().Model(&project{}).Create(test.value).Error,
				tenants.ErrLimit, test.name)
		}
	})
}

// The locks are a tenant's: others cannot see or take them by GORM.
func TestLock_is_a_tenant_model(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		require.NoError(t, e.as().Create(newProject()).Error)
		require.NoError(t, e.db.WithContext(e.zeta).Create(newProject()).Error)
		var locks []quota.Lock
		require.NoError(t, e.as().Order("name").Find(&locks).Error)
		require.Len(t, locks, 2)
		require.Equal(t, quota.Lock{TenantID: "acme", Version: 1}, locks[0])
		require.EqualValues(t, 1, *locks[1].Used)
		require.Equal(t, quota.Lock{
			TenantID: "acme", Name: "projects", Version: 1, Used: locks[1].Used,
			CountedAt: locks[1].CountedAt,
		}, locks[1])
		require.ErrorIs(t, e.db.Find(&locks).Error, gormtenant.ErrNoTenant)
		require.NoError(t, e.as().Exec("UPDATE tenant_quota_locks SET version = 7").Error)
		var theirs int
		const query = "SELECT version FROM tenant_quota_locks WHERE tenant_id = 'zeta' AND " +
			"name = 'projects'"
		require.NoError(t, e.plain.Raw(query).Scan(&theirs).Error)
		require.Equal(t, 1, theirs)
	})
}
