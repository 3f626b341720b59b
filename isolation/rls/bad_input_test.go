package rls_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// Tenants may be called anything: each finds its own row and no other's.
func TestTenant_of_any_name(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	hostile := []string{
		"'", "''", `"`, `\`, `\\`, `\'`, `'; DROP TABLE notes; --`, "a\nb", "a\r\nb", "\t",
		" acme", "acme ", "ACME", "$1", "%s", "?", ":x",
		"''::text", "E'\\x41'", "/*", "--", "ö☃😀", "\u202eacme", "acme\u200b",
		strings.Repeat("x", 10_000), strings.Repeat("'", 10_000), strings.Repeat("😀", 5_000),
	}
	for i, name := range hostile {
		_, err := s.owner.Exec("INSERT INTO notes VALUES ($1, $2, 'hostile')", 100+i, name)
		require.NoError(t, err)
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s)
			for i, name := range hostile {
				ctx := gormtenant.WithTenant(t.Context(), name)
				var id int
				require.NoError(t, db.QueryRowContext(ctx, "SELECT sum(id) FROM notes").Scan(&id),
					"%.20q", name)
				require.Equal(t, 100+i, id, "%.20q", name)
				require.NoError(t, db.QueryRowContext(ctx, "SELECT sum(id) FROM notes "+
					"WHERE id > $1", 1).Scan(&id), "%.20q", name)
				require.Equal(t, 100+i, id, "%.20q", name)
			}
		})
	}
}

type unwritable struct{ a, b int }

func TestTenant_that_cannot_be_written(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	proxy, config := pgtest.NewProxy(t, s.app, 0)
	db := sql.OpenDB(rls.NewConnector(config))
	t.Cleanup(func() { _ = db.Close() })
	for range 2 { // pgx pings a connection that it uses for the second time
		exec(t, t.Context(), db, "SELECT 1")
	}
	for what, id := range map[string]any{
		"zero_byte": "acme\x00zeta",
		"no_utf8":   "acme\xff",
		"struct":    unwritable{1, 2},
		"float":     1.5,
		"boolean":   true,
	} {
		proxy.Syncs()
		ctx := gormtenant.WithTenant(t.Context(), id)
		_, err := db.ExecContext(ctx, "DELETE FROM notes")
		require.ErrorIs(t, err, gormtenant.ErrInvalidID, what)
		_, err = db.QueryContext(ctx, "SELECT 1")
		require.ErrorIs(t, err, gormtenant.ErrInvalidID, what)
		_, err = db.BeginTx(ctx, nil)
		require.ErrorIs(t, err, gormtenant.ErrInvalidID, what)
		require.Zero(t, proxy.Syncs(), "%s: something was sent", what)
	}
	require.Equal(t, "1 2 3", ids(t, gormtenant.WithTenant(t.Context(), "acme"), db, all))
}

func TestOpen_reports_what_makes_no_sense(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	open := func(dsn string, options ...rls.Option) error {
		_, err := gorm.Open(rls.Open(dsn, options...), &gorm.Config{Logger: logger.Discard})
		return err
	}
	require.ErrorContains(t, open("postgres://%zz"), "rls.Open")
	require.ErrorContains(t, open("nonsense"), "rls.Open")
	require.ErrorContains(t, open(dsn(s.app, "&TimeZone=Nowhere/Land")), "the DSN's TimeZone")
	for _, name := range []string{
		"", "tenant", "app.", ".id", "app.tenant id",
		"app.x'; DROP TABLE notes; --", "app.tenant.id", "app.é",
	} {
		require.ErrorContains(t, open(dsn(s.app, ""), rls.Setting(name)), "needs two parts", name)
		require.ErrorContains(t, sql.OpenDB(rls.NewConnector(s.app, rls.Setting(name))).Ping(),
			"needs two parts", name)
	}
	require.ErrorContains(t, open(dsn(s.app, ""), rls.Admin(nil)),
		"rls.Admin needs a configuration")
	require.ErrorContains(t, sql.OpenDB(rls.NewConnector(nil)).Ping(),
		"rls.NewConnector needs a configuration")
	wrong := s.app.Copy()
	wrong.Password = "wrong"
	require.ErrorContains(t, open(dsn(wrong, "")), "28P01")
}

// aged changes the version that a server tells.
type aged struct {
	net.Conn
	from, to string
}

func (a aged) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	copy(p, bytes.Replace(p[:n], []byte("server_version\x00"+a.from),
		[]byte("server_version\x00"+a.to), 1))
	return n, err
}

func TestConnect_refuses_an_old_server(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var version string
	require.NoError(t, s.owner.QueryRow("SHOW server_version").Scan(&version))
	for told, refused := range map[string]bool{"13": true, "9.": true, "14": false} {
		config := s.app.Copy()
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return aged{conn, version[:2], told}, err
		}
		db := sql.OpenDB(rls.NewConnector(config))
		err := db.Ping()
		if refused {
			require.ErrorContains(t, err, "too old: upgrade it to 14 or newer")
		} else {
			require.NoError(t, err)
		}
		require.NoError(t, db.Close())
	}
}

// The connection is lost after each byte of a statement's round trip in turn. The caller gets an
// error, the statement ran whole and as its tenant, or not at all, and the pool goes on to work.
func TestConnection_lost_on_the_way(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			target := s.app
			if way.pooled {
				target = s.pooled
			}
			proxy, config := pgtest.NewProxy(t, target, 0)
			through := &server{app: config, pooled: config}
			db := way.open(t, through)
			connect := func() *sql.Conn { // by itself pgx would ping the connection now and then
				conn, err := db.Conn(t.Context())
				require.NoError(t, err)
				exec(t, acme, conn, "UPDATE notes SET body = body || $1", "+")
				return conn
			}
			length := 0
			conn := connect()
			proxy.Cut(func(piece []byte) (int, bool) { length = len(piece); return 0, false })
			exec(t, acme, conn, "UPDATE notes SET body = body || $1", "+")
			require.NoError(t, conn.Close())
			require.Greater(t, length, 50)
			for at := 0; at <= length; at += length/20 + 1 {
				conn := connect()
				before, others := bodies(t, s, "acme"), bodies(t, s, "zeta")
				proxy.Cut(func([]byte) (int, bool) { return at, true })
				_, err := conn.ExecContext(acme, "UPDATE notes SET body = body || $1", "+")
				require.Error(t, err, "after %d of %d bytes", at, length)
				require.NotErrorIs(t, err, driver.ErrBadConn, "after %d bytes it would be tried "+
					"again", at)
				_ = conn.Close()
				require.Contains(t, []string{before, strings.ReplaceAll(before, ",", "+,")},
					bodies(t, s, "acme"), "half done")
				require.Equal(t, others, bodies(t, s, "zeta"))
				require.Equal(t, "1 2 3", ids(t, acme, db, all))
			}
		})
	}
}

// bodies returns the notes of a tenant, as the owner sees them once no statement of the app is
// under way.
func bodies(t *testing.T, s *server, tenant string) (text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var busy int
		require.NoError(t, s.owner.QueryRow("SELECT count(*) FROM pg_stat_activity "+
			"WHERE usename = $1 AND state <> 'idle'", s.app.User).Scan(&busy))
		return busy == 0
	}, patience, tick)
	require.NoError(t, s.owner.QueryRow("SELECT string_agg(body, ',' ORDER BY id) || ',' "+
		"FROM notes WHERE tenant_id = $1", tenant).Scan(&text))
	return text
}

// failing is a connection that sends only so much of what is written next.
type failing struct {
	net.Conn
	sends *int // -1 for all
}

func (f failing) Write(p []byte) (int, error) {
	if *f.sends < 0 {
		return f.Conn.Write(p)
	}
	n := min(*f.sends, len(p))
	if n > 0 {
		n, _ = f.Conn.Write(p[:n])
	}
	*f.sends = 0
	return n, errors.New("network is down")
}

// Only where nothing of the statement was sent is it sent again on another connection.
func TestStatement_is_tried_again_only_if_it_was_not_sent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, sends := range map[string]struct {
		bytes int
		again bool
	}{"nothing": {0, true}, "part_of_the_setting": {20, true}, "part_of_the_statement": {
		400,
		false,
	}} {
		t.Run(name, func(t *testing.T) {
			config := s.app.Copy()
			all := -1
			next := &all
			dial := config.DialFunc
			config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial(ctx, network, addr)
				return failing{conn, next}, err
			}
			config.DefaultQueryExecMode = pgx.QueryExecModeExec
			db := sql.OpenDB(rls.NewConnector(config))
			t.Cleanup(func() { _ = db.Close() })
			for range 2 { // pgx pings a connection that it uses for the second time
				exec(t, acme, db, "SELECT 1")
			}

			bytes := sends.bytes
			*next = bytes
			reconnects := -1
			next = &reconnects // of the connection that replaces this one
			_, err := db.ExecContext(acme, "UPDATE notes SET body = $1 WHERE id = 1 /* "+
				strings.Repeat("x", 500)+" */", name)
			if sends.again {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "network is down")
			}
			var body string
			require.NoError(t, s.owner.QueryRow("SELECT body FROM notes WHERE id = 1").Scan(&body))
			require.Equal(t, sends.again, body == name)
		})
	}
}
