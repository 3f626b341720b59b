package pgsessiontest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
)

// leftover is a text of Zeta that leaves something in its session. $NAME is the name of the
// statement that pgx prepared for below, on a connection that caches them.
type leftover struct{ name, text string }

var leftovers = []leftover{
	{"settings_replaced", "DEALLOCATE ALL; PREPARE gormtenant_settings(text) AS " +
		"SELECT set_config('app.tenant_id', 'zeta', true)"},
	{"statement_replaced", `DEALLOCATE "$NAME"; PREPARE "$NAME"(int) AS SELECT 666 AS id`},
	{"prepared", "PREPARE gormtenant_settings(text) AS SELECT 666"},
	{"temporary_table", "CREATE TEMP TABLE notes (id int, body text)"},
	{"temporary_table_by_select", "SELECT 666 AS id INTO TEMP notes"},
	{"temporary_view", "CREATE OR REPLACE TEMP VIEW notes AS SELECT 666 AS id"},
	{"cursor_with_hold", "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM notes"},
	{"setting", "SET app.tenant_id = 'zeta'"},
	{"path", "SET search_path = pg_temp"},
	{"read_only", "SET default_transaction_read_only = on"},
	{"time_zone", "SET TIME ZONE 'Asia/Tokyo'"},
	{"set_config", "SELECT set_config('app.tenant_id', 'zeta', false)"},
	{"set_config_in_a_condition", "SELECT id FROM notes WHERE set_config('a.b', 'c', false) = 'c'"},
	{"set_config_in_a_text", "SELECT query_to_xml('SELECT set' || " +
		"'_config(''a.b'', ''c'', false)', true, true, '')"},
	{"role", "SET ROLE none"},
	{"listen", "LISTEN jobs"},
	{"advisory_lock", "SELECT pg_advisory_lock_shared(4711)"},
	{"do", "DO $$ BEGIN PERFORM set_config('a.b', 'c', false); END $$"},
	{"stacked", "SELECT 1; SET a.b = 'c'"},
	{"stacked_behind_a_comment", "SELECT 1 /* ; */ ; -- x\n SELECT set_config('a.b', 'c', false)"},
}

// backend returns the process of the session.
func (c *contract) backend(ctx context.Context, t testing.TB, db queryer) (pid string) {
	t.Helper()
	return ids(ctx, t, db, "SELECT pg_backend_pid()")
}

// channels are the ways in which the text of a tenant reaches a connection.
var channels = []struct {
	name string
	send func(ctx context.Context, db *sql.DB, text string) error
}{
	{"exec", func(ctx context.Context, db *sql.DB, text string) error {
		_, err := db.ExecContext(ctx, text)
		return err
	}},
	{"rows", func(ctx context.Context, db *sql.DB, text string) error {
		rows, err := db.QueryContext(ctx, text)
		if err != nil {
			return err
		}
		for rows.Next() {
			continue
		}
		return errors.Join(rows.Err(), rows.Close())
	}},
	{"prepared", func(ctx context.Context, db *sql.DB, text string) error {
		statement, err := db.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		_, err = statement.ExecContext(ctx)
		return errors.Join(err, statement.Close())
	}},
	{"committed", func(ctx context.Context, db *sql.DB, text string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	}},
	{"rolled_back", func(ctx context.Context, db *sql.DB, text string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, text)
		return errors.Join(err, tx.Rollback())
	}},
	{"stacked", func(ctx context.Context, db *sql.DB, text string) error {
		_, err := db.ExecContext(ctx, strings.Join([]string{"SELECT id FROM notes\n", text}, "; "))
		return err
	}},
}

// nothingReaches sends each text, through one channel after the other, and lets another tenant use
// the pool afterwards.
func nothingReaches(t *testing.T, c *contract) {
	for i, l := range leftovers {
		channel := channels[i%len(channels)]
		name := channel.name + "/" + l.name
		require.Equal(t, "1 2 3", ids(c.acme, t, c.db, below, 20), name)
		before := c.backend(c.zeta, t, c.db)
		err := channel.send(c.zeta, c.db, strings.ReplaceAll(l.text, "$NAME", c.prepared(t)))
		if c.Pooled {
			require.Error(t, err, name)
		} else {
			require.NotEqual(t, before, c.backend(c.acme, t, c.db), name)
		}
		require.Equal(t, "1 2 3", ids(c.acme, t, c.db, below, 20), name)
		require.Equal(t, "1 2 3", ids(c.acme, t, c.db, all), name)
		c.seesNothing(t, c.db, name)
	}
	if c.Pooled {
		_, err := c.db.ExecContext(c.zeta, "SET TIME ZONE 'Asia/Tokyo'")
		require.ErrorContains(t, err, "which a pooler gives to others")
	}
}

// prepared returns the name of the statement of below, "" if there is none.
func (c *contract) prepared(t testing.TB) string {
	t.Helper()
	return ids(c.zeta, t, c.db, "SELECT name FROM pg_prepared_statements "+
		"WHERE statement LIKE 'SELECT id FROM notes WHERE id < %' "+
		"ORDER BY prepare_time DESC LIMIT 1")
}

// nothingReachesHeld lets another tenant use a connection that is held.
func nothingReachesHeld(t *testing.T, c *contract) {
	if c.Pooled {
		return // refused before
	}
	for _, l := range append(slices.Clip(leftovers),
		leftover{"cursor", "DECLARE c CURSOR FOR SELECT id FROM notes"},
		leftover{"local_setting", "SET LOCAL default_transaction_read_only = on"}) {
		tx, err := c.db.BeginTx(c.acme, nil)
		require.NoError(t, err)
		require.Equal(t, "1 2 3", ids(c.acme, t, tx, below, 20), l.name)
		run(c.acme, t, tx, "SAVEPOINT one")
		_, err = tx.ExecContext(c.zeta, strings.ReplaceAll(l.text, "$NAME", "none"))
		if err != nil { // a name that is not there, a role that may not
			run(c.zeta, t, tx, "ROLLBACK TO SAVEPOINT one")
		}
		_, err = tx.QueryContext(c.acme, all)
		require.ErrorIs(t, err, gormtenant.ErrOtherTenant, l.name)
		_, err = tx.ExecContext(c.acme, all)
		require.ErrorIs(t, err, gormtenant.ErrOtherTenant, l.name)
		_, err = tx.ExecContext(c.zeta, "SELECT 1")
		require.NoError(t, err, l.name)
		require.NoError(t, tx.Rollback())
		require.Equal(t, "1 2 3", ids(c.acme, t, c.db, below, 20), l.name)
	}
	conn, err := c.db.Conn(t.Context())
	require.NoError(t, err)
	run(c.nobody, t, conn, "SET statement_timeout = '1h'") // the application's own
	require.Equal(t, "1 2 3", ids(c.acme, t, conn, all))
	require.Equal(t, "11 12 13", ids(c.zeta, t, conn, all))
	run(c.zeta, t, conn, "SET statement_timeout = '1h'")
	_, err = conn.QueryContext(c.acme, all)
	require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
	require.NoError(t, conn.Close())
	require.Equal(t, "1 2 3", ids(c.acme, t, c.db, all))
}
