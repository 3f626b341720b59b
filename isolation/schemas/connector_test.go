package schemas_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// server is a database with the schemas of two tenants, and the role that an application logs in
// as.
type server struct {
	owner *sql.DB // superuser
	app   *pgx.ConnConfig
	// the app through a pgbouncer, where the test asked for one
	pooled     *pgx.ConnConfig
	acme, zeta string                     // the IDs of the tenants
	of         func(tenant string) string // the schema of a tenant, and its role
}

// newServer makes a database with the notes 1 to 3 in the schema of acme and 11 to 13 in that of
// zeta. The schema shared has the table countries, and public has notes that nobody is to see.
func newServer(t testing.TB) *server {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	owner := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = owner.Close() })
	// Roles are the server's, not the database's.
	suffix := strings.TrimPrefix(config.Database, "gormtenant_test_")
	s := &server{owner: owner, acme: "acme_" + suffix, zeta: "zeta_" + suffix}
	s.of = func(tenant string) string { return "tenant_" + tenant }
	app := "app_" + suffix
	s.do(t, "CREATE ROLE "+app+" LOGIN PASSWORD 'app' NOINHERIT",
		"CREATE SCHEMA shared",
		"CREATE TABLE shared.countries (code text PRIMARY KEY)",
		"INSERT INTO shared.countries VALUES ('PT')",
		"GRANT USAGE ON SCHEMA shared TO "+app,
		"GRANT SELECT ON shared.countries TO "+app,
		"CREATE TABLE public.notes (id int PRIMARY KEY, body text)",
		"INSERT INTO public.notes VALUES (99, 'nobody')",
		"GRANT ALL ON public.notes TO PUBLIC")
	for i, tenant := range []string{s.acme, s.zeta} {
		s.create(t, app, tenant)
		s.do(
			t, fmt.Sprintf(
				"INSERT INTO %s.notes SELECT n + %d, 'n' || n FROM generate_series(1, 3) n",
				s.of(tenant), 10*i))
	}
	t.Cleanup(func() { _, _ = owner.Exec("DROP OWNED BY " + app + "; DROP ROLE " + app) })
	s.app = config.Copy()
	s.app.User, s.app.Password = app, "app"
	return s
}

// newPooledServer is a server with a pgbouncer in front.
func newPooledServer(t testing.TB) *server {
	t.Helper()
	s := newServer(t)
	s.pooled = pgtest.NewPgBouncer(t, s.app, 5)
	return s
}

// create makes the role and the schema of a tenant, with an empty table.
func (s *server) create(t testing.TB, app, tenant string) {
	t.Helper()
	schema := s.of(tenant)
	s.do(t, "CREATE ROLE "+schema+" NOLOGIN", "GRANT "+schema+" TO "+app,
		"CREATE SCHEMA "+schema+" AUTHORIZATION "+schema,
		"COMMENT ON SCHEMA "+schema+" IS 'gormtenant:"+tenant+"'",
		"CREATE TABLE "+schema+".notes (id int PRIMARY KEY, body text)",
		"ALTER TABLE "+schema+".notes OWNER TO "+schema,
		"GRANT USAGE ON SCHEMA shared TO "+schema,
		"GRANT SELECT ON ALL TABLES IN SCHEMA shared TO "+schema)
	t.Cleanup(func() {
		_, _ = s.owner.Exec("DROP OWNED BY " + schema + " CASCADE; DROP ROLE " + schema)
	})
}

// withoutRoles gives the app itself the rights on all schemas, as there are without schemas.Roles.
func (s *server) withoutRoles(t testing.TB) {
	t.Helper()
	s.do(t, "ALTER ROLE "+s.app.User+" INHERIT",
		"GRANT "+s.of(s.acme)+", "+s.of(s.zeta)+" TO "+s.app.User+s.inheriting(t))
}

// inheriting is needed since PostgreSQL 16, where a membership keeps what the role was as it was
// granted.
func (s *server) inheriting(t testing.TB) string {
	t.Helper()
	var version int
	require.NoError(
		t, s.owner.QueryRow("SELECT current_setting('server_version_num')::int").Scan(&version))
	if version >= 160000 {
		return " WITH INHERIT TRUE"
	}
	return ""
}

