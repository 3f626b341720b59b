package rls_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

const (
	all = "SELECT id FROM notes ORDER BY id"

	// For what happens in its own time.
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

func TestTransaction_runs_each_statement_as_the_tenant_of_its_context(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	zeta := gormtenant.WithTenant(t.Context(), "zeta")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s)
			db.SetMaxOpenConns(1)
			tx, err := db.BeginTx(acme, nil)
			require.NoError(t, err)
			require.Equal(t, "1 2 3", ids(t, acme, tx, all))
			require.Equal(t, "11 12 13", ids(t, zeta, tx, all), "the context's tenant changed")
			require.Empty(t, ids(t, t.Context(), tx, all))

			_, err = tx.ExecContext(acme, "SAVEPOINT one")
			require.NoError(t, err)
			require.Equal(t, "11 12 13", ids(t, zeta, tx, all))
			_, err = tx.ExecContext(acme, "ROLLBACK TO SAVEPOINT one")
			require.NoError(t, err)
			require.Equal(t, "1 2 3", ids(t, acme, tx, all), "the rollback took the setting back")

			_, err = tx.ExecContext(acme, "SELECT 1/0")
			require.Error(t, err)
			_, err = tx.ExecContext(acme, all)
			require.ErrorContains(t, err, "25P02")
			_, err = tx.ExecContext(acme, "ROLLBACK TO SAVEPOINT one")
			require.NoError(t, err)
			require.Equal(t, "1 2 3", ids(t, acme, tx, all), "after an error")

			_, err = tx.ExecContext(acme, "UPDATE notes SET body = 'new' WHERE id = $1", 1)
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
			require.Empty(t, ids(t, t.Context(), db, all), "something stayed on the connection")
			require.Equal(t, "1", ids(t, acme, db, "SELECT id FROM notes WHERE body = 'new'"))

			tx, err = db.BeginTx(zeta, &sql.TxOptions{Isolation: sql.LevelSerializable,
				ReadOnly: true})
			require.NoError(t, err)
			require.Equal(t, "11 12 13", ids(t, zeta, tx, all))
			_, err = tx.ExecContext(zeta, "DELETE FROM notes")
			require.ErrorContains(t, err, "25006")
			require.NoError(t, tx.Rollback())
		})
	}
}

// SET TRANSACTION has to come before any query.
func TestTransaction_takes_no_snapshot_before_its_first_statement(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	db := s.open(t, modes["cache_statement"])
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(acme, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
	require.NoError(t, err)
	require.Equal(t, "1 2 3", ids(t, acme, tx, all))
	require.NoError(t, tx.Commit())
}

func TestCommit_runs_as_the_tenant_of_the_transaction(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, statement := range []string{
		"CREATE TABLE seen (tenant text)",
		"GRANT ALL ON seen TO " + s.app.User,
		"CREATE FUNCTION note_tenant() RETURNS trigger LANGUAGE plpgsql AS " +
			"$$ BEGIN INSERT INTO seen VALUES (current_setting('app.tenant_id', true)); " +
			"RETURN NULL; END $$",
		"CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON notes DEFERRABLE INITIALLY DEFERRED " +
			"FOR EACH ROW EXECUTE FUNCTION note_tenant()",
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err)
	}
	acme := gormtenant.WithTenant(t.Context(), "acme")
	db := s.open(t, modes["cache_statement"])
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(acme, "UPDATE notes SET body = 'x' WHERE id = 1")
	require.NoError(t, err)
	require.Equal(t, "11 12 13", ids(t, gormtenant.WithTenant(t.Context(), "zeta"), tx, all))
	require.NoError(t, tx.Commit())
	var tenant string
	require.NoError(t, s.owner.QueryRow("SELECT tenant FROM seen").Scan(&tenant))
	require.Equal(t, "acme", tenant)
}

func TestUnscoped_needs_a_role_of_its_own(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	across := gormtenant.Unscoped(acme, "report")
	db := s.open(t, modes["cache_statement"])
	_, err := db.ExecContext(across, "DELETE FROM notes")
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	_, err = db.BeginTx(across, nil)
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	_, err = db.ExecContext(gormtenant.Unscoped(acme, ""), "DELETE FROM notes")
	require.ErrorIs(t, err, gormtenant.ErrNoReason)
	require.Equal(t, "1 2 3", ids(t, acme, db, all))
}

