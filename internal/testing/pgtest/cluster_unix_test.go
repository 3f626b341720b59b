//go:build unix

package pgtest_test

import (
	"net"
	"net/url"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// start starts a cluster for t alone and returns the DSN of its superuser.
func start(t *testing.T, port func() (int, error)) string {
	t.Helper()
	skipIfShort(t)
	dsn, stop, err := pgtest.Start(pgtest.FastSettings, port)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return dsn
}

func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short starts no server")
	}
}

func TestNew_on_given_server(t *testing.T) {
	admin := start(t, pgtest.FreePort)
	given, err := pgx.ParseConfig(admin)
	require.NoError(t, err)

	for _, test := range []struct{ name, dsn string }{
		{"url", admin},
		{"pairs", "host=127.0.0.1 user=postgres dbname=postgres sslmode=disable" +
			" port=" + mustParse(t, admin).Port() + " password=" + given.Password},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(pgtest.EnvDSN, test.dsn)
			var made string
			t.Run("test", func(t *testing.T) {
				made = pgtest.New(t)
				require.Equal(t, given.Port, connect(t, made).Config().Port)
			})
			requireDropped(t, made)
		})
	}
}

func TestStart_settings(t *testing.T) {
	t.Parallel()
	conn := connect(t, start(t, pgtest.FreePort))
	for _, setting := range []struct{ name, want string }{
		{"fsync", "off"},
		{"synchronous_commit", "off"},
		{"full_page_writes", "off"},
		{"autovacuum", "off"},
		{"jit", "off"},
		{"max_connections", "200"},
		{"listen_addresses", "127.0.0.1"},
		{"unix_socket_directories", ""},
		{"timezone", "UTC"},
	} {
		got := query[string](t, conn, "SHOW "+setting.name)
		require.Equal(t, setting.want, got, setting.name)
	}
}

func TestStart_asks_for_the_password(t *testing.T) {
	t.Parallel()
	dsn := mustParse(t, start(t, pgtest.FreePort))
	dsn.User = url.UserPassword("postgres", "guess")

	_, err := pgx.Connect(t.Context(), dsn.String())
	require.ErrorContains(t, err, "password authentication failed")
}

func TestStart_tries_another_port(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	tried := 0

	dsn := start(t, func() (int, error) {
		if tried++; tried <= 2 {
			return taken.Addr().(*net.TCPAddr).Port, nil
		}
		return pgtest.FreePort()
	})
	require.Equal(t, 3, tried)
	connect(t, dsn)
}

func TestStart_failure_quotes_the_log(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	settings := slices.Concat(pgtest.FastSettings, []string{"-c no_such_setting=1"})

	_, _, err := pgtest.Start(settings, pgtest.FreePort)
	require.ErrorContains(t, err, "postgres does not start:\n")
	require.ErrorContains(t, err, `unrecognized configuration parameter "no_such_setting"`)
}

func mustParse(t *testing.T, dsn string) *url.URL {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	return u
}