// do runs statements as the superuser.
func (s *server) do(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err, statement)
	}
}

// as returns the context of a tenant.
func as(t testing.TB, tenant any) context.Context {
	t.Helper()
	return gormtenant.WithTenant(t.Context(), tenant)
}

// modes are all query modes of pgx.
var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

// way is a way to send the schema along.
type way struct {
	mode          pgx.QueryExecMode
	roles, pooled bool
}

// String returns the mode, and what is beside it.
func (w way) String() string {
	name := strings.ReplaceAll(w.mode.String(), " ", "_")
	if w.roles {
		name += "_roles"
	}
	if w.pooled {
		name += "_pgbouncer"
	}
	return name
}

// ways are all modes, with roles and without, to the server and through pgbouncer in transaction
// mode.
var ways = func() (all []way) {
	for _, mode := range modes {
		for _, roles := range []bool{false, true} {
			all = append(all, way{mode: mode, roles: roles})
			// The others keep a prepared statement, or take two round trips, which can meet two
			// connections.
			if mode != pgx.QueryExecModeCacheStatement && mode != pgx.QueryExecModeDescribeExec {
				all = append(all, way{mode: mode, roles: roles, pooled: true})
			}
		}
	}
	return all
}()

// each runs test in every way, on the databases with roles and without.
func each(t *testing.T, test func(t *testing.T, s *server, w way)) {
	t.Helper()
	servers := map[bool]*server{false: newPooledServer(t), true: newPooledServer(t)}
	servers[false].withoutRoles(t)
	for _, w := range ways {
		t.Run(w.String(), func(t *testing.T) { test(t, servers[w.roles], w) })
	}
}

// open opens a pool of the app.
func (w way) open(t testing.TB, s *server, options ...schemas.ConnectorOption) *sql.DB {
	t.Helper()
	config := s.app
	if w.pooled {
		config = s.pooled
	}
	config = config.Copy()
	config.DefaultQueryExecMode = w.mode
	if w.roles {
		options = append(options, schemas.Roles())
	}
	db := sql.OpenDB(schemas.NewConnector(config, options...))
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// queryer is a pool, a connection or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// ids returns the keys that a query finds.
func ids(t testing.TB, ctx context.Context, db queryer, query string, args ...any) string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	require.NoError(t, err)
	return scanned(t, rows)
}

// scanned reads the first column, and closes the rows.
func scanned(t testing.TB, rows *sql.Rows) string {
	t.Helper()
	defer func() { require.NoError(t, rows.Close()) }()
	var found []string
	for rows.Next() {
		var id any
		require.NoError(t, rows.Scan(&id))
		found = append(found, fmt.Sprint(id))
	}
	require.NoError(t, rows.Err())
	return strings.Join(found, " ")
}

func run(t testing.TB, ctx context.Context, db queryer, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(ctx, query, args...)
	require.NoError(t, err)
}

// refused runs a statement that fails with an SQLSTATE.
func refused(t testing.TB, ctx context.Context, db queryer, state, query string, args ...any) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	if err == nil {
		_ = rows.Close()
	}
	require.ErrorContains(t, err, state, query)
}

const (
	all            = "SELECT id FROM notes ORDER BY id"
	undefinedTable = "42P01"
	denied         = "42501"
)

func TestStatements_run_in_the_schema_of_their_tenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		across := gormtenant.Unscoped(acme, "report")
		db := w.open(t, s)
		db.SetMaxOpenConns(1) // one connection, so that what is left on it would be seen
		for range 3 {
			require.Equal(t, "1 2 3", ids(t, acme, db, all))
			require.Equal(
				t, "12 13", ids(t, zeta, db, "SELECT id FROM notes WHERE id <> $1 ORDER BY id", 11))
			for _, ctx := range []context.Context{t.Context(), as(t, ""), across} {
				refused(t, ctx, db, undefinedTable, all)
				refused(t, ctx, db, undefinedTable, "SELECT id FROM notes WHERE id <> $1", 11)
				_, err := db.ExecContext(ctx, "DELETE FROM notes")
				require.ErrorContains(t, err, undefinedTable)
			}
			for _, ctx := range []context.Context{acme, zeta, across} {
				require.Equal(
					t, "PT", ids(t, ctx, db, "SELECT code FROM countries WHERE code <> $1", "ES"))
			}
			refused(t, t.Context(), db, undefinedTable, "SELECT code FROM countries")
			prepared(t, db, acme, zeta)
			run(t, acme, db, "INSERT INTO notes VALUES ($1, 'new')", 4)
			run(t, acme, db, "DELETE FROM notes WHERE id = 4")
		}
		require.Equal(t, "99", ids(t, t.Context(), s.owner, "SELECT id FROM public.notes"))
	})
}

