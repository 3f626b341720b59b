package rls_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// A statement with the tenant takes as many round trips as without: one, once it was prepared.
func TestFlights(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			proxy, config := pgtest.NewProxy(t, s.app, 0)
			config.DefaultQueryExecMode = mode
			plain, scoped := stdlib.OpenDB(*config), sql.OpenDB(rls.NewConnector(config))
			for _, db := range []*sql.DB{plain, scoped} {
				db.SetMaxOpenConns(1)
				t.Cleanup(func() { _ = db.Close() })
			}
			acme := gormtenant.WithTenant(t.Context(), "acme")
			prepared := map[*sql.DB]*sql.Stmt{}
			for what, run := range map[string]func(db *sql.DB){
				"query": func(db *sql.DB) {
					ids(t, acme, db, "SELECT id FROM notes WHERE id < $1",
						5)
				},
				"exec": func(db *sql.DB) {
					exec(t, acme, db, "UPDATE notes SET body = $1 "+
						"WHERE id = $2", "x", 1)
				},
				"text": func(db *sql.DB) {
					exec(t, acme, db, "UPDATE notes SET body = 'x' "+
						"WHERE id = 1")
				},
				"prepared": func(db *sql.DB) {
					statement := prepared[db]
					if statement == nil {
						var err error
						statement, err = db.Prepare("SELECT id FROM notes WHERE id < $1")
						require.NoError(t, err)
						prepared[db] = statement
					}
					rows, err := statement.QueryContext(acme, 5)
					require.NoError(t, err)
					require.NoError(t, rows.Close())
				},
				"transaction_of_three": func(db *sql.DB) {
					tx, err := db.BeginTx(acme, nil)
					require.NoError(t, err)
					for range 3 {
						ids(t, acme, tx, "SELECT id FROM notes WHERE id < $1", 5)
					}
					require.NoError(t, tx.Commit())
				},
			} {
				var flights, syncs [2]int
				for i, db := range []*sql.DB{plain, scoped} {
					run(db) // connects, prepares
					run(db) // pgx pings a connection that it uses for the second time
					proxy.Flights()
					proxy.Syncs()
					run(db)
					flights[i], syncs[i] = proxy.Flights(), proxy.Syncs()
				}
				require.Equal(t, flights[0], flights[1], what)
				require.Equal(t, syncs[0], syncs[1], what)
				t.Logf("%s: %d round trips, %d messages that ask for an answer", what, flights[1],
					syncs[1])
				if name == "cache_statement" {
					want := map[string]int{
						"query": 1, "exec": 1, "text": 1, "prepared": 1,
						"transaction_of_three": 5,
					}[what]
					require.Equal(t, want, flights[1], what)
					require.Equal(t, want, syncs[1], what)
				}
			}
		})
	}
}

func exec(t *testing.T, ctx context.Context, db queryer, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(ctx, query, args...)
	require.NoError(t, err)
}
