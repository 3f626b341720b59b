package rls_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// deployment is the example's models under policies, as its owner made them.
func deployment(t *testing.T) (s *server, owner *gorm.DB) {
	t.Helper()
	s = newServer(t)
	owner, err := gorm.Open(postgres.New(postgres.Config{Conn: s.owner}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, owner.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
		tenantplugin.AllowRawSQL())))
	require.NoError(t, owner.AutoMigrate(saas.Models()...))
	require.NoError(t, rls.Enable(owner))
	for _, role := range []string{s.app.User, s.admin.User} {
		require.NoError(t, owner.Exec("GRANT SELECT, INSERT, UPDATE, DELETE "+
			"ON ALL TABLES IN SCHEMA public TO "+role).Error)
		require.NoError(t, owner.Exec("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "+
			role).Error)
	}
	for _, tenant := range []string{"acme", "zeta"} {
		ctx := gormtenant.WithTenant(t.Context(), tenant)
		user := saas.User{Name: tenant}
		require.NoError(t, owner.WithContext(ctx).Create(&user).Error)
		require.NoError(t, owner.WithContext(ctx).Create(&saas.Project{
			Slug: tenant, OwnerID: user.ID,
			Tags: []saas.Tag{{Label: tenant}}, Tasks: []saas.Task{{Title: tenant}},
		}).Error)
	}
	return s, owner
}

// dsn writes a configuration as a DSN.
func dsn(config *pgx.ConnConfig, parameters string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable%s", config.User, config.Password,
		net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), config.Database, parameters)
}

// opened opens the deployment's database as an application does.
func opened(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(rls.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
		tenantplugin.AllowRawSQL())))
	return db
}

func TestCheck_finds_nothing_where_nothing_is_wrong(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	require.NoError(t, rls.Check(opened(t, dsn(s.app, ""))))
}

