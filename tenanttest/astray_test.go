package tenanttest_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/route"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// spy has a hook that reads in the name of another tenant, meddler one that writes.
type (
	spy     team
	meddler team
)

func asZeta(tx *gorm.DB) *gorm.DB {
	ctx := gormtenant.WithTenant(context.WithoutCancel(tx.Statement.Context), "zeta")
	return tx.Session(&gorm.Session{NewDB: true, Context: ctx, SkipHooks: true})
}

// AfterFind tells the newest name of another tenant.
func (s *spy) AfterFind(tx *gorm.DB) error {
	return asZeta(tx).Table("spies").Select("max(name)").Scan(&s.Name).Error
}

// AfterFind counts in the rows of another tenant.
func (m *meddler) AfterFind(tx *gorm.DB) error {
	return asZeta(tx).Model(&meddler{}).Where("1 = 1").UpdateColumn("name", "seen").Error
}

// together is a picker for which all tenants are in the database of acme, and that keeps their
// transactions apart all the same.
type together struct{ pool *sql.DB }

func (p together) Pick(ctx context.Context) (route.Route, error) {
	id, _ := gormtenant.FromContext(ctx)
	return route.Route{DB: p.pool, Key: id}, nil
}

// sharedOutside is a pool that forgets the tenant of a statement in no transaction.
type sharedOutside struct{ gorm.ConnPool }

func (p sharedOutside) GetDBConn() (*sql.DB, error) {
	return p.ConnPool.(gorm.GetDBConnector).GetDBConn() //nolint:forcetypeassert // A router is one.
}

func (p sharedOutside) QueryContext(
	ctx context.Context, query string, args ...any,
) (*sql.Rows, error) {
	return p.ConnPool.QueryContext(gormtenant.WithTenant(ctx, "acme"), query, args...)
}

// sendsAstray are set-ups in which the tenants only seem to have tables of their own, or in which
// models cross from the tables of one to those of another.
func sendsAstray() []setup {
	both := tenanttest.Tenants("acme", "zeta")
	overRouter := func(migrate func(db *gorm.DB) error) func(t *testing.T) *gorm.DB {
		return func(t *testing.T) *gorm.DB {
			db := own(t, "database_sqlite", migrate).Open(t, &gorm.Config{})
			require.NoError(t, db.Use(tenantplugin.New()))
			return db
		}
	}
	over := func(dialector func(
		t *testing.T) gorm.Dialector, options ...tenantplugin.Option,
	) func(t *testing.T) *gorm.DB {
		return func(t *testing.T) *gorm.DB {
			db, err := gorm.Open(dialector(t), &gorm.Config{Logger: logger.Discard})
			require.NoError(t, err)
			require.NoError(t, db.Use(tenantplugin.New(options...)))
			return db
		}
	}
	list := []setup{
		{
			name: "router_without_plugin", models: append(goodModels(), both),
			finds: []string{"plugin"}, only: true,
			open: func(t *testing.T) *gorm.DB {
				return own(t, "database_sqlite", empty).Open(t, &gorm.Config{})
			},
		},
		{
			name: "router_that_does_not_know_the_tenants", open: overRouter(empty),
			models: goodModels(),
			finds:  []string{"rows"}, only: true,
		},
		{
			name: "hook_that_reads_as_another", open: overRouter(empty),
			models: []any{&spy{}, both},
			finds:  []string{"spy/find"},
		},
		{
			name: "hook_that_writes_as_another", open: overRouter(empty),
			models: []any{&meddler{}, both},
			finds:  []string{"meddler/find"},
		},
		{
			name: "model_without_tenant_in_databases", open: overRouter(empty),
			finds: []string{"country/no_tenant"}, only: true,
			models: append(goodModels(), &country{}, both),
		},
		{
			name: "tenant_may_be_null_in_databases", open: overRouter(empty),
			finds: []string{"nullable/tenant_not_null"}, only: true,
			models: []any{&nullable{}, both},
		},
		{
			name: "one_file_for_all", models: append(goodModels(), both), finds: []string{"rows"},
			only: true,
			open: over(func(t *testing.T) gorm.Dialector {
				return sqlite.Dialector{Conn: route.New(together{openPool(t)})}
			}),
		},
		{
			name: "pool_that_ignores_the_tenant", models: append(withPlainKeys(), both),
			finds: []string{"team/raw", "team/exec_update", "member/no_tenant_raw"},
			open: over(func(t *testing.T) gorm.Dialector {
				return sqlite.Dialector{Conn: openPool(t)}
			}, tenantplugin.AllowRawSQL()),
		},
	}
	if testing.Short() {
		return list
	}
	return append(list,
		setup{
			name: "one_schema_for_all", models: append(goodModels(), both), finds: []string{"rows"},
			only: true,
			open: over(func(t *testing.T) gorm.Dialector {
				return overSchemas(t, directory{"acme": "tenant_acme", "zeta": "tenant_acme"},
					"tenant_acme")
			}, tenantplugin.AllowRawSQL()),
		},
		setup{
			name: "one_database_for_all", models: append(goodModels(), both),
			finds: []string{"rows"}, only: true,
			open: over(func(t *testing.T) gorm.Dialector {
				pool, err := openEmpty(t, "postgres").DB()
				require.NoError(t, err)
				return postgres.New(postgres.Config{Conn: route.New(together{pool})})
			}),
		},
		setup{
			name: "table_in_the_shared_schema", models: append(goodModels(), both),
			finds: []string{"rows"}, only: true,
			open: over(func(t *testing.T) gorm.Dialector {
				return overSchemas(t, directory{"acme": "tenant_acme", "zeta": "tenant_zeta"},
					"tenant_acme", "tenant_zeta", "shared")
			}),
		},
		setup{
			name:   "statements_outside_of_transactions_go_elsewhere",
			models: append(goodModels(), both), finds: []string{"rows"}, only: true,
			open: over(func(t *testing.T) gorm.Dialector {
				return postgres.New(postgres.Config{
					Conn: sharedOutside{own(t, "database_postgres", empty).Router},
				})
			}),
		})
}
