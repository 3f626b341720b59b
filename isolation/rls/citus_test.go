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

// texts returns the SQL of all messages that were written, in their order.
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
			list = append(list, m.String)
		}
	}
}

func TestCitus_puts_a_statement_into_a_transaction_of_its_own(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	proxy, config := pgtest.NewProxy(t, s.app, 0)
	wrote := sent{mutex: new(sync.Mutex), bytes: new(bytes.Buffer)}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return sent{conn, wrote.mutex, wrote.bytes}, err
	}
	const statement = "UPDATE notes SET body = $1 WHERE id = 1"
	ctx := gormtenant.WithTenant(t.Context(), `o'br\ien`)
	const set = `SET LOCAL app.tenant_id = E'o''br\\ien'`
	for name, want := range map[string][]string{
		"cache_statement": {"BEGIN", set, "COMMIT"}, // it was prepared before
		"exec":            {"BEGIN", set, statement, "COMMIT"},
		"simple_protocol": {"BEGIN; " + set + "; UPDATE notes SET body =  'new'  WHERE id = 1\n; " +
			"COMMIT"},
	} {
		config.DefaultQueryExecMode = modes[name]
		db := sql.OpenDB(rls.NewConnector(config, rls.Citus()))
		t.Cleanup(func() { _ = db.Close() })
		exec(t, ctx, db, statement, "new")
		exec(t, ctx, db, statement, "new")
		var parameter string
		require.NoError(t, db.QueryRow("SHOW citus.propagate_set_commands").Scan(&parameter))
		require.Equal(t, "local", parameter)
		proxy.Flights()
		wrote.drain()

		exec(t, ctx, db, statement, "new")
		require.Equal(t, 1, proxy.Flights(), name)
		require.Equal(t, want, texts(t, wrote.drain()), name)
	}
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
			if mode == pgx.QueryExecModeSimpleProtocol {
				require.Equal(t, "1 2 3", ids(t, acme, conn, all+" -- a comment at the end"))
				_, err := conn.ExecContext(acme, "UPDATE notes SET body = 'a'; UPDATE notes "+
					"SET body = 'b'")
				require.NoError(t, err)
			}
		})
	}
}
