package pgsession_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// noSettings is a router of statements that run as they are.
type noSettings struct{}

func (noSettings) AppendSettings(
	_ context.Context, s []pgsession.Setting,
) ([]pgsession.Setting, error) {
	return s, nil
}

func (noSettings) OtherPool(context.Context) (*sql.DB, error) { return nil, nil }

func TestConnections_that_the_server_has_ended_are_replaced(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	open := func() *sql.DB {
		db := sql.OpenDB(pgsession.NewConnector(config, noSettings{}))
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	used, other := open(), open()
	for range 20 {
		var pid int
		require.NoError(t, used.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
		var ended bool // it waits until the session is over
		err := other.QueryRowContext(t.Context(), "SELECT pg_terminate_backend($1, 20000)",
			pid).Scan(&ended)
		require.NoError(t, err)
		require.True(t, ended)
		_, err = used.ExecContext(t.Context(), "SELECT 1")
		require.NoError(t, err)
	}
}
