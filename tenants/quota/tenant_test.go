package quota_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// TestTenant finds the limits, or refuses the create.
func TestLimits_are_those_of_the_tenant_in_the_context(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		with := func(change func(t *tenants.Tenant)) context.Context {
			changed := tenant("acme")
			change(changed)
			return tenants.NewContext(t.Context(), changed)
		}
		for _, test := range []struct {
			name  string
			ctx   context.Context
			fails error
			says  string
		}{
			{name: "in_the_context", ctx: e.acme},
			{
				"only_an_id", gormtenant.WithTenant(t.Context(), "acme"), nil,
				"give quota.New a quota.Directory",
			},
			{"another_since", gormtenant.WithTenant(e.acme, "zeta"), nil, "tenants.NewContext"},
			{"unscoped", gormtenant.Unscoped(e.acme, "import"), nil, "quota.Directory"},
			{"no_tenant", t.Context(), gormtenant.ErrNoTenant, ""},
			{"no_reason", gormtenant.Unscoped(e.acme, " "), gormtenant.ErrNoReason, ""},
			{name: "limit_of_the_plan", ctx: with(func(t *tenants.Tenant) { t.Limits = nil })},
			{
				"unknown_plan", with(func(t *tenants.Tenant) { t.Limits, t.Plan = nil, "fre" }),
				tenants.ErrUnknownPlan, "",
			},
			{
				"no_plan", with(func(t *tenants.Tenant) { t.Limits, t.Plan = nil, "" }),
				tenants.ErrUnknownPlan, "",
			},
			{
				name: "unlimited",
				ctx: with(func(t *tenants.Tenant) {
					t.Limits = tenants.Limits{"projects": tenants.Unlimited}
				}),
			},
			{
				"below_minus_one",
				with(func(t *tenants.Tenant) { t.Limits = tenants.Limits{"projects": -7} }),
				tenants.ErrInvalidLimit, "",
			},
			{
				name: "unlimited_by_its_plan",
				ctx:  with(func(t *tenants.Tenant) { t.Limits, t.Plan = nil, "enterprise" }),
			},
			{
				"limit_of_nothing",
				with(func(t *tenants.Tenant) { t.Limits = tenants.Limits{"projects": 0} }),
				tenants.ErrLimit, "",
			},
			{
				name: "other_limit_in_capital",
				ctx:  with(func(t *tenants.Tenant) { t.Limits = tenants.Limits{"Projects": 0} }),
			},
		} {
			row := newProject()
			row.TenantID = map[bool]string{true: "acme"}[test.name == "unscoped"]
			err := e.db.WithContext(test.ctx).Create(row).Error
			switch {
			case test.fails != nil:
				require.ErrorIs(t, err, test.fails, test.name)
			case test.says != "":
				require.ErrorContains(t, err, test.says, test.name)
				require.ErrorContains(t, err, "gormtenant: create projects: ", test.name)
			default:
				require.NoError(t, err, test.name)
			}
			require.NoError(t, e.plain.Exec("DELETE FROM projects").Error)
		}
		require.NoError(t,
			e.db.WithContext(gormtenant.WithTenant(t.Context(), "acme")).Create(&note{}).Error,
			"not limited")
	})
}

// TestDirectory asks it for the tenants that are not in the context.
func TestDirectory_gives_limits_of_tenants_not_in_the_context(t *testing.T) {
	t.Parallel()
	directory := list{
		"acme": tenant("acme"), "zeta": tenant("zeta"), "down": nil, "other": tenant("acme"),
		"free": {ID: "free", Plan: "free"},
	}
	each(t, func(t *testing.T, e *env) {
		id := func(id any) *gorm.DB {
			return e.db.WithContext(gormtenant.WithTenant(t.Context(), id))
		}
		require.NoError(t, id("acme").Create(newProjects(2)).Error)
		requireLimit(t, id("acme").Create(newProjects(2)).Error, "projects", 3, 4)
		requireLimit(t, e.as().Create(newProjects(2)).Error, "projects", 3, 4)
		require.NoError(t, e.as().Scopes(scopes.Tenant("zeta")).Create(newProjects(3)).Error)
		requireLimit(t, e.as().Scopes(scopes.Tenant("zeta")).Create(newProject()).Error, "projects",
			3, 4)
		requireLimit(t, id("free").Create(newProjects(4)).Error, "projects", 3, 4)
		require.ErrorIs(t, id("nobody").Create(newProject()).Error, tenants.ErrNotFound)
		require.ErrorIs(t, id("down").Create(newProject()).Error, errDirectory)
		require.ErrorContains(t, id("other").Create(newProject()).Error, "another tenant")
		require.ErrorIs(t, id(3.5).Create(newProject()).Error, gormtenant.ErrInvalidID)
	}, quota.Directory(directory))
}

