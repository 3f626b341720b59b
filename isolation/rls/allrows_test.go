package rls_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// migrator is the deployment's tables as a role that owns them, and that policies hold.
func migrator(t *testing.T) (s *server, owner *gorm.DB) {
	t.Helper()
	s, super := deployment(t)
	config := s.app.Copy()
	config.User, config.Password = "owner_"+s.app.Database, "owner"
	for _, statement := range []string{
		"CREATE ROLE " + config.User + " LOGIN PASSWORD 'owner' NOSUPERUSER NOBYPASSRLS",
		"GRANT CREATE ON SCHEMA public TO " + config.User,
	} {
		require.NoError(t, super.Exec(statement).Error)
	}
	for _, table := range []string{
		"comments", "profiles", "project_tags", "projects", "tags", "tasks", "users",
	} {
		require.NoError(t, super.Exec("ALTER TABLE "+table+" OWNER TO "+config.User).Error)
	}
	t.Cleanup(func() {
		_, _ = s.owner.Exec("DROP OWNED BY " + config.User + "; DROP ROLE " + config.User)
	})
	pool := stdlib.OpenDB(*config)
	owner, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, owner.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
		tenantplugin.AllowRawSQL())))
	return s, owner
}

func unscoped(t *testing.T) context.Context {
	return gormtenant.Unscoped(t.Context(), "a migration")
}

const marked = "UPDATE tags SET label = label || '!'"

func TestAllRows_reaches_the_rows_of_all_tenants(t *testing.T) {
	t.Parallel()
	s, owner := migrator(t)
	plain := owner.WithContext(unscoped(t)).Exec(marked)
	require.NoError(t, plain.Error)
	require.Zero(t, plain.RowsAffected, "without it nothing is changed, and nothing said")

	require.NoError(t, rls.AllRows(unscoped(t), owner, func(tx *gorm.DB) error {
		result := tx.Exec(marked)
		require.EqualValues(t, 2, result.RowsAffected)
		return result.Error
	}, &saas.Tag{}))
	app := opened(t, dsn(s.app, ""))
	for _, tenant := range []string{"acme", "zeta"} {
		require.Equal(t, []string{tenant + "!"},
			labels(t, app.WithContext(gormtenant.WithTenant(t.Context(), tenant))))
	}
	require.NoError(t, rls.Check(app))
	require.Zero(t, owner.WithContext(unscoped(t)).Exec(marked).RowsAffected)
}

func TestAllRows_in_a_migration(t *testing.T) {
	t.Parallel()
	s, owner := migrator(t)
	_, err := migrations.Apply(unscoped(t), owner, []migrations.Migration{{
		Version: "0002", Up: func(ctx context.Context, db *gorm.DB) error {
			return rls.AllRows(ctx, db, func(tx *gorm.DB) error {
				return tx.Exec(marked).Error
			}, &saas.Tag{})
		},
	}})
	require.NoError(t, err)
	app := opened(t, dsn(s.app, ""))
	require.Equal(t, []string{"acme!"},
		labels(t, app.WithContext(gormtenant.WithTenant(t.Context(), "acme"))))
	require.NoError(t, rls.Check(app))
}

