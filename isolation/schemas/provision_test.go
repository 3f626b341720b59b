package schemas_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

var errBroken = errors.New("broken")

// withAndWithoutRoles runs test for both.
func withAndWithoutRoles(
	t *testing.T, test func(t *testing.T, h *house, roles bool, same schemas.Option),
) {
	t.Helper()
	t.Run("roles", func(t *testing.T) {
		t.Parallel()
		test(t, newHouse(t), true, schemas.Roles())
	})
	t.Run("no_roles", func(t *testing.T) {
		t.Parallel()
		test(t, newHouse(t), false, schemas.Options())
	})
}

func TestCreate_makes_all_that_a_tenant_needs(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		s := h.schemas(t, same, schemas.Migrations(first))
		acme, zeta := h.id("acme"), h.id("zeta")
		require.NoError(t, s.Provision(t.Context(), acme))
		require.NoError(t, s.Provision(t.Context(), zeta))
		require.Equal(
			t, "gormtenant:"+acme, h.text(
				t, "SELECT obj_description($1::regnamespace, 'pg_namespace')", "tenant_"+acme))
		for _, name := range []string{"tenant_" + acme, "tenant_" + zeta} {
			require.Equal(
				t, "gormtenant_migrations\nprojects\ntasks\ntenant_quota_locks",
				h.text(t, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", name))
			require.Equal(
				t,
				"idx_projects_name\nidx_projects_tenant_id\nidx_tasks_tenant_id\nidx_tasks_title",
				h.text(
					t, "SELECT indexname FROM pg_indexes WHERE schemaname = $1 AND indexname "+
						"LIKE 'idx%' ORDER BY 1", name))
			require.Equal(t, "shared.countries\n"+name+".projects",
				h.text(
					t, "SELECT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' "+
						"AND connamespace = $1::regnamespace ORDER BY 1", name))
		}
		require.Equal(
			t, "countries", h.text(
				t, "SELECT tablename FROM pg_tables WHERE schemaname IN ('shared', 'public')"))

		require.NoError(t, h.as(t, acme, roles, func(tx *gorm.DB) error {
			return tx.Exec(
				"INSERT INTO projects (tenant_id, name, country_code) VALUES ('" + acme +
					"', 'site', 'PT'); " +
					"UPDATE projects SET name = 'app'; DELETE FROM tasks").Error
		}))
		require.Equal(t, "app", h.text(t, "SELECT name FROM tenant_"+acme+".projects"))
		require.Empty(t, h.text(t, "SELECT name FROM tenant_"+zeta+".projects"))
		for _, refused := range []string{
			"DROP TABLE tasks", "ALTER TABLE tasks ADD COLUMN x int", "CREATE TABLE mine (id int)",
			"TRUNCATE tasks",
			"DELETE FROM gormtenant_migrations",
			"INSERT INTO gormtenant_migrations (version) VALUES ('0002')",
			"INSERT INTO shared.countries VALUES ('XX')",
		} {
			err := h.as(t, acme, roles, func(tx *gorm.DB) error { return tx.Exec(refused).Error })
			require.ErrorContains(t, err, "42501", refused)
		}
		err := h.as(t, acme, roles, func(tx *gorm.DB) error {
			return tx.Exec("SELECT * FROM tenant_" + zeta + ".projects").Error
		})
		if roles {
			require.ErrorContains(t, err, "permission denied for schema tenant_"+zeta)
		} else {
			require.NoError(t, err)
		}
	})
}

// The role that the application logs in as has no tenant's rights by itself.
func TestCreate_with_roles_gives_the_login_nothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	acme := h.id("acme")
	require.NoError(
		t, h.schemas(t, schemas.Roles(), schemas.Migrations(first)).Provision(t.Context(), acme))
	require.ErrorContains(
		t, openAs(t, h.app).Exec("SELECT * FROM tenant_"+acme+".projects").Error, "42501")
}

func TestCreate_again_does_what_is_pending(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		acme := h.id("acme")
		s := h.schemas(t, same, schemas.Migrations(first))
		require.NoError(t, s.Provision(t.Context(), acme))
		before := h.catalog(t)
		require.NoError(t, s.Provision(t.Context(), acme))
		require.Equal(t, before, h.catalog(t))

		s = h.schemas(
			t, same, schemas.Migrations(
				first, sqlStep("0002", "CREATE TABLE notes (id serial, text text)")))
		require.NoError(t, s.Provision(t.Context(), acme))
		require.NoError(t, h.as(t, acme, roles, func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO notes (text) VALUES ('new')").Error
		}))
	})
}