// TestUnscoped creates rows of several tenants in one statement.
func TestUnscoped_creates_count_for_each_tenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		tx := e.db.WithContext(gormtenant.Unscoped(t.Context(), "import"))
		of := func(ids ...string) *[]project {
			all := newProjects(len(ids))
			for i, id := range ids {
				all[i].TenantID = id
			}
			return &all
		}
		require.NoError(t, tx.Create(of("zeta", "acme", "zeta", "acme")).Error)
		require.Equal(t, "LOCK LOCK INSERT", beginnings(e.sent.take()), "one for each tenant")
		requireLimit(t, tx.Create(of("acme", "zeta", "acme")).Error, "projects", 3, 4)
		require.EqualValues(t, 2, e.live(t, "projects", "zeta"))
		require.NoError(t,
			tx.Model(&project{}).Create(map[string]any{"slug": slug(), "TenantID": "acme"}).Error)
		requireLimit(t,
			tx.Model(&project{}).Create(map[string]any{"slug": slug(), "tenant_id": "acme"}).Error,
			"projects", 3, 4)
		requireLimit(t,
			tx.Table("projects").Create(map[string]any{"slug": slug(), "tenant_id": "acme"}).Error,
			"projects", 3, 4)
		require.ErrorIs(t, tx.Create(of("zeta", "")).Error, gormtenant.ErrNoTenant)
		require.ErrorIs(t, tx.Model(&project{}).Create(map[string]any{"slug": slug()}).Error,
			gormtenant.ErrNoTenant)
		require.ErrorIs(t, tx.Create(of("nobody")).Error, tenants.ErrNotFound)
		require.NoError(t, tx.Save(of("zeta")).Error)
		requireLimit(t, tx.Save(of("zeta")).Error, "projects", 3, 4)
		into := clause.Insert{Table: clause.Table{Name: "projects"}} // of another model's statement
		requireLimit(t,
			tx.Clauses(into).Table("notes").
				Create(map[string]any{"slug": slug(), "tenant_id": "acme"}).Error, "projects", 3, 4)
	}, quota.Directory(list{"acme": tenant("acme"), "zeta": tenant("zeta")}))
}

// Two statements on the same tenants lock them in the same order, whatever that of their rows.
func TestUnscoped_does_not_deadlock(t *testing.T) {
	t.Parallel()
	plenty := func(id string) *tenants.Tenant {
		return &tenants.Tenant{ID: id, Limits: tenants.Limits{"projects": 1000}}
	}
	each(t, func(t *testing.T, e *env) {
		tx := e.db.WithContext(gormtenant.Unscoped(t.Context(), "import"))
		require.Equal(t, 50, together(t, 50, func(i int) error {
			all := newProjects(2)
			all[i%2].TenantID, all[1-i%2].TenantID = "acme", "zeta"
			return tx.Create(&all).Error
		}))
	}, quota.Directory(list{"acme": plenty("acme"), "zeta": plenty("zeta")}))
}

type byUUID struct {
	ID       uint
	TenantID uuid.UUID `gorm:"tenant;type:uuid;not null;index"`
}

type byNumber struct {
	ID uint
	models.TenantModelOf[int64]
}

type text string

type byText struct {
	ID    uint
	OrgID text `gorm:"tenant"`
}

type number int

