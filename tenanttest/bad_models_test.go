package tenanttest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// One bad model each.
type (
	tagged struct { // a unique column
		ID uint
		models.TenantModel
		Email string `gorm:"unique"`
	}
	parent struct {
		ID uint
		models.TenantModel
		Children []child
	}
	child struct { // a foreign key without the tenant
		ID uint
		models.TenantModel
		ParentID uint
	}
	unindexed struct {
		ID       uint
		TenantID string `gorm:"tenant;not null"`
	}
	second struct { // an index that does not begin with the tenant
		ID       uint
		TenantID string `gorm:"tenant;not null;index:idx_seconds_name,priority:2"`
		Name     string `gorm:"index:idx_seconds_name,priority:1"`
	}
	nullable struct {
		ID       uint
		TenantID string `gorm:"tenant;index"`
	}
	pointer struct {
		ID       uint
		TenantID *string `gorm:"tenant;index"`
	}
	country struct {
		ID   uint
		Name string
	}
	optedOut struct {
		ID       uint
		TenantID string `gorm:"tenant:-;not null;index"`
	}
	resident struct { // refers to a model that was not named
		ID uint
		models.TenantModel
		CountryID uint
		Country   *country
	}
	natural struct { // a key that tenants choose
		Code string `gorm:"primaryKey"`
		models.TenantModel
		Text string
	}
	picky struct { // cannot be filled
		ID uint
		models.TenantModel
		Colour string `gorm:"not null;check:colour = upper(colour)"`
	}
)

// busybody has a hook that works across tenants.
type busybody struct {
	ID uint
	models.TenantModel
	Name string
	Seen int
}

// BeforeUpdate counts updates, of everybody.
func (b *busybody) BeforeUpdate(tx *gorm.DB) error {
	ctx := gormtenant.Unscoped(tx.Statement.Context, "statistics")
	return tx.Session(&gorm.Session{NewDB: true, Context: ctx}).Model(&busybody{}).Where("1 = 1").
		UpdateColumn("seen", gorm.Expr("seen + 1")).Error
}

// gossip has a hook that reads across tenants.
type gossip struct {
	ID uint
	models.TenantModel
	Name   string
	Newest string
}

// AfterFind tells the newest name of all.
func (g *gossip) AfterFind(tx *gorm.DB) error {
	ctx := gormtenant.Unscoped(tx.Statement.Context, "statistics")
	return tx.Session(&gorm.Session{NewDB: true, Context: ctx}).Table("gossips").
		Select("max(name)").Scan(&g.Newest).Error
}

// badModels are set-ups whose flaw is in a model, or beside the plugin.
func badModels(kind string) []setup {
	checked := opened(kind, tenantplugin.CheckReferences())
	bad := func(name, finds string, models ...any) setup {
		return setup{name: name, open: checked, models: models, finds: []string{finds}, only: true}
	}
	list := []setup{
		bad("unique_index_without_tenant", "unique/unique_slug", &unique{}),
		bad("unique_column_without_tenant", "tagged/unique_email", &tagged{}),
		bad("unindexed_tenant", "unindexed/tenant_index", &unindexed{}),
		bad("tenant_second_in_its_index", "second/tenant_index", &second{}),
		bad("tenant_may_be_null", "nullable/tenant_not_null", &nullable{}),
		bad("tenant_is_a_pointer", "pointer/tenant_not_null", &pointer{}),
		bad("model_without_tenant", "country/no_tenant", &country{}, &team{}, &member{}),
		bad("model_without_tenant_that_is_referred_to", "country/no_tenant", &resident{}),
		bad("model_that_opted_out", "optedOut/no_tenant", &optedOut{}, &badge{}),
		bad("no_tenant_at_all", "rows", &country{}),
		bad("key_that_tenants_choose", "natural/unique_code", &natural{}),
		bad("row_that_cannot_be_made", "rows", &picky{}),
		{
			name: "foreign_key_without_tenant", open: opened(kind),
			models: []any{&parent{}, &child{}},
			finds:  []string{"child/foreign_key_parent_id"}, only: true,
		},
		{
			name: "index_made_by_a_migration", models: []any{&badge{}},
			finds: []string{"badge/unique_colour"}, only: true,
			open: func(t *testing.T) *gorm.DB {
				db := checked(t)
				require.NoError(t, db.AutoMigrate(&badge{}))
				require.NoError(t,
					db.Exec("CREATE UNIQUE INDEX one_of_each ON badges (colour)").Error)
				return db
			},
		},
		{
			name: "column_made_by_a_migration", models: []any{&unprotectedBadge{}},
			finds: []string{"unprotectedBadge/tenant_not_null"}, only: true,
			open: func(t *testing.T) *gorm.DB {
				db := checked(t)
				require.NoError(t,
					db.Exec("CREATE TABLE badges (id "+counting[kind]+
						" PRIMARY KEY, tenant_id varchar(40), label text)").Error)
				require.NoError(t,
					db.Exec("CREATE INDEX badges_tenant ON badges (tenant_id)").Error)
				return db
			},
		},
		{
			name: "hook_that_writes_across", open: checked, models: []any{&busybody{}},
			finds: []string{"busybody/update_all"},
		},
		{
			name: "hook_that_reads_across", open: checked, models: []any{&gossip{}},
			finds: []string{"gossip/find"},
		},
		{
			name: "raw_sql_without_a_guard_in_the_database",
			open: opened(kind, tenantplugin.AllowRawSQL()), models: withPlainKeys(),
			finds: []string{"team/raw", "member/exec_update", "badge/raw_row"},
		},
		{
			name: "another_plugin_lifts_the_scope", models: withPlainKeys(),
			finds: []string{"team/or", "member/delete_by_key_of_another"},
			open: func(t *testing.T) *gorm.DB {
				db := opened(kind)(t)
				lift := func(db *gorm.DB) {
					ctx := gormtenant.Unscoped(db.Statement.Context, "a cache that warms up")
					db.Statement.Context = ctx
				}
				for _, err := range []error{
					db.Callback().Query().Before("gorm:query").Register("test:lift", lift),
					db.Callback().Delete().Before("gorm:delete").Register("test:lift", lift),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
				return db
			},
		},
		{
			name: "allowed_by_a_name_that_is_none", open: checked, finds: []string{""}, only: true,
			models: append(goodModels(),
				tenanttest.Allow("team/unique_name", "names are global on purpose")),
		},
		{
			name: "allowed_without_a_reason", open: checked, finds: []string{""}, only: true,
			models: append(goodModels(), tenanttest.Allow("team/unique_name", " ")),
		},
		{name: "no_models", open: checked, finds: []string{""}, only: true},
		{name: "not_a_model", open: checked, models: []any{7}, finds: []string{""}, only: true},
		{
			name: "no_database", open: func(*testing.T) *gorm.DB { return nil },
			models: goodModels(), finds: []string{""}, only: true,
		},
	}
	for i := range list {
		list[i].name += "_" + kind
	}
	return list
}

// counting is the type of a key that the database counts up.
var counting = map[string]string{"sqlite": "integer", "postgres": "bigserial"}

// unprotectedBadge is badge on a table that was made by hand.
type unprotectedBadge struct {
	ID uint
	models.TenantModel
	Label string
}

func (unprotectedBadge) TableName() string { return "badges" }