// Each is one hole, made by the owner, and what Check has to say of it.
func TestCheck_finds_each_hole(t *testing.T) {
	t.Parallel()
	for name, hole := range map[string]struct{ makes, says string }{
		"bypass":    {"ALTER ROLE app BYPASSRLS", "has BYPASSRLS: ALTER ROLE"},
		"superuser": {"ALTER ROLE app SUPERUSER", "is a superuser"},
		"temporary_tables_of_everybody": {
			"GRANT TEMPORARY ON DATABASE this TO PUBLIC",
			"the role may make temporary tables, which outlast its statements: REVOKE TEMPORARY ON",
		},
		"temporary_tables": {
			"GRANT TEMPORARY ON DATABASE this TO app",
			"from it, and from the roles that it is a member of",
		},
		"temporary_tables_of_a_role_it_can_become": {
			"GRANT TEMPORARY ON DATABASE this TO admin ; GRANT admin TO app",
			"from it, and from the roles that it is a member of",
		},
		"member_of_bypass": {"GRANT admin TO app", "can SET ROLE to"},
		"not_enabled": {
			"ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
			`"tasks" has no row-level security: ALTER TABLE "tasks" ENABLE ROW LEVEL SECURITY`,
		},
		"not_forced": {
			"ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
			`FORCE ROW LEVEL SECURITY`,
		},
		"no_policy": {
			"DROP POLICY gormtenant ON tasks",
			`"tasks" has no policy of gormtenant`,
		},
		"permissive_policy": {
			"CREATE POLICY readers ON tasks FOR SELECT USING (true)",
			"the policy readers of \"tasks\" is permissive",
		},
		"policy_drifted": {
			"ALTER POLICY gormtenant ON tasks USING (tenant_id <> 'nobody')",
			"is not the one that Enable writes",
		},
		"policy_for_one_role": {
			"ALTER POLICY gormtenant ON tasks TO app",
			"is not the one that Enable writes",
		},
		"nullable": {
			"ALTER TABLE tasks ALTER tenant_id DROP NOT NULL",
			`"tasks"."tenant_id" may be NULL`,
		},
		"view": {"CREATE VIEW open_tasks AS SELECT * FROM tasks; GRANT SELECT " +
			"ON open_tasks TO app", "the view open_tasks reads its tables as its owner"},
		"materialized_view": {"CREATE MATERIALIZED VIEW old AS SELECT * FROM tasks; GRANT " +
			"SELECT ON old TO app", "holds rows of all tenants"},
		"child_table": {"CREATE TABLE task_archive () INHERITS (tasks); GRANT SELECT " +
			"ON task_archive TO app", "task_archive can be reached past"},
		"no_table": {"DROP TABLE tasks", "there is no table"},
		"other_type": {
			"DROP POLICY gormtenant ON tasks; ALTER TABLE tasks ALTER tenant_id TYPE bpchar",
			`"tasks"."tenant_id" is of the type bpchar, the model's field is text`,
		},
		"cast_that_cuts": {
			"ALTER POLICY gormtenant ON tasks USING (tenant_id = " +
				"nullif(current_setting('app.tenant_id', true), '')::varchar(4))",
			"is not the one that Enable writes",
		},
		"cast_that_pads": {
			"ALTER POLICY gormtenant ON tasks USING (tenant_id = " +
				"nullif(current_setting('app.tenant_id', true), '')::bpchar)",
			"is not the one that Enable writes",
		},
		"other_setting": {
			"ALTER POLICY gormtenant ON tasks USING (tenant_id = " +
				"nullif(current_setting('app.other', true), ''))",
			"is not the one that Enable writes",
		},
		"policy_for_reading_only": {
			"DROP POLICY gormtenant ON tasks; CREATE POLICY gormtenant ON tasks FOR SELECT " +
				"USING (tenant_id = nullif(current_setting('app.tenant_id', true), ''))",
			"is not the one that Enable writes",
		},
		"permissive_policy_of_a_role_it_can_become": {
			"CREATE POLICY readers ON tasks FOR SELECT TO admin USING (true); GRANT admin TO app",
			"the policy readers of \"tasks\" is permissive",
		},
		"view_over_a_view": {
			"CREATE VIEW inside WITH (security_invoker = true) AS SELECT * FROM tasks; " +
				"CREATE VIEW outside AS SELECT * FROM inside; " +
				"GRANT SELECT ON inside, outside TO app",
			"the view outside reads its tables as its owner",
		},
		"partition": {
			"DROP TABLE tasks; CREATE TABLE tasks (id bigint, tenant_id text NOT NULL, " +
				"title text, done bool, project_id bigint) PARTITION BY LIST (tenant_id); " +
				"CREATE TABLE tasks_of_acme PARTITION OF tasks FOR VALUES IN ('acme'); GRANT " +
				"SELECT ON tasks, tasks_of_acme TO app",
			"the partition tasks_of_acme can be reached past",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, owner := deployment(t)
			makes := strings.NewReplacer("DATABASE this", "DATABASE "+s.app.Database,
				"ROLE app ", "ROLE "+s.app.User+" ", "TO app", "TO "+s.app.User, "GRANT admin",
				"GRANT "+s.admin.User).Replace(hole.makes)
			makes = strings.ReplaceAll(makes, "TO admin ", "TO "+s.admin.User+" ")
			for _, statement := range strings.Split(makes, "; ") {
				require.NoError(t, owner.Exec(statement).Error, statement)
			}
			err := rls.Check(opened(t, dsn(s.app, "")))
			require.ErrorIs(t, err, rls.ErrHole)
			require.ErrorContains(t, err, hole.says)
		})
	}
}

// What is no hole for this role is not reported: a policy for another one, a view that reads as
// whoever asks, one that the role may not read, a policy that lets less through.
func TestCheck_reports_no_more_than_there_is(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	for _, statement := range []string{
		"CREATE POLICY admins ON tasks TO " + s.admin.User + " USING (true)",
		"CREATE POLICY less ON tasks AS RESTRICTIVE USING (title <> 'secret')",
		"CREATE VIEW invoked WITH (security_invoker = on) AS SELECT * FROM tasks",
		"GRANT SELECT ON invoked TO " + s.app.User,
		"CREATE VIEW unreadable AS SELECT * FROM tasks",
	} {
		require.NoError(t, owner.Exec(statement).Error, statement)
	}
	require.NoError(t, rls.Check(opened(t, dsn(s.app, ""))))
}

func TestCheck_finds_all_holes_at_once(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	require.NoError(t, owner.Exec("ALTER ROLE "+s.app.User+" BYPASSRLS").Error)
	require.NoError(t, owner.Exec("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY").Error)
	err := rls.Check(opened(t, dsn(s.app, "")))
	require.ErrorContains(t, err, "has BYPASSRLS")
	require.ErrorContains(t, err, "has no row-level security")
	require.ErrorContains(t, err, "a tenant that does not exist sees rows of")
	require.ErrorContains(t, err, "no tenant sees rows of")
}
