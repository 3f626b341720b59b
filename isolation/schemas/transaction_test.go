package schemas_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
)

func TestTransaction_runs_each_statement_as_the_tenant_of_its_context(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		tx, err := db.BeginTx(acme, nil)
		require.NoError(t, err)
		require.Equal(t, "1 2 3", ids(t, acme, tx, all))
		require.Equal(t, "11 12 13", ids(t, zeta, tx, all), "the context's tenant changed")
		require.Equal(
			t, "2 3", ids(t, acme, tx, "SELECT id FROM notes WHERE id > $1 ORDER BY id", 1))

		run(t, acme, tx, "SAVEPOINT one")
		refused(t, t.Context(), tx, undefinedTable, all)
		refused(t, acme, tx, "25P02", all)
		run(t, acme, tx, "ROLLBACK TO SAVEPOINT one")
		require.Equal(t, "1 2 3", ids(t, acme, tx, all), "after an error")

		run(t, acme, tx, "SAVEPOINT two")
		require.Equal(t, "11 12 13", ids(t, zeta, tx, all))
		run(t, acme, tx, "ROLLBACK TO SAVEPOINT two")
		require.Equal(t, "1 2 3", ids(t, acme, tx, all), "the rollback took the path back")

		run(t, acme, tx, "UPDATE notes SET body = 'new' WHERE id = $1", 1)
		require.NoError(t, tx.Commit())
		refused(t, t.Context(), db, undefinedTable, all)
		require.Equal(t, "1", ids(t, acme, db, "SELECT id FROM notes WHERE body = 'new'"))

		tx, err = db.BeginTx(zeta, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
		require.NoError(t, err)
		require.Equal(t, "11 12 13", ids(t, zeta, tx, all))
		_, err = tx.ExecContext(zeta, "DELETE FROM notes")
		require.ErrorContains(t, err, "25006")
		require.NoError(t, tx.Rollback())
	})
}

// SET TRANSACTION has to come before any query.
func TestTransaction_takes_no_snapshot_before_its_first_statement(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := as(t, s.acme)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	run(t, acme, tx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
	require.Equal(t, "1 2 3", ids(t, acme, tx, all))
	require.NoError(t, tx.Commit())
}

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

// What an error, a cancelled context, or rows that were not read to their end leave behind.
func TestNothing_stays_on_the_connection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		for what, leave := range map[string]func(){
			"error": func() {
				_, err := db.ExecContext(acme, "SELECT 1/0 FROM notes WHERE id < $1", 3)
				require.ErrorContains(t, err, "22012")
			},
			"error_in_the_text": func() {
				_, err := db.ExecContext(acme, "SELEC 1")
				require.ErrorContains(t, err, "42601")
			},
			"error_in_a_text_that_is_prepared": func() {
				_, err := db.ExecContext(acme, "SELECT nonsense FROM notes WHERE id < $1", 3)
				require.ErrorContains(t, err, "42703")
			},
			"argument_that_cannot_be_sent": func() {
				_, err := db.QueryContext(
					acme, "SELECT id FROM notes WHERE id = $1", make(chan int))
				require.Error(t, err)
			},
			"rows_not_read": func() {
				rows, err := db.QueryContext(acme, "SELECT n FROM generate_series(1, 10000) n")
				require.NoError(t, err)
				require.True(t, rows.Next())
				require.NoError(t, rows.Close())
			},
			"panic_among_the_rows": func() {
				require.Panics(t, func() {
					rows, err := db.QueryContext(
						acme, "SELECT n FROM generate_series(1, 10000) n WHERE n > $1", 5)
					require.NoError(t, err)
					defer func() { _ = rows.Close() }()
					require.True(t, rows.Next())
					panic("in the application")
				})
			},
			"error_among_the_rows": func() {
				rows, err := db.QueryContext(
					acme, "SELECT 1 / (500 - n) FROM generate_series(1, 1000) n")
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
					_ = rows.Close()
				}
				require.ErrorContains(t, err, "22012")
			},
			"cancelled": func() {
				ctx, cancel := context.WithCancel(acme)
				defer cancel()
				done := make(chan error, 1)
				go func() {
					_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
					done <- err
				}()
				require.Eventually(t, func() bool { return s.asleep(t) }, patience, tick)
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
			},
			"transaction": func() {
				tx, err := db.BeginTx(acme, nil)
				require.NoError(t, err)
				require.Equal(t, "1 2 3", ids(t, acme, tx, all))
				require.NoError(t, tx.Rollback())
			},
			"session_path": func() {
				run(t, acme, db, "SET search_path = "+s.of(s.acme)+", public")
			},
			"session_role": func() {
				run(t, acme, db, "SET ROLE "+s.of(s.acme))
			},
			"local_path": func() {
				run(t, acme, db, "SET LOCAL search_path = "+s.of(s.zeta))
			},
		} {
			if what == "session_role" && !w.roles || strings.HasPrefix(what, "session") &&
				w.pooled {
				continue // without roles none is set; behind a pooler it would stay for later
			}
			leave()
			refused(t, t.Context(), db, undefinedTable, all)
			require.Equal(
				t, "1 2 3", ids(t, acme, db, "SELECT id FROM notes WHERE id < $1 ORDER BY id", 20),
				what)
			require.Equal(
				t, "11 12 13", ids(
					t, zeta, db, "SELECT id FROM notes WHERE id < $1 ORDER BY id", 20), what)
			// those are the session's, as the caller wanted
			if !strings.HasPrefix(what, "session") {
				leave()
				require.Equal(t, `"$user", public `+s.app.User, session(t, db), what)
			}
			if !w.pooled {
				reset(t, db)
			}
		}
	})
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

func reset(t *testing.T, db *sql.DB) {
	t.Helper()
	raw(t, db, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), "RESET search_path; RESET ROLE")
		return err
	})
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
		run(
			t, acme, db, "CREATE OR REPLACE FUNCTION set_config(text, text, boolean) RETURNS "+
				"text LANGUAGE sql AS 'SELECT $2'")
		run(t, acme, db, "SET search_path = "+s.of(s.acme)+", pg_catalog")
		for range 3 {
			require.Equal(t, "11 12 13", ids(t, zeta, db, all))
			require.Equal(
				t, "12 13", ids(t, zeta, db, "SELECT id FROM notes WHERE id > $1 ORDER BY id", 11))
		}
		if !w.pooled {
			reset(t, db)
		} else {
			run(t, acme, db, "RESET search_path")
		}
		run(t, acme, db, "DROP FUNCTION "+s.of(s.acme)+".set_config")
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

// asleep reports whether a statement waits in pg_sleep.
func (s *server) asleep(t *testing.T) (asleep bool) {
	t.Helper()
	require.NoError(t, s.owner.QueryRow("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE "+
		"datname = current_database() AND wait_event = 'PgSleep')").Scan(&asleep))
	return asleep
}