func TestCreate_of_one_tenant_by_many_at_once(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	s := h.schemas(t, schemas.Roles(), schemas.Migrations(first))
	for i := range errs {
		wg.Go(func() { errs[i] = s.Provision(t.Context(), h.id("acme")) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(
		t, "1", h.text(
			t, "SELECT count(*)::text FROM tenant_"+h.id("acme")+".gormtenant_migrations"))
}

func TestCreate_of_many_tenants_at_once(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	s := h.schemas(t, schemas.Roles(), schemas.Migrations(first))
	for i := range errs {
		wg.Go(func() { errs[i] = s.Provision(t.Context(), h.id(string(rune('a'+i)))) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestCreate_with_a_migration_that_fails_leaves_nothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.catalog(t)
	s := h.schemas(t, schemas.Roles(), schemas.Migrations(first, migrations.Migration{
		Version: "0002", Up: func(context.Context, *gorm.DB) error { return errBroken },
	}))
	require.ErrorIs(t, s.Provision(t.Context(), h.id("acme")), errBroken)
	require.Equal(t, before, h.catalog(t))
}

func TestCreate_touches_nothing_that_is_not_ours(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	acme := h.id("acme")
	for _, c := range []struct {
		name, make, drop string
	}{
		{"schema", "CREATE SCHEMA tenant_" + acme, "DROP SCHEMA tenant_" + acme},
		{
			"schema_with_a_comment",
			"CREATE SCHEMA tenant_" + acme + "; COMMENT ON SCHEMA tenant_" + acme + " IS 'acme'",
			"DROP SCHEMA tenant_" + acme,
		},
		{
			"schema_of_another_tenant",
			"CREATE SCHEMA tenant_" + acme +
				"; COMMENT ON SCHEMA tenant_" + acme + " IS 'gormtenant:zeta'",
			"DROP SCHEMA tenant_" + acme,
		},
		{"role", "CREATE ROLE tenant_" + acme, "DROP ROLE tenant_" + acme},
		{
			"role_of_another_database",
			"CREATE ROLE tenant_" + acme +
				"; COMMENT ON ROLE tenant_" + acme + " IS 'gormtenant:other'",
			"DROP ROLE tenant_" + acme,
		},
	} {
		h.do(t, c.make)
		before := h.catalog(t)
		s := h.schemas(t, schemas.Roles(), schemas.Migrations(first))
		err := s.Provision(t.Context(), acme)
		require.ErrorIs(t, err, schemas.ErrNotOurs, c.name)
		require.NotContains(t, err.Error(), "zeta", "another tenant's ID")
		require.ErrorIs(
			t, s.Deprovision(t.Context(), acme, schemas.Confirmation("tenant_"+acme)),
			schemas.ErrNotOurs, c.name)
		require.Equal(t, before, h.catalog(t), c.name)
		h.do(t, c.drop)
	}
}

func TestCreate_for_hostile_IDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(
		t, schemas.Roles(), schemas.Migrations(sqlStep("0001", "CREATE TABLE notes (id int)")))
	before := h.catalog(t)
	for _, c := range []struct {
		name string
		id   any
	}{
		{"empty", ""},
		{"nil", nil},
		{"nul", "a\x00b"},
		{"long", strings.Repeat("x", 300)},
		{"no_utf8", "\xff"},
		{"struct", struct{}{}},
	} {
		require.Error(t, s.Provision(t.Context(), c.id), c.name)
		require.Error(t, s.Deprovision(t.Context(), c.id, "DELETE_SCHEMA_"), c.name)
		_, err := s.Exists(t.Context(), c.id)
		require.Error(t, err, c.name)
	}
	require.Equal(t, before, h.catalog(t))
	var all []any
	for _, id := range []string{
		"a-b", "a_b", "A_B", "a.b", `a"b`, `a'b`, `a\b`, `a\'b`, "../../etc/passwd", "a b", "a\nb",
		"a%sb", "public", "pg_catalog", "münchen",
		`"; DROP SCHEMA shared CASCADE; --`, "$user", "?", "@x", ":x", strings.Repeat("x", 200),
	} {
		all = append(all, h.id(id))
	}
	all = append(all, 42, int64(77))
	for i, id := range all {
		require.NoError(t, s.Provision(t.Context(), id), "%q", id)
		exists, err := s.Exists(t.Context(), id)
		require.NoError(t, err)
		require.True(t, exists)
		require.Len(t, h.roles(t), i+1)
	}
	listed := 0
	for tenant, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		require.NoError(
			t, s.Deprovision(t.Context(), tenant.ID, schemas.Confirmation(tenant.Placement.Name)))
		listed++
	}
	require.Len(t, all, listed)
	require.Equal(t, before, h.catalog(t))
}

func TestCreate_without_permission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.catalog(t)
	s, err := schemas.NewProvisioner(openAs(t, h.app))
	require.NoError(t, err)
	require.ErrorContains(t, s.Provision(t.Context(), "acme"), "needs CREATE on the database")
	h.do(t, "ALTER ROLE "+h.owner.User+" NOCREATEROLE")
	require.ErrorContains(
		t, h.schemas(t, schemas.Roles()).Provision(t.Context(), h.id("acme")),
		"with Roles CREATEROLE")
	require.Equal(t, before, h.catalog(t))
}

// Where the schema cannot be used, the path leads on to the one that all share.
func TestCreate_in_a_schema_that_it_may_not_use(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.do(t, "CREATE SCHEMA tenant_acme", "COMMENT ON SCHEMA tenant_acme IS 'gormtenant:acme'")
	before := h.catalog(t)
	s, err := schemas.NewProvisioner(openAs(t, h.owner), schemas.Migrations(first))
	require.NoError(t, err)
	require.ErrorContains(t, s.Provision(t.Context(), "acme"), "let it own the schema")
	require.ErrorContains(t, s.MigrateAll(t.Context(), quiet), "let it own the schema")
	require.Equal(t, before, h.catalog(t))
}

func TestCreate_refuses_a_login_that_roles_do_not_hold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.catalog(t)
	for _, c := range []struct {
		want  string
		login string
	}{
		{"there is no such role", "nobody_" + h.suffix},
		{"must not log in as the owner", h.owner.User},
	} {
		require.ErrorContains(
			t, h.schemas(t, schemas.Roles(), schemas.Login(c.login)).Provision(
				t.Context(), h.id("acme")), c.want)
	}
	if h.text(t, "SELECT (current_setting('server_version_num')::int < 160000)::text") == "true" {
		h.do(t, "ALTER ROLE "+h.app.User+" INHERIT")
		require.ErrorContains(
			t, h.schemas(t, schemas.Roles()).Provision(t.Context(), h.id("acme")), "NOINHERIT")
	}
	require.Equal(t, before, h.catalog(t))
}

// Row-level security within the schema is a step like any other.
func TestCreate_with_row_level_security_inside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	db := openAs(t, h.owner)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&Project{}, &Task{}))))
	s, err := schemas.NewProvisioner(db, schemas.Login(h.app.User), schemas.Migrations(first,
		migrations.Migration{
			Version: "0002",
			Up: func(
				_ context.Context, db *gorm.DB,
			) error {
				return rls.Enable(db, &Project{}, &Task{})
			},
		},
	))
	require.NoError(t, err)
	acme := h.id("acme")
	require.NoError(t, s.Provision(t.Context(), acme))
	require.Equal(t, "tenant_"+acme+".projects\ntenant_"+acme+".tasks",
		h.text(t, "SELECT polrelid::regclass::text FROM pg_policy ORDER BY 1"))
	require.Equal(
		t, "projects\ntasks", h.text(
			t, "SELECT relname FROM pg_class WHERE relforcerowsecurity ORDER BY 1"))
}