func TestAllRows_leaves_the_policies_in_force(t *testing.T) {
	t.Parallel()
	s, owner := migrator(t)
	app := opened(t, dsn(s.app, ""))
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		fn   func(tx *gorm.DB) error
		want string
	}{
		{
			"error", func(tx *gorm.DB) error { return errors.Join(tx.Exec(marked).Error, broken) },
			"broken",
		},
		{
			"statement", func(tx *gorm.DB) error { return tx.Exec("UPDATE tags SET x = 1").Error },
			"42703",
		},
		{"table_that_was_not_named", func(tx *gorm.DB) error {
			return tx.Exec("UPDATE projects SET slug = slug || '!'").Error
		}, "would be affected by row-level security policy"},
		{"deferred_trigger", func(tx *gorm.DB) error {
			return errors.Join(
				tx.Exec("CREATE FUNCTION fine() RETURNS trigger LANGUAGE plpgsql AS "+
					"'BEGIN RETURN NULL; END'").Error,
				tx.Exec("CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON tags DEFERRABLE "+
					"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fine()").Error,
				tx.Exec(marked).Error)
		}, ""},
		{"policies_of_its_own", func(tx *gorm.DB) error {
			return rls.Enable(tx, &saas.Tag{})
		}, ""},
		{"renamed_twice", func(tx *gorm.DB) error {
			return errors.Join(tx.Exec("ALTER TABLE tags RENAME TO gone").Error,
				tx.Exec("ALTER TABLE gone RENAME TO tags").Error)
		}, ""},
	} {
		err := rls.AllRows(unscoped(t), owner, c.fn, &saas.Tag{})
		if c.want == "" {
			require.NoError(t, err, c.name)
		} else {
			require.ErrorContains(t, err, c.want, c.name)
		}
		require.NoError(t, rls.Check(app), c.name)
	}

	require.NoError(t, rls.AllRows(unscoped(t), owner, func(tx *gorm.DB) error {
		return tx.Exec("ALTER TABLE tags RENAME TO old_tags").Error
	}, &saas.Tag{}))
	var forced bool
	require.NoError(t, owner.WithContext(unscoped(t)).Raw("SELECT relforcerowsecurity "+
		"FROM pg_class WHERE relname = 'old_tags'").Row().Scan(&forced))
	require.True(t, forced)
}

func TestAllRows_of_other_roles(t *testing.T) {
	t.Parallel()
	s, owner := migrator(t)
	change := func(tx *gorm.DB) error { return tx.Exec(marked).Error }
	app := opened(t, dsn(s.app, ""))
	require.ErrorContains(t, rls.AllRows(t.Context(), app, change, &saas.Tag{}),
		"the role does not own tags")

	// On the pool of Admin, whose role no policy holds, nothing is locked.
	across, err := gorm.Open(rls.Open(dsn(s.app, ""), rls.Admin(s.admin)),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, across)
	require.NoError(t, rls.AllRows(unscoped(t), across, func(tx *gorm.DB) error {
		result := tx.Exec(marked)
		require.EqualValues(t, 2, result.RowsAffected)
		return result.Error
	}, &saas.Tag{}))
	require.Error(t, rls.AllRows(unscoped(t), owner, nil, &saas.Tag{}))
}

func TestCheckOwner(t *testing.T) {
	t.Parallel()
	s, owner := migrator(t)
	require.NoError(t, rls.CheckOwner(owner))
	super, err := gorm.Open(postgres.New(postgres.Config{Conn: s.owner}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, rls.CheckOwner(super, saas.Models()...), "no policy holds a superuser")

	app := opened(t, dsn(s.app, ""))
	err = rls.CheckOwner(app)
	require.ErrorIs(t, err, rls.ErrHole)
	require.ErrorContains(t, err,
		`the role does not own "tags", and cannot migrate it: ALTER TABLE`)
	for _, c := range []struct{ makes, says, mends string }{
		{
			"ALTER TABLE tags NO FORCE ROW LEVEL SECURITY", "does not force",
			"ALTER TABLE tags FORCE ROW LEVEL SECURITY",
		},
		{
			"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
			"new tables of the role are open to PUBLIC",
			"ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
		},
	} {
		require.NoError(t, owner.WithContext(unscoped(t)).Exec(c.makes).Error)
		require.ErrorContains(t, rls.CheckOwner(owner), c.says)
		require.NoError(t, owner.WithContext(unscoped(t)).Exec(c.mends).Error)
		require.NoError(t, rls.CheckOwner(owner))
	}
}

// The locks of quotas are rows of all tenants, and are easily forgotten among the models.
func TestCheck_looks_at_the_tables_of_the_library(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	app := opened(t, dsn(s.app, ""))
	require.NoError(t, quota.Migrate(owner))
	require.NoError(t, rls.Check(app), "the role has no right on it")
	require.NoError(t, owner.Exec("GRANT SELECT ON tenant_quota_locks TO "+s.app.User).Error)
	for _, err := range []error{rls.Check(app), rls.CheckOwner(owner, saas.Models()...)} {
		require.ErrorIs(t, err, rls.ErrHole)
		require.ErrorContains(t, err,
			"tenant_quota_locks has no row-level security: rls.Enable with &quota.Lock{} too")
	}
	require.NoError(t, rls.Enable(owner, &quota.Lock{}))
	require.NoError(t, rls.Check(app))
	require.NoError(t, rls.CheckOwner(owner))
}
