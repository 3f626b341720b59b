package schemas_test

import (
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
)

// What is deferred to the end of the transaction runs in the schema of the transaction's own
// context.
func TestCommit_runs_as_the_tenant_of_the_transaction(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do(t, "CREATE FUNCTION shared.see() RETURNS trigger LANGUAGE plpgsql AS "+
		"$$ BEGIN INSERT INTO notes VALUES (50, current_user); RETURN NULL; END $$",
		"CREATE CONSTRAINT TRIGGER see AFTER UPDATE ON "+s.of(
			s.acme)+".notes DEFERRABLE INITIALLY DEFERRED "+
			"FOR EACH ROW EXECUTE FUNCTION shared.see()")
	acme, zeta := as(t, s.acme), as(t, s.zeta)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	run(t, acme, tx, "UPDATE notes SET body = 'x' WHERE id = 1")
	require.Equal(t, "11 12 13", ids(t, zeta, tx, all))
	require.NoError(t, tx.Commit())
	require.Equal(t, s.of(s.acme), ids(t, acme, db, "SELECT body FROM notes WHERE id = 50"))
	require.Equal(t, "11 12 13", ids(t, zeta, db, all))
}

// session returns the path and the role that the connection has by itself.
func session(t *testing.T, db *sql.DB) (state string) {
	t.Helper()
	raw(t, db, func(conn *pgx.Conn) error {
		return conn.QueryRow(
			t.Context(), "SELECT current_setting('search_path') || ' ' || current_user").Scan(
			&state)
	})
	return state
}

// raw gives use the connection of pgx, whose statements run with no settings.
func raw(t *testing.T, db *sql.DB, use func(conn *pgx.Conn) error) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, conn.Raw(func(driver any) error {
		return use(driver.(interface{ Conn() *pgx.Conn }).Conn())
	}))
}

var _ interface{ Conn() *pgx.Conn } = (*stdlib.Conn)(nil)

// A statement that puts a schema of its own in front of the catalog, for the whole session, does
// not so get hold of what the next tenant's statement is preceded by.
func TestTenant_cannot_take_the_place_of_set_config(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		s.do(t, "CREATE OR REPLACE FUNCTION "+s.of(s.acme)+".set_config(text, text, boolean) "+
			"RETURNS text LANGUAGE sql AS 'SELECT $2'")
		path := "SET search_path = " + s.of(s.acme) + ", pg_catalog"
		if w.pooled {
			_, err := db.ExecContext(acme, path)
			require.ErrorContains(t, err, "which a pooler gives to others")
		} else {
			run(t, acme, db, path)
		}
		for range 3 {
			require.Equal(t, "11 12 13", ids(t, zeta, db, all))
			require.Equal(
				t, "12 13", ids(t, zeta, db, "SELECT id FROM notes WHERE id > $1 ORDER BY id", 11))
		}
		s.do(t, "DROP FUNCTION "+s.of(s.acme)+".set_config")
	})
}

func TestUnscoped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	across := gormtenant.Unscoped(as(t, s.acme), "report")
	require.Equal(t, "PT", ids(t, across, db, "SELECT code FROM countries"))
	refused(t, across, db, undefinedTable, all)
	refused(t, across, db, denied, "SELECT id FROM "+s.of(s.acme)+".notes")
	for _, reason := range []string{"", " \t"} {
		ctx := gormtenant.Unscoped(as(t, s.acme), reason)
		_, err := db.ExecContext(ctx, "SELECT 1")
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
		_, err = db.QueryContext(ctx, "SELECT $1::int", 1)
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
		_, err = db.BeginTx(ctx, nil)
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
		_, err = db.PrepareContext(ctx, "SELECT 1")
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
	}
	require.Equal(
		t, "1 2 3", ids(t, gormtenant.WithTenant(across, s.acme), db, all), "the innermost decides")
}