func TestTransaction_stays_scoped_or_unscoped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	across := gormtenant.Unscoped(acme, "report")
	db := s.open(t, modes["cache_statement"], rls.Admin(s.admin))
	db.SetMaxOpenConns(1)

	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	_, err = tx.QueryContext(across, all)
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	require.Equal(t, "1 2 3", ids(t, acme, tx, all))
	require.NoError(t, tx.Rollback())

	tx, err = db.BeginTx(across, nil)
	require.NoError(t, err)
	require.Equal(t, "1 2 3 11 12 13", ids(t, across, tx, all))
	for _, ctx := range []context.Context{acme, t.Context()} {
		_, err = tx.QueryContext(ctx, all)
		require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	}
	_, err = tx.ExecContext(across, "DELETE FROM notes WHERE id IN (1, 11)")
	require.NoError(t, err)
	prepared, err := tx.PrepareContext(across, "SELECT id FROM notes WHERE id < $1 ORDER BY id")
	require.NoError(t, err)
	rows, err := prepared.QueryContext(across, 13)
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	require.NoError(t, prepared.Close())
	require.NoError(t, tx.Rollback())
	require.Equal(t, "1 2 3", ids(t, acme, db, all))
	require.Equal(t, "1 2 3 11 12 13", ids(t, across, db, all))
}

// What an error, a cancelled context, or rows that were not read to their end leave behind.
func TestNothing_stays_on_the_connection(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s)
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
				"argument_that_cannot_be_sent": func() {
					_, err := db.QueryContext(acme, "SELECT id FROM notes WHERE id = $1",
						make(chan int))
					require.Error(t, err)
				},
				"rows_not_read": func() {
					rows, err := db.QueryContext(acme, "SELECT n FROM generate_series(1, 10000) n")
					require.NoError(t, err)
					require.True(t, rows.Next())
					require.NoError(t, rows.Close())
				},
				"error_among_the_rows": func() {
					rows, err := db.QueryContext(acme, "SELECT 1 / (500 - n) "+
						"FROM generate_series(1, 1000) n")
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
					go func() { // once the server is at it
						defer cancel()
						s.sleeps(t)
					}()
					_, err := db.ExecContext(ctx, "SELECT pg_sleep(600)")
					require.ErrorIs(t, err, context.Canceled)
				},
				"session_setting": func() {
					_, err := db.ExecContext(acme, "SET app.tenant_id = 'acme'")
					require.NoError(t, err)
				},
				"discard": func() { // drops what was prepared; the next statement may say so, once
					_, err := db.ExecContext(acme, "SET LOCAL app.tenant_id = 'zeta'")
					require.NoError(t, err)
				},
			} {
				leave()
				require.Empty(t, ids(t, t.Context(), db, all), what)
				require.Equal(t, "1 2 3", ids(t, acme, db, "SELECT id FROM notes WHERE id < $1 "+
					"ORDER BY id", 20), what)
			}
		})
	}
}

// sleeps returns when a session of the app is in pg_sleep.
func (s *server) sleeps(t *testing.T) {
	t.Helper()
	assert.Eventually(t, func() bool {
		var n int
		err := s.owner.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE usename = $1 "+
			"AND wait_event = 'PgSleep' AND datname = current_database()", s.app.User).Scan(&n)
		return err == nil && n > 0
	}, patience, tick)
}

func TestErrors_point_into_the_callers_text(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	acme := gormtenant.WithTenant(t.Context(), "it's \\ a \"tenant\"\nö")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s)
			for _, args := range [][]any{nil, {1}} {
				query := "SELECT id FROM notes WHERE nonsense = 1"
				if args != nil {
					query += " AND id = $1"
				}
				_, err := db.ExecContext(acme, query, args...)
				var server *pgconn.PgError
				require.ErrorAs(t, err, &server)
				require.EqualValues(t, 28, server.Position)
			}
		})
	}
}