// TestTypes_of_IDs counts for one tenant, however its ID is given.
func TestTypes_of_IDs(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	two := func(id string) *tenants.Tenant {
		return &tenants.Tenant{ID: id, Plan: "free", Limits: tenants.Limits{"a": 2, "b": 2, "c": 2}}
	}
	directory := list{id.String(): two(id.String()), "65": two("65"), "acme": two("acme")}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := open(t, dialectors[kind](t), &gorm.Config{})
			require.NoError(t, db.Use(tenantplugin.New()))
			require.NoError(t, db.AutoMigrate(&byUUID{}, &byNumber{}, &byText{}, &quota.Lock{}))
			require.NoError(t, db.Use(quota.New(quota.Directory(directory),
				quota.Limit(&byUUID{}, "a"), quota.Limit(&byNumber{}, "b"),
				quota.Limit(&byText{}, "c"))))
			for _, test := range []struct {
				ids   []any
				model func() any
			}{
				{[]any{id, id.String(), &id}, func() any { return &byUUID{} }},
				{[]any{int64(65), "65", number(65)}, func() any { return &byNumber{} }},
				{[]any{"acme", text("acme"), "acme"}, func() any { return &byText{} }},
				{[]any{65, "65", number(65)}, func() any { return &byText{} }},
			} {
				for i, id := range test.ids {
					err := db.WithContext(gormtenant.WithTenant(t.Context(), id)).
						Create(test.model()).Error
					if i < 2 {
						require.NoError(t, err, "%T %v", id, id)
						continue
					}
					require.ErrorIs(t, err, tenants.ErrLimit, "%T %v", id, id)
				}
			}
			ctx := tenants.NewContext(t.Context(), two("acme"))
			require.ErrorIs(t, db.WithContext(ctx).Create(&byNumber{}).Error,
				gormtenant.ErrInvalidID)
		})
	}
}

// byTextOfUUID is a model whose IDs the database compares as UUIDs.
type byTextOfUUID struct {
	ID       uint
	TenantID string `gorm:"tenant;type:uuid;not null;index"`
}

// Two spellings of one UUID wait for one lock, and count the same rows.
func TestUUID_in_capitals(t *testing.T) {
	t.Parallel()
	lower := "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	upper := strings.ToUpper(lower)
	db := open(t, dialectors["postgres"](t), &gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New()))
	require.NoError(t, db.AutoMigrate(&byTextOfUUID{}, &byUUID{}, &quota.Lock{}))
	require.NoError(t,
		db.Use(quota.New(quota.Limit(&byTextOfUUID{}, "projects"),
			quota.Limit(&byUUID{}, "users"))))
	as := func(id string) *gorm.DB {
		return db.WithContext(tenants.NewContext(t.Context(), tenant(id)))
	}
	require.NoError(t, as(lower).Create(&byTextOfUUID{}).Error)
	require.NoError(t, as(upper).Create(&[]byTextOfUUID{{}, {}}).Error)
	requireLimit(t, as(lower).Create(&byTextOfUUID{}).Error, "projects", 3, 4)
	requireLimit(t, as(upper).Create(&byTextOfUUID{}).Error, "projects", 3, 4)
	require.NoError(t, as(upper).Create(&[]byUUID{{}, {}}).Error)
	requireLimit(t, as(lower).Create(&byUUID{}).Error, "users", 2, 3)
	var locks []string
	require.NoError(t,
		db.WithContext(gormtenant.Unscoped(t.Context(), "test")).Model(&quota.Lock{}).
			Where("name <> ''").Pluck("tenant_id", &locks).Error)
	require.Equal(t, []string{lower, lower}, locks)
}

// asking is a directory on the same database.
type asking struct{ db *gorm.DB }

func (a *asking) Lookup(ctx context.Context, identifier string) (*tenants.Tenant, error) {
	return tenant(identifier), a.db.WithContext(ctx).Exec("SELECT 1").Error
}

// The directory is asked before the transaction has the only connection.
func TestDirectory_on_the_only_connection(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			directory := &asking{}
			e := newEnv(t, dialectors[kind](t), &gorm.Config{}, quota.Directory(directory))
			directory.db = e.db
			pool, err := e.db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			ctx, cancel := context.WithTimeout(gormtenant.WithTenant(t.Context(), "acme"), waitFor)
			defer cancel()
			for _, tx := range []*gorm.DB{e.db.WithContext(ctx), without(e.db.WithContext(ctx))} {
				require.NoError(t, tx.Create(newProject()).Error)
			}
		})
	}
}
