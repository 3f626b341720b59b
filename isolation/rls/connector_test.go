package rls_test

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
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// server is a database with a table under a policy, and the roles that a deployment has.
type server struct {
	owner      *sql.DB // of the table; superuser
	app, admin *pgx.ConnConfig
	pooled     *pgx.ConnConfig // the app through a pgbouncer, if one was started
}

// withPooler starts a pgbouncer in front of the server.
func (s *server) withPooler(t testing.TB) *server {
	t.Helper()
	s.pooled = pgtest.NewPgBouncer(t, s.app, 5)
	return s
}

const policy = "tenant_id = nullif(current_setting('app.tenant_id', true), '')"

// newServer makes a database with the rows 1 to 3 of acme and 11 to 13 of zeta.
func newServer(t testing.TB) *server {
	t.Helper()
	dsn := pgtest.New(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	owner := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = owner.Close() })
	app, admin := "app_"+config.Database, "admin_"+config.Database
	for _, statement := range []string{
		"CREATE ROLE " + app + " LOGIN PASSWORD 'app' NOSUPERUSER NOBYPASSRLS",
		"CREATE ROLE " + admin + " LOGIN PASSWORD 'admin' NOSUPERUSER BYPASSRLS",
		"CREATE TABLE notes (id int PRIMARY KEY, tenant_id text NOT NULL, body text)",
		"INSERT INTO notes SELECT n, 'acme', 'a' || n FROM generate_series(1, 3) n",
		"INSERT INTO notes SELECT n + 10, 'zeta', 'z' || n FROM generate_series(1, 3) n",
		"ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"CREATE POLICY tenants ON notes USING (" + policy + ") WITH CHECK (" + policy + ")",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO " + app + ", " + admin,
		"REVOKE TEMPORARY ON DATABASE " + config.Database + " FROM PUBLIC",
	} {
		_, err := owner.Exec(statement)
		require.NoError(t, err, statement)
	}
	t.Cleanup(func() {
		_, _ = owner.Exec("DROP OWNED BY " + app + ", " + admin + "; DROP ROLE " + app + ", " +
			admin)
	})
	as := func(role, password string) *pgx.ConnConfig {
		c := config.Copy()
		c.User, c.Password = role, password
		return c
	}
	return &server{owner: owner, app: as(app, "app"), admin: as(admin, "admin")}
}

// mayLeave lets the app make temporary tables.
func (s *server) mayLeave(t testing.TB) {
	t.Helper()
	_, err := s.owner.Exec("GRANT TEMPORARY ON DATABASE " + s.app.Database + " TO PUBLIC")
	require.NoError(t, err)
}

var modes = map[string]pgx.QueryExecMode{
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"describe_exec":   pgx.QueryExecModeDescribeExec,
	"exec":            pgx.QueryExecModeExec,
	"simple_protocol": pgx.QueryExecModeSimpleProtocol,
}

// way is a way to send a tenant along.
type way struct {
	mode    pgx.QueryExecMode
	options []rls.Option
	pooled  bool
}

// ways are all query modes of pgx, as they are and for Citus, to the server and through pgbouncer
// in transaction mode.
var ways = func() map[string]way {
	all := map[string]way{}
	for name, mode := range modes {
		for suffix, options := range map[string][]rls.Option{"": nil, "_citus": {rls.Citus()}} {
			if suffix != "" && mode == pgx.QueryExecModeSimpleProtocol {
				continue // refused
			}
			all[name+suffix] = way{mode: mode, options: options}
			if poolable(mode) {
				all[name+suffix+"_pgbouncer"] = way{mode: mode, options: options, pooled: true}
			}
		}
	}
	return all
}()

// poolable reports whether a mode works through a pooler that does not follow prepared statements,
// as pgbouncer before 1.21. With this library or without, cache_statement keeps some, and
// describe_exec takes two round trips for a statement, which can meet two connections.
func poolable(mode pgx.QueryExecMode) bool {
	return mode != pgx.QueryExecModeCacheStatement && mode != pgx.QueryExecModeDescribeExec
}

// open opens a pool of the app role.
func (w way) open(t testing.TB, s *server, options ...rls.Option) *sql.DB {
	t.Helper()
	config := s.app
	if w.pooled {
		config = s.pooled
	}
	config = config.Copy()
	config.DefaultQueryExecMode = w.mode
	db := sql.OpenDB(rls.NewConnector(config, append(options, w.options...)...))
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open opens a pool of the app role.
func (s *server) open(t *testing.T, mode pgx.QueryExecMode, options ...rls.Option) *sql.DB {
	t.Helper()
	return way{mode: mode}.open(t, s, options...)
}

// queryer is a pool, a connection or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// ids returns the keys that a query finds.
func ids(t *testing.T, ctx context.Context, db queryer, query string, args ...any) string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	require.NoError(t, err)
	return scanned(t, rows)
}

// scanned reads the keys, and closes the rows.
func scanned(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	defer func() { require.NoError(t, rows.Close()) }()
	var found []string
	for rows.Next() {
		var id int
		require.NoError(t, rows.Scan(&id))
		found = append(found, fmt.Sprint(id))
	}
	require.NoError(t, rows.Err())
	return strings.Join(found, " ")
}

func TestStatements_run_as_the_tenant_of_their_context(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	zeta := gormtenant.WithTenant(t.Context(), "zeta")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s, rls.Admin(s.admin))
			db.SetMaxOpenConns(1) // one connection, so that what is left on it would be seen
			for range 3 {
				require.Equal(t, "1 2 3", ids(t, acme, db, "SELECT id FROM notes ORDER BY id"))
				require.Equal(t, "12 13", ids(t, zeta, db, "SELECT id FROM notes WHERE id <> $1 "+
					"ORDER BY id", 11))
				require.Empty(t, ids(t, t.Context(), db, "SELECT id FROM notes ORDER BY id"))
				require.Equal(t, "1 2 3 11 12 13", ids(t, gormtenant.Unscoped(acme, "test"), db,
					"SELECT id FROM notes ORDER BY id"))

				if !way.pooled { // with pgx alone a pooler loses them too
					preparedStatement(t, db, acme, zeta)
				}
				_, err := db.ExecContext(acme, "INSERT INTO notes VALUES (21, 'zeta', 'stolen')")
				require.ErrorContains(t, err, "row-level security")
				_, err = db.ExecContext(acme, "INSERT INTO notes VALUES ($1, $2, 'stolen')", 21,
					"zeta")
				require.ErrorContains(t, err, "row-level security")
				result, err := db.ExecContext(acme, "DELETE FROM notes WHERE tenant_id = 'zeta'")
				require.NoError(t, err)
				n, err := result.RowsAffected()
				require.NoError(t, err)
				require.Zero(t, n)
			}
		})
	}
}

// preparedStatement runs one as several tenants.
func preparedStatement(t *testing.T, db *sql.DB, acme, zeta context.Context) {
	t.Helper()
	prepared, err := db.PrepareContext(acme, "SELECT id FROM notes WHERE id > $1 ORDER BY id")
	require.NoError(t, err)
	for ctx, want := range map[context.Context]string{
		acme: "2 3", zeta: "11 12 13",
		t.Context(): "",
	} {
		rows, err := prepared.QueryContext(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, want, scanned(t, rows))
	}
	require.NoError(t, prepared.Close())
}
