package schemas_test

import (
	"context"
	"database/sql"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// A statement in its tenant's schema takes as many round trips as without one: a single one, once
// it was prepared for that schema. The first time it takes those that pgx alone takes.
func TestFlights(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.withoutRoles(t)
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			proxy, config := pgtest.NewProxy(t, s.app, 0)
			config.DefaultQueryExecMode = mode
			schema := config.Copy()
			schema.RuntimeParams = map[string]string{"search_path": s.of(s.acme)}
			for _, options := range [][]schemas.ConnectorOption{nil, {schemas.Roles()}} {
				plain, scoped := stdlib.OpenDB(*schema),
					sql.OpenDB(schemas.NewConnector(config, options...))
				for _, db := range []*sql.DB{plain, scoped} {
					db.SetMaxOpenConns(1)
					t.Cleanup(func() { _ = db.Close() })
				}
				caches := mode == pgx.QueryExecModeCacheStatement
				compare(t, proxy, plain, scoped, as(t, s.acme), caches)
			}
		})
	}
}

func compare(
	t *testing.T, proxy *pgtest.Proxy, plain, scoped *sql.DB, ctx context.Context, caches bool,
) {
	t.Helper()
	prepared := map[*sql.DB]*sql.Stmt{}
	for _, c := range []struct {
		what string
		run  func(db *sql.DB)
	}{
		{"query", func(db *sql.DB) { ids(t, ctx, db, "SELECT id FROM notes WHERE id < $1", 5) }},
		{"exec", func(db *sql.DB) {
			run(t, ctx, db, "UPDATE notes SET body = $1 WHERE id = $2", "x", 1)
		}},
		{"text", func(db *sql.DB) { run(t, ctx, db, "UPDATE notes SET body = 'x' WHERE id = 1") }},
		{"prepared", func(db *sql.DB) {
			statement := prepared[db]
			if statement == nil {
				var err error
				statement, err = db.Prepare("SELECT id FROM notes WHERE $1 > id")
				require.NoError(t, err)
				prepared[db] = statement
			}
			rows, err := statement.QueryContext(ctx, 5)
			require.NoError(t, err)
			require.NoError(t, rows.Close())
		}},
		{"transaction_of_three", func(db *sql.DB) {
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			for range 3 {
				ids(t, ctx, tx, "SELECT id FROM notes WHERE id < $1", 5)
			}
			require.NoError(t, tx.Commit())
		}},
	} {
		var flights, syncs [2]int
		for i, db := range []*sql.DB{plain, scoped} {
			c.run(db) // connects, prepares
			flights[i], syncs[i] = least(proxy, func() { c.run(db) })
		}
		t.Logf("%s: %d flights, %d messages that ask for an answer", c.what, flights[1], syncs[1])
		if c.what == "prepared" && flights[0] == 1 && flights[1] == 2 {
			// in describe_exec what was prepared by hand is described each time: see doc.go
			continue
		}
		require.Equal(t, flights[0], flights[1], c.what)
		require.Equal(t, syncs[0], syncs[1], c.what)
		if caches {
			want := map[string]int{
				"query": 1, "exec": 1, "text": 1, "prepared": 1,
				"transaction_of_three": 5,
			}[c.what]
			require.Equal(t, want, flights[1], c.what)
			require.Equal(t, want, syncs[1], c.what)
		}
	}
	var first [2]int
	for i, db := range []*sql.DB{plain, scoped} {
		text := "SELECT body FROM notes WHERE id < $1"
		first[i], _ = least(proxy, func() {
			ids(t, ctx, db, text, 5)
			text += " AND true" // another text has a first time too
		})
	}
	require.Equal(t, first[0], first[1], "the first time")
}

// least returns the fewest flights, and messages that ask for an answer, of some calls of run: pgx
// pings a connection that it uses for the second time, and one that nobody has used for a second.
func least(proxy *pgtest.Proxy, run func()) (flights, syncs int) {
	flights, syncs = math.MaxInt, math.MaxInt
	for range 5 {
		proxy.Flights()
		proxy.Syncs()
		run()
		flights, syncs = min(flights, proxy.Flights()), min(syncs, proxy.Syncs())
	}
	return flights, syncs
}
