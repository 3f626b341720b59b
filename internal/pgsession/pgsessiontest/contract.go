// Package pgsessiontest has the contract of connections whose statements run with the settings of
// their context, whatever the settings are. Packages rls and schemas run it:
//
//   - each statement runs as the tenant of its own context, prepared ones too, on one connection
//   - so does each statement of a transaction, after errors and rollbacks to savepoints too
//   - a transaction has no snapshot before its first statement
//   - nothing of a statement stays on the connection, however it ended
//   - an error points into the text of its caller
//   - what a text leaves in its session reaches no other tenant
package pgsessiontest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
)

// Database has a table notes (id integer, body text), in which Acme has the rows 1 to 3, and Zeta
// the rows 11 to 13. A contract leaves these keys there.
type Database struct {
	// Owner sees the sessions of App.
	Owner *sql.DB
	// App is the role that pools log in as.
	App string
	// Acme and Zeta are the IDs of two tenants.
	Acme, Zeta any
	// Nobody is the SQLSTATE of a query without a tenant, "" if it finds no rows.
	Nobody string
}

// Way is a way in which statements are sent.
type Way struct {
	Name     string
	Database *Database
	// Open opens a pool that closes with t.
	Open func(t testing.TB) *sql.DB
	// Pooled says that there is a pooler in front of the server.
	Pooled bool
	// Leavings are statements of Acme that try to leave something on the connection.
	Leavings []Leaving
	// After, which may be nil, looks at the connection after each leaving.
	After func(t *testing.T, db *sql.DB, leaving string)
}

// Leaving is a statement that tries to leave something on the connection.
type Leaving struct{ Name, SQL string }

// Run runs the contract in each way.
func Run(t *testing.T, ways []Way) {
	t.Helper()
	for _, w := range ways {
		t.Run(w.Name, func(t *testing.T) {
			for _, test := range []struct {
				name string
				run  func(t *testing.T, c *contract)
			}{
				{"statements", statements},
				{"transaction", transaction},
				{"no_snapshot_before_the_first_statement", snapshot},
				{"nothing_stays_on_the_connection", nothingStays},
				{"errors_point_into_the_text", errorsPoint},
				{"what_is_left_reaches_nobody", nothingReaches},
				{"what_is_left_on_a_held_connection", nothingReachesHeld},
			} {
				t.Run(test.name, func(t *testing.T) { test.run(t, w.begin(t)) })
			}
		})
	}
}

// contract is one test of a way.
type contract struct {
	Way
	db         *sql.DB // of one connection, so that what stays on it is seen
	acme, zeta context.Context
	nobody     context.Context
}

func (w Way) begin(t *testing.T) *contract {
	t.Helper()
	db := w.Open(t)
	db.SetMaxOpenConns(1)
	return &contract{
		Way: w, db: db, nobody: t.Context(),
		acme: gormtenant.WithTenant(t.Context(), w.Database.Acme),
		zeta: gormtenant.WithTenant(t.Context(), w.Database.Zeta),
	}
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

const (
	all   = "SELECT id FROM notes ORDER BY id"
	below = "SELECT id FROM notes WHERE id < $1 ORDER BY id"
)

// ids returns the keys that a query finds.
func ids(ctx context.Context, t testing.TB, db queryer, query string, args ...any) string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	require.NoError(t, err, query)
	return scanned(t, rows)
}

// scanned reads the first column, and closes the rows.
func scanned(t testing.TB, rows *sql.Rows) string {
	t.Helper()
	defer func() { require.NoError(t, rows.Close()) }()
	var found []string
	for rows.Next() {
		var id any
		require.NoError(t, rows.Scan(&id))
		found = append(found, fmt.Sprint(id))
	}
	require.NoError(t, rows.Err())
	return strings.Join(found, " ")
}

func run(ctx context.Context, t testing.TB, db queryer, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(ctx, query, args...)
	require.NoError(t, err, query)
}

// fails runs a statement that fails with an SQLSTATE.
func fails(ctx context.Context, t testing.TB, db queryer, state, query string, args ...any) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	if err == nil {
		for rows.Next() { // an error may come among the rows
			continue
		}
		err = rows.Err()
		_ = rows.Close()
	}
	require.ErrorContains(t, err, state, query)
}

// seesNothing runs a query without a tenant.
func (c *contract) seesNothing(t testing.TB, db queryer, what string) {
	t.Helper()
	if c.Database.Nobody != "" {
		fails(c.nobody, t, db, c.Database.Nobody, all)
		return
	}
	require.Empty(t, ids(c.nobody, t, db, all), what)
}