// prepared runs one prepared statement as several tenants, and as none.
func prepared(t *testing.T, db *sql.DB, acme, zeta context.Context) {
	t.Helper()
	for _, ctx := range []context.Context{acme, t.Context()} {
		statement, err := db.PrepareContext(ctx, "SELECT id FROM notes WHERE id > $1 ORDER BY id")
		require.NoError(t, err)
		for _, c := range []struct {
			ctx  context.Context
			want string
		}{{acme, "2 3"}, {zeta, "11 12 13"}} {
			rows, err := statement.QueryContext(c.ctx, 1)
			require.NoError(t, err)
			require.Equal(t, c.want, scanned(t, rows))
		}
		_, err = statement.QueryContext(t.Context(), 1)
		require.ErrorContains(t, err, undefinedTable)
		_, err = statement.QueryContext(acme)
		require.Error(t, err, "too few arguments")
		require.NoError(t, statement.Close())
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		show := func(ctx context.Context) string {
			var path, role string
			require.NoError(
				t, db.QueryRowContext(
					ctx, "SELECT current_setting($1), current_user", "search_path").Scan(
					&path, &role))
			var again string
			require.NoError(t, db.QueryRowContext(ctx, "SHOW search_path").Scan(&again))
			// SHOW quotes where it must
			require.Equal(t, strings.ReplaceAll(path, `"`, ""), strings.ReplaceAll(again, `"`, ""))
			return path + " " + role
		}
		role := func(tenant string) string {
			if w.roles {
				return s.of(tenant)
			}
			return s.app.User
		}
		quoted := func(path string) string {
			if w.mode == pgx.QueryExecModeSimpleProtocol { // SET writes it anew
				return strings.ReplaceAll(path, `"`, "")
			}
			return path
		}
		require.Equal(
			t, quoted(`"`+s.of(s.acme)+`", "shared", "pg_temp" `)+role(s.acme), show(as(t, s.acme)))
		require.Equal(
			t, quoted(`"`+s.of(s.zeta)+`", "shared", "pg_temp" `)+role(s.zeta), show(as(t, s.zeta)))
		require.Equal(t, quoted(`"pg_catalog", "pg_temp" `)+s.app.User, show(t.Context()))
		require.Equal(
			t, quoted(`"shared", "pg_temp" `)+s.app.User,
			show(gormtenant.Unscoped(t.Context(), "report")))
	})
}

// Without a tenant nothing can be made either, as a migration with a forgotten tenant would.
func TestTables_are_made_in_the_tenants_schema_or_not_at_all(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		_, err := db.ExecContext(t.Context(), "CREATE TABLE made (id int)")
		require.ErrorContains(t, err, denied)
		_, err = db.ExecContext(
			gormtenant.Unscoped(t.Context(), "report"), "CREATE TABLE made (id int)")
		require.ErrorContains(t, err, denied, "the app has no right to")
		run(t, as(t, s.acme), db, "CREATE TABLE made (id int)")
		refused(t, as(t, s.zeta), db, undefinedTable, "SELECT id FROM made")
		run(t, as(t, s.acme), db, "DROP TABLE made")
	})
}

// A temporary table hides no table of a tenant, and goes with its session.
func TestTemporary_tables_hide_nothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		const trap = "CREATE TEMPORARY TABLE notes AS SELECT 77 AS id, 'trap' AS body"
		if w.pooled {
			_, err := db.ExecContext(as(t, s.acme), trap)
			require.ErrorContains(t, err, "which a pooler gives to others")
		} else {
			run(t, as(t, s.acme), db, trap)
		}
		for range 5 {
			require.Equal(t, "11 12 13", ids(t, as(t, s.zeta), db, all))
		}
	})
}
