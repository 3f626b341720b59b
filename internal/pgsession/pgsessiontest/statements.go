package pgsessiontest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func statements(t *testing.T, c *contract) {
	for range 3 {
		require.Equal(t, "1 2 3", ids(c.acme, t, c.db, all))
		require.Equal(t, "12 13",
			ids(c.zeta, t, c.db, "SELECT id FROM notes WHERE id <> $1 ORDER BY id", 11))
		c.seesNothing(t, c.db, "without a tenant")
	}
}

func transaction(t *testing.T, c *contract) {
	tx, err := c.db.BeginTx(c.acme, nil)
	require.NoError(t, err)
	require.Equal(t, "1 2 3", ids(c.acme, t, tx, all))
	require.Equal(t, "11 12 13", ids(c.zeta, t, tx, all), "the tenant of the context changed")
	require.Equal(t, "1 2", ids(c.acme, t, tx, below, 3))

	run(c.acme, t, tx, "SAVEPOINT one")
	require.Equal(t, "11 12 13", ids(c.zeta, t, tx, all))
	run(c.acme, t, tx, "ROLLBACK TO SAVEPOINT one")
	require.Equal(t, "1 2 3", ids(c.acme, t, tx, all), "the rollback took the setting back")

	c.seesNothing(t, tx, "in a transaction")
	run(c.acme, t, tx, "ROLLBACK TO SAVEPOINT one")
	fails(c.acme, t, tx, "22012", "SELECT 1/0")
	fails(c.acme, t, tx, "25P02", all)
	run(c.acme, t, tx, "ROLLBACK TO SAVEPOINT one")
	require.Equal(t, "1 2 3", ids(c.acme, t, tx, all), "after an error")

	run(c.acme, t, tx, "UPDATE notes SET body = 'new' WHERE id = $1", 1)
	require.NoError(t, tx.Commit())
	c.seesNothing(t, c.db, "after the commit")
	require.Equal(t, "1", ids(c.acme, t, c.db, "SELECT id FROM notes WHERE body = 'new'"))

	options := &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true}
	tx, err = c.db.BeginTx(c.zeta, options)
	require.NoError(t, err)
	require.Equal(t, "11 12 13", ids(c.zeta, t, tx, all))
	fails(c.zeta, t, tx, "25006", "DELETE FROM notes")
	require.NoError(t, tx.Rollback())
}

// snapshot changes the level of isolation, which has to come before any query.
func snapshot(t *testing.T, c *contract) {
	tx, err := c.db.BeginTx(c.acme, nil)
	require.NoError(t, err)
	run(c.acme, t, tx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
	require.Equal(t, "1 2 3", ids(c.acme, t, tx, all))
	require.NoError(t, tx.Commit())
}

func errorsPoint(t *testing.T, c *contract) {
	const at = 28
	for _, args := range [][]any{nil, {1}} {
		query := "SELECT id FROM notes WHERE nonsense = 1"
		if args != nil {
			query += " AND id = $1"
		}
		_, err := c.db.ExecContext(c.acme, query, args...)
		var server *pgconn.PgError
		require.ErrorAs(t, err, &server)
		require.EqualValues(t, at, server.Position)
	}
}

// nothingStays ends statements in every way, each twice on one connection.
func nothingStays(t *testing.T, c *contract) {
	type ending struct {
		name  string
		leave func(t *testing.T)
	}
	endings := []ending{
		{"error", func(t *testing.T) {
			fails(c.acme, t, c.db, "22012", "SELECT 1/0 FROM notes WHERE id < $1", 3)
		}},
		{"error_in_the_text", func(t *testing.T) { fails(c.acme, t, c.db, "42601", "SELECT ,") }},
		{"error_in_a_text_that_is_prepared", func(t *testing.T) {
			fails(c.acme, t, c.db, "42703", "SELECT nonsense FROM notes WHERE id < $1", 3)
		}},
		{"argument_that_cannot_be_sent", func(t *testing.T) {
			_, err := c.db.ExecContext(c.acme, below, make(chan int))
			require.Error(t, err)
		}},
		{"rows_not_read", func(t *testing.T) { require.NoError(t, c.readOne("")) }},
		{"panic_among_the_rows", func(t *testing.T) {
			require.Panics(t, func() { _ = c.readOne("in the application") })
		}},
		{"error_among_the_rows", func(t *testing.T) {
			fails(c.acme, t, c.db, "22012", "SELECT 1 / (500 - n) FROM generate_series(1, 1000) n")
		}},
		{"cancelled", c.cancelled},
		{"transaction", func(t *testing.T) {
			tx, err := c.db.BeginTx(c.acme, nil)
			require.NoError(t, err)
			require.Equal(t, "1 2 3", ids(c.acme, t, tx, all))
			require.NoError(t, tx.Rollback())
		}},
	}
	for _, l := range c.Leavings {
		endings = append(endings, ending{l.Name, func(t *testing.T) {
			run(c.acme, t, c.db,
				l.SQL)
		}})
	}
	for _, e := range endings {
		for range 2 {
			e.leave(t)
			c.seesNothing(t, c.db, e.name)
			require.Equal(t, "1 2 3", ids(c.acme, t, c.db, below, 20), e.name)
			require.Equal(t, "11 12 13", ids(c.zeta, t, c.db, below, 20), e.name)
		}
		if c.After != nil {
			c.After(t, c.db, e.name)
		}
	}
}

// readOne reads one of many rows, and panics then with a value that is not "".
func (c *contract) readOne(value string) error {
	rows, err := c.db.QueryContext(c.acme, "SELECT n FROM generate_series(1, 10000) n WHERE n > $1",
		5)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return errors.Join(errors.New("no rows"), rows.Err())
	}
	if value != "" {
		panic(value)
	}
	return rows.Err()
}

// cancelled cancels a statement when the server runs it.
func (c *contract) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(c.acme)
	defer cancel()
	seen := make(chan error, 1)
	go func() {
		defer cancel()
		seen <- c.Database.sleeps(t.Context())
	}()
	_, err := c.db.ExecContext(ctx, "SELECT pg_sleep(600)")
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, <-seen)
}

// sleeps returns when a session of the app is in pg_sleep.
func (d *Database) sleeps(ctx context.Context) error {
	for {
		var n int
		err := d.Owner.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity "+
			"WHERE usename = $1 AND wait_event = 'PgSleep' AND datname = current_database()",
			d.App).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
	}
}
