package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	pgdriver "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// contexts are those that an application may call a store with.
func contexts(ctx context.Context) map[string]context.Context {
	return map[string]context.Context{
		"nobody":                  ctx,
		"tenant":                  gormtenant.WithTenant(ctx, "t-1"),
		"tenant_of_another_type":  gormtenant.WithTenant(ctx, 7),
		"tenant_that_is_none":     gormtenant.WithTenant(ctx, ""),
		"unscoped":                gormtenant.Unscoped(ctx, "test"),
		"unscoped_without_reason": gormtenant.Unscoped(ctx, ""),
	}
}

// life calls everything that a store does.
func life(ctx context.Context, t *testing.T, s *store.Store) {
	t.Helper()
	tenant := acme()
	require.NoError(t, s.Create(ctx, tenant))
	require.ErrorIs(t, s.Create(ctx, acme()), store.ErrTaken)
	require.NoError(t, s.Create(ctx, &tenants.Tenant{ID: "t-2", Slug: "zeta"}))
	tenant.Slug, tenant.Domains = "acme2", []string{"acme.net", "acme.org"}
	require.NoError(t, s.Update(ctx, tenant))
	stolen := *tenant
	stolen.Slug = "zeta"
	requireField(t, s.Update(ctx, &stolen), store.ErrTaken, "Slug", "zeta")
	require.NoError(t, s.Suspend(ctx, "t-1"))
	require.NoError(t, s.Resume(ctx, "t-1"))
	require.NoError(t, s.Close(ctx, "t-1"))
	found, err := s.Lookup(ctx, "acme.net")
	require.NoError(t, err)
	require.Equal(t, "acme2", found.Slug)
	_, err = s.Lookup(ctx, "acme")
	require.ErrorIs(t, err, tenants.ErrNotFound)
	var ids []string
	for tenant, err := range s.List(ctx, "") {
		require.NoError(t, err)
		ids = append(ids, tenant.ID)
	}
	require.Equal(t, []string{"t-1", "t-2"}, ids)
	count, err := s.Count(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, count)
}

// lives runs life in each context.
func lives(t *testing.T, db *gorm.DB, s *store.Store) {
	t.Helper()
	for name, ctx := range contexts(t.Context()) {
		t.Run(name, func(t *testing.T) {
			life(ctx, t, s)
			require.NoError(t, db.Exec("DELETE FROM gormtenant_names").Error)
			require.NoError(t, db.Exec("DELETE FROM gormtenant_tenants").Error)
		})
	}
}

type note struct {
	ID       uint
	TenantID string
}

func TestStore_runs_on_the_database_of_the_application(t *testing.T) {
	t.Parallel()
	strict := func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&note{}))))
	}
	for _, test := range []struct {
		name   string
		config gorm.Config
		set    func(t *testing.T, db *gorm.DB)
	}{
		{"plugin", gorm.Config{}, strict},
		{"plugin_first_raw", gorm.Config{}, func(t *testing.T, db *gorm.DB) {
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
		}},
		{"plugin_all_checks", gorm.Config{}, func(t *testing.T, db *gorm.DB) {
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.CheckReferences())))
		}},
		{"translated_errors", gorm.Config{TranslateError: true}, strict},
		{"prepared", gorm.Config{PrepareStmt: true}, strict},
		{"query_fields", gorm.Config{QueryFields: true}, strict},
		{"batches_of_one", gorm.Config{CreateBatchSize: 1}, strict},
		{
			"no_transactions",
			gorm.Config{SkipDefaultTransaction: true, DisableNestedTransaction: true},
			strict,
		},
		{
			"other_names",
			gorm.Config{
				NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true},
			},
			strict,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
				config := test.config
				db := open(&config)
				test.set(t, db)
				s := newStore(t, db)
				for _, ctx := range contexts(t.Context()) { // again and again
					require.NoError(t, s.Migrate(ctx))
				}
				lives(t, db, s)
			})
		})
	}
}

// deployment is a database under row-level security: its roles, and the store of the owner.
func deployment(t *testing.T) (app, admin *pgx.ConnConfig, owner *gorm.DB) {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	owner = dbtest.Open(t, pgdriver.Open(config.ConnString()), &gorm.Config{})
	require.NoError(t, newStore(t, owner).Migrate(t.Context()))
	role := func(name, rights string) *pgx.ConnConfig {
		c := config.Copy()
		c.User, c.Password = name+"_"+config.Database, "secret"
		for _, statement := range []string{
			"CREATE ROLE " + c.User + " LOGIN PASSWORD 'secret' NOSUPERUSER " + rights,
			"GRANT SELECT, INSERT, UPDATE ON gormtenant_tenants TO " + c.User,
			"GRANT SELECT, INSERT, UPDATE, DELETE ON gormtenant_names TO " + c.User,
		} {
			require.NoError(t, owner.Exec(statement).Error)
		}
		t.Cleanup(func() {
			_ = owner.WithContext(context.Background()).
				Exec("DROP OWNED BY " + c.User + "; DROP ROLE " + c.User)
		})
		return c
	}
	return role("app", "NOBYPASSRLS"), role("admin", "BYPASSRLS"), owner
}

func dsn(c *pgx.ConnConfig) string {
	return "host=" + c.Host + " user=" + c.User + " password=" + c.Password + " dbname=" +
		c.Database +
		" sslmode=disable port=" + portOf(c)
}

