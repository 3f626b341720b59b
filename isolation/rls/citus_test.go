package rls_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// sent collects what pgx's connection writes.
type sent struct {
	net.Conn
	mutex *sync.Mutex
	bytes *bytes.Buffer
}

// drain returns what was written since the last call.
func (s sent) drain() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	defer s.bytes.Reset()
	return bytes.Clone(s.bytes.Bytes())
}

func (s sent) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.bytes.Write(p)
	return s.Conn.Write(p)
}

// texts returns the SQL of all messages that were written, in their order. A Query message is
// marked: Citus hands the whole of its text to the workers.
func texts(t *testing.T, written []byte) (list []string) {
	t.Helper()
	backend := pgproto3.NewBackend(bytes.NewReader(written), io.Discard)
	for {
		message, err := backend.Receive()
		if err != nil {
			return list
		}
		switch m := message.(type) {
		case *pgproto3.Parse:
			list = append(list, m.Query)
		case *pgproto3.Query:
			list = append(list, "Query: "+m.String)
		}
	}
}

// Each thing that is said is a message of its own, in one round trip: with arguments and without,
// and in a transaction, whose savepoints are statements too.
func TestCitus_says_each_thing_in_a_message_of_its_own(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx := gormtenant.WithTenant(t.Context(), `o'br\ien`)
	const (
		set    = `SET LOCAL app.tenant_id = E'o''br\\ien'`
		update = "UPDATE notes SET body = $1 WHERE id = 1"
		plain  = "UPDATE notes SET body = 'new' WHERE id = 1"
	)
	for name, mode := range modes {
		if mode == pgx.QueryExecModeSimpleProtocol {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, config := pgtest.NewProxy(t, s.app, 0)
			wrote := sent{mutex: new(sync.Mutex), bytes: new(bytes.Buffer)}
			dial := config.DialFunc
			config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				return sent{conn, wrote.mutex, wrote.bytes}, err
			}
			config.DefaultQueryExecMode = mode
			db := sql.OpenDB(rls.NewConnector(config, rls.Citus()))
			t.Cleanup(func() { _ = db.Close() })
			db.SetMaxOpenConns(1)
			expect := func(q queryer, statement string, want []string, args ...any) {
				t.Helper()
				proxy.Flights()
				wrote.drain()
				exec(t, ctx, q, statement, args...)
				if mode != pgx.QueryExecModeDescribeExec || len(args) == 0 {
					require.Equal(t, 1, proxy.Flights())
					require.Equal(t, want, texts(t, wrote.drain()))
				}
			}
			exec(t, ctx, db, update, "new")
			exec(t, ctx, db, update, "new")
			var parameter string
			require.NoError(t, db.QueryRow("SHOW citus.propagate_set_commands").Scan(&parameter))
			require.Equal(t, "local", parameter)

			expect(db, plain, []string{"BEGIN", set, plain, "COMMIT"})
			want := []string{"BEGIN", set, update, "COMMIT"}
			if mode == pgx.QueryExecModeCacheStatement { // it was prepared before
				want = []string{"BEGIN", set, "COMMIT"}
			}
			expect(db, update, want, "new")
			tx, err := db.BeginTx(ctx, nil)
			require.NoError(t, err)
			expect(tx, "SAVEPOINT one", []string{set, "SAVEPOINT one"})
			expect(tx, plain, []string{set, plain})
			expect(tx, "ROLLBACK TO SAVEPOINT one", []string{set, "ROLLBACK TO SAVEPOINT one"})
			proxy.Flights()
			wrote.drain()
			require.NoError(t, tx.Commit())
			require.Equal(t, 1, proxy.Flights())
			require.Equal(t, []string{set, "commit"}, texts(t, wrote.drain()))
		})
	}
}

// A statement without arguments is answered as it is elsewhere: rows, their types, and how many.
func TestCitus_answers_a_statement_without_arguments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	db := s.open(t, pgx.QueryExecModeCacheStatement, rls.Citus())
	result, err := db.ExecContext(acme, "UPDATE notes SET body = body || '!'")
	require.NoError(t, err)
	n, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	rows, err := db.QueryContext(acme, "SELECT id, body, NULL, now() FROM notes ORDER BY id")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.Equal(t, "TIMESTAMPTZ", types[3].DatabaseTypeName())
	require.True(t, rows.Next())
	_, err = db.ExecContext(acme, "")
	require.NoError(t, err, "an empty text")
}

func TestCitus_refuses_what_Citus_would_run_twice(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	simple := s.open(t, pgx.QueryExecModeSimpleProtocol, rls.Citus())
	require.ErrorContains(t, simple.PingContext(acme), "rls.Citus needs the extended protocol")

	db := s.open(t, pgx.QueryExecModeCacheStatement, rls.Citus())
	_, err := db.ExecContext(acme, "UPDATE notes SET body = 'a'; UPDATE notes SET body = 'b'")
	require.ErrorContains(t, err, "several commands in one text cannot be sent to Citus")
	require.Equal(t, "1 2 3", ids(t, acme, db, "SELECT id FROM notes WHERE body <> 'a' ORDER BY "+
		"id"))
}

// A transaction around a statement that failed is over before the next.
func TestCitus_ends_the_transaction_of_a_statement_that_failed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, statement := range []string{
		"CREATE TABLE keys (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, tenant_id text)",
		"INSERT INTO keys VALUES (1)",
		"GRANT ALL ON keys TO " + s.app.User,
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err)
	}
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, mode := range modes {
		if mode == pgx.QueryExecModeSimpleProtocol {
			continue // refused
		}
		t.Run(name, func(t *testing.T) {
			db := s.open(t, mode, rls.Citus())
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close()) }()
			pid := func() (pid int) {
				require.NoError(t, conn.QueryRowContext(acme, "SELECT pg_backend_pid()").Scan(&pid))
				return pid
			}
			before := pid()
			for what, statement := range map[string]string{
				"fails":           "UPDATE notes SET body = (1 / (id - id))::text",
				"fails_to_parse":  "SELEC 1",
				"fails_at_commit": "INSERT INTO keys VALUES (1)",
				"refused":         "INSERT INTO notes VALUES (99, 'zeta', '')",
			} {
				_, err := conn.ExecContext(acme, statement)
				var refused *pgconn.PgError
				require.ErrorAs(t, err, &refused, what)
				require.Equal(t, "1 2 3", ids(t, acme, conn, all), what)
			}
			require.Equal(t, before, pid(), "the connection was given up")

			for _, statement := range []string{"BEGIN", " -- a comment\n/* and */ start  " +
				"transaction", "begin; SELECT 1"} {
				_, err := conn.ExecContext(acme, statement)
				require.ErrorContains(t, err, "BeginTx")
			}
		})
	}
}
