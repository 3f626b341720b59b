package schemas_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// attempts are the ways to reach a table, each as its own tenant's first call.
var attempts = []struct {
	name string
	run  func(ctx context.Context, db *sql.DB) error
}{
	{"query", func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, all)
		if err == nil {
			err = rows.Close()
		}
		return err
	}},
	{"exec", func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "UPDATE notes SET body = 'stolen'")
		return err
	}},
	{"prepared", func(ctx context.Context, db *sql.DB) error {
		statement, err := db.PrepareContext(ctx, "DELETE FROM notes")
		if err != nil {
			return err
		}
		defer func() { _ = statement.Close() }()
		_, err = statement.ExecContext(ctx)
		return err
	}},
	{"transaction", func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(ctx, "DELETE FROM notes")
		return err
	}},
	{"in_a_transaction_without_a_tenant", func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		_, err = tx.ExecContext(ctx, "DELETE FROM notes")
		return err
	}},
}

// A directory that names the schema of another tenant, or one that is nobody's, opens neither.
func TestPlacement_that_is_not_the_tenants(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		before := s.bodies(t, s.acme)
		evil := gormtenant.WithTenant(
			tenantname.WithSchema(t.Context(), "evil", s.of(s.acme)), "evil")
		for _, a := range attempts {
			require.ErrorIs(t, a.run(evil, db), schemas.ErrNotOurs, a.name)
		}
		require.Equal(t, "1 2 3", ids(t, as(t, s.acme), db, all))
		for _, a := range attempts { // the schema is known now, as another's
			require.ErrorIs(t, a.run(evil, db), schemas.ErrNotOurs, a.name)
		}
		require.Equal(t, "11 12 13", ids(t, as(t, s.zeta), db, all))
		// a rename in the directory, of a tenant that is known
		renamed := gormtenant.WithTenant(
			tenantname.WithSchema(t.Context(), s.zeta, s.of(s.acme)), s.zeta)
		for _, a := range attempts {
			require.ErrorIs(t, a.run(renamed, db), schemas.ErrNotOurs, a.name)
		}
		require.Equal(t, before, s.bodies(t, s.acme))
		require.Equal(t, "11 12 13", ids(t, as(t, s.zeta), db, all))
	})
}

func TestSchema_without_a_mark(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	for _, comment := range []string{"NULL", "''", "'of acme'", "'gormtenant:'"} {
		s.do(t, "COMMENT ON SCHEMA "+s.of(s.acme)+" IS "+comment)
		for _, a := range attempts {
			require.ErrorIs(t, a.run(as(t, s.acme), db), schemas.ErrNotOurs, a.name)
		}
	}
	s.do(t, "COMMENT ON SCHEMA "+s.of(s.acme)+" IS NULL")
	require.ErrorContains(t, attempts[0].run(as(t, s.acme), db), "Adopt of schemas.Provisioner")
	s.do(t, "COMMENT ON SCHEMA "+s.of(s.acme)+" IS 'gormtenant:"+s.acme+"'")
	require.Equal(t, "1 2 3", ids(t, as(t, s.acme), db, all), "once it is adopted")
}

// Nothing that a tenant can make on its own connection answers for the catalog.
func TestMark_is_read_past_what_a_tenant_makes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do(t, "GRANT TEMPORARY ON DATABASE "+s.app.Database+" TO PUBLIC")
	db := way{mode: pgx.QueryExecModeSimpleProtocol, roles: true}.open(t, s)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	own := as(t, s.zeta)
	run(t, own, conn, "CREATE TEMP TABLE pg_namespace (oid oid, nspname name);"+
		"INSERT INTO pg_temp.pg_namespace VALUES (0, '"+s.of(s.acme)+"');"+
		"CREATE FUNCTION pg_temp.obj_description(oid, text) RETURNS text LANGUAGE sql AS "+
		"$$ SELECT 'gormtenant:"+s.zeta+"' $$; SET search_path = pg_temp, pg_catalog")
	renamed := gormtenant.WithTenant(
		tenantname.WithSchema(t.Context(), s.zeta, s.of(s.acme)), s.zeta)
	_, err = conn.ExecContext(renamed, "DELETE FROM notes")
	require.ErrorIs(t, err, schemas.ErrNotOurs)
	require.Equal(t, "n1,n2,n3,", s.bodies(t, s.acme))
}

// It is looked at once, in one flight.
func TestMark_is_read_once(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	proxy, config := pgtest.NewProxy(t, s.app, 0)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := sql.OpenDB(schemas.NewConnector(config, schemas.Roles()))
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for i, tenant := range []string{s.acme, s.acme, s.zeta, s.acme, s.zeta} {
		proxy.Flights()
		run(t, as(t, tenant), conn, all)
		require.Equal(t, []int{2, 1, 2, 1, 1}[i], proxy.Flights(), i)
	}
	var other *sql.Conn
	other, err = db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = other.Close() }()
	proxy.Flights()
	run(t, as(t, s.acme), other, all)
	require.Equal(t, 1, proxy.Flights(), "every connection of the pool knows")
}