func TestStore_runs_under_row_level_security(t *testing.T) {
	t.Parallel()
	app, admin, owner := deployment(t)
	for _, test := range []struct {
		name    string
		options []rls.Option
	}{
		{"alone", nil},
		{"with_admin", []rls.Option{rls.Admin(admin)}},
		{"citus", []rls.Option{rls.Citus()}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := dbtest.Open(t, rls.Open(dsn(app), test.options...), &gorm.Config{})
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
			lives(t, owner, newStore(t, db))
		})
	}
}

// Whatever a transaction was begun with, the store's statements stay in it.
func TestNew_in_a_transaction_under_row_level_security(t *testing.T) {
	t.Parallel()
	app, admin, owner := deployment(t)
	db := dbtest.Open(t, rls.Open(dsn(app), rls.Admin(admin)), &gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	all := contexts(t.Context())
	for _, begun := range []string{"nobody", "tenant", "unscoped"} {
		for name, ctx := range all {
			t.Run(begun+"_then_"+name, func(t *testing.T) {
				undo := errors.New("undo")
				//nolint:contextcheck // Another on purpose.
				err := db.WithContext(all[begun]).Transaction(func(tx *gorm.DB) error {
					life(ctx, t, newStore(t, tx))
					return undo
				})
				require.ErrorIs(t, err, undo)
				require.Empty(t, content(t, owner))
			})
		}
	}
}

func TestNew_in_a_transaction(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		config gorm.Config
	}{
		{"plain", gorm.Config{}},
		{"prepared", gorm.Config{PrepareStmt: true}},
		{"without_savepoints", gorm.Config{DisableNestedTransaction: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
				own := test.config
				db := open(&own)
				outside := newStore(t, db)
				require.NoError(t, outside.Migrate(t.Context()))
				create(t, outside, acme())
				before := content(t, db)
				undo := errors.New("undo")
				require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
					s := newStore(t, tx)
					create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
					require.NoError(t, s.Suspend(t.Context(), "t-1"))
					return undo
				}), undo)
				require.Equal(t, before, content(t, db))

				// A call that fails undoes its own part, and the transaction goes on.
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					s := newStore(t, tx)
					create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
					require.ErrorIs(t,
						s.Create(t.Context(),
							&tenants.Tenant{ID: "t-3", Slug: "new", Domains: []string{"acme.org"}}),
						store.ErrTaken)
					require.ErrorIs(t, s.Suspend(t.Context(), "t-3"), tenants.ErrNotFound)
					stolen := lookup(t, s, "zeta")
					stolen.Slug, stolen.Domains = "new", []string{"acme.org"}
					require.ErrorIs(t, s.Update(t.Context(), stolen), store.ErrTaken)
					return nil
				}))
				require.Equal(t, []string{"t-1", "t-2"}, listed(t, outside, ""))
				require.Equal(t, "t-2", lookup(t, outside, "zeta").ID)
				_, err := outside.Lookup(t.Context(), "new")
				require.ErrorIs(t, err, tenants.ErrNotFound)
			})
		})
	}
}

// What a statement of the caller's says must not become part of the store's.
func TestNew_forgets_the_conditions_of_its_db(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		s := newStore(t, db.Model(&note{}).Where("1 = 0").Order("nothing").Limit(1))
		life(t.Context(), t, s)
	})
}

// A replica that lags behind would put what was into the caches, just after the change.
func TestLookup_reads_from_the_primary(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		s := newStore(t, db)
		require.NoError(t, s.Migrate(t.Context()))
		replicas := []gorm.Dialector{emptyReplica(t, db)}
		require.NoError(t, db.Use(dbresolver.Register(dbresolver.Config{Replicas: replicas})))
		require.Error(t, db.Raw("SELECT id FROM gormtenant_tenants").Scan(new([]string)).Error,
			"the replica has no tables")
		life(t.Context(), t, s)
	})
}

func TestNew_refuses_bad_arguments(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, emptySQLite(t), &gorm.Config{})
	for _, test := range []struct {
		name    string
		db      *gorm.DB
		options []store.Option
		says    string
	}{
		{"no_db", nil, nil, "*gorm.DB"},
		{"db_without_driver", &gorm.DB{Config: &gorm.Config{}}, nil, "*gorm.DB"},
		{"other_database", &gorm.DB{Config: &gorm.Config{Dialector: mysql{}}}, nil, "mysql"},
		{"no_plans", db, []store.Option{store.Plans(nil)}, "store.Plans"},
		{"reserved_empty", db, []store.Option{store.Reserved("ok", "")}, "store.Reserved"},
		{"nil_option", db, []store.Option{store.Reserved("ok"), nil}, "store.New: option 2 is nil"},
		{"reserved_bad", db, []store.Option{store.Reserved("a b")}, "store.Reserved"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := store.New(test.db, test.options...)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "gormtenant: ")
		})
	}
}

func TestPlans_are_the_applications_own(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		plans := tenants.Plans{"gold": {}, "silver": {}}
		s := newStore(t, db, store.Plans(plans))
		plans["free"] = nil // the store has a copy
		requireField(t, s.Create(t.Context(), &tenants.Tenant{Slug: "acme"}), store.ErrInvalid,
			"Plan", `"free": use one of gold, silver`)
		create(t, s, &tenants.Tenant{Slug: "acme", Plan: "gold"})
	})
}