// What a migration writes through GORM belongs to the tenant.
func TestCreate_seeds_as_the_tenant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	db := openAs(t, h.owner)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&Project{}, &Task{}))))
	s, err := schemas.NewProvisioner(
		db, schemas.Migrations(
			first, migrations.Migration{
				Version: "0002",
				Up: func(_ context.Context, db *gorm.DB) error {
					return db.Create(
						&Project{Name: "welcome", Tasks: []Task{{Title: "look around"}}}).Error
				},
			}))
	require.NoError(t, err)
	for _, ctx := range []context.Context{
		t.Context(), gormtenant.WithTenant(t.Context(), nil),
		gormtenant.WithTenant(t.Context(), "zeta"),
	} {
		require.NoError(t, s.Provision(ctx, h.id("acme")))
		require.Equal(
			t, h.id("acme"), h.text(t, "SELECT tenant_id FROM tenant_"+h.id("acme")+".tasks"))
		require.NoError(
			t, s.Deprovision(ctx, h.id("acme"), schemas.Confirmation("tenant_"+h.id("acme"))))
	}
}

func TestNewProvisioner_refuses(t *testing.T) {
	t.Parallel()
	_, err := schemas.NewProvisioner(nil)
	require.ErrorContains(t, err, "needs a *gorm.DB on Postgres")
	h := newHouse(t)
	db := openAs(t, h.owner)
	for _, refused := range []struct {
		want    string
		options []schemas.ProvisionerOption
	}{
		{"with Roles needs Login", []schemas.ProvisionerOption{schemas.Roles()}},
		{"needs the name of a role", []schemas.ProvisionerOption{schemas.Login("")}},
		{`migration "1" has no Up`, []schemas.ProvisionerOption{
			schemas.Migrations(migrations.Migration{Version: "1"}),
		}},
		{"NewProvisioner: option 2 is nil", []schemas.ProvisionerOption{schemas.Login("app"), nil}},
		{"Options: option 1 is nil", []schemas.ProvisionerOption{schemas.Options(nil)}},
	} {
		_, err := schemas.NewProvisioner(db, refused.options...)
		require.ErrorContains(t, err, refused.want)
	}
}
