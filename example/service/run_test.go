package service_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

func TestRun_refuses(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "localhost:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		says string
	}{
		{"unknown_flag", []string{"-colour"}, nil, "-colour"},
		{"argument", []string{"now"}, nil, `no argument but flags, got "now"`},
		{"format_of_log", []string{"-log", "xml"}, nil, `want text or json`},
		{"place_of_nobody", []string{"-place", "initech=database"}, nil, "want acme or globex"},
		{
			"place_at_no_level",
			[]string{"-place", "acme=cluster"},
			nil,
			"must be rows, schema or database",
		},
		{
			"schema_on_sqlite",
			[]string{"-place", "acme=schema"},
			nil,
			"offered here: rows, database",
		},
		{
			"place_without_demo",
			[]string{"-demo=false", "-place", "acme=database"},
			nil,
			"POST /admin/tenants/{slug}/move",
		},
		{
			"short_secret", nil,
			map[string]string{"TOKEN_SECRET": "secret"},
			"at least 32 random bytes",
		},
		{"short_admin_token", nil, map[string]string{"ADMIN_TOKEN": "admin"}, "at least 16 bytes"},
		{
			"url_of_no_database", nil,
			map[string]string{"DATABASE_URL": "postgres://%"},
			"cannot parse",
		},
		{
			"no_database", nil,
			map[string]string{"DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/x"},
			"refused",
		},
		{"address_that_is_taken", []string{"-addr", taken.Addr().String()}, nil, "in use"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			err := service.Run(t.Context(), test.args,
				func(name string) string { return test.env[name] }, &out, &log)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.Empty(t, out.String())
		})
	}
	var log bytes.Buffer
	require.ErrorIs(t, service.Run(t.Context(), []string{"-h"}, os.Getenv, io.Discard, &log),
		flag.ErrHelp)
	require.Contains(t, log.String(), "-addr")
}

// When the server is told to end, a request that has begun is answered, and nothing is left behind.
func TestRun_ends_gracefully(t *testing.T) {
	// Not parallel: the directory of temporary files is the process's.
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	log := &logs{}
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, []string{"-addr", "localhost:0"},
			func(string) string { return "" }, in, log)
	}()
	line := make([]byte, 200)
	n, err := out.Read(line)
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	base := regexp.MustCompile(`http://\S*\d`).FindString(string(line[:n]))
	left, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Len(t, left, 1)

	// The client sends the body when the handler asks for it, and stops the server before.
	reading := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: stop})
	r, err := http.NewRequestWithContext(reading, http.MethodPost, base+"/auth/register",
		strings.NewReader(`{"tenant": "initech", "name": "x", "user": "ann", "password": `+
			`"correct horse"}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.Error(t, ctx.Err())
	require.NoError(t, <-ended)
	left, err = filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Empty(t, left)
}

// What comes over the wire, as net/http reads it.
func TestTwo_hosts(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{Demo: true})
	acme, _ := s.session()
	for _, test := range []struct{ name, lines, status string }{
		{"two_hosts", "Host: acme.localhost\r\nHost: globex.localhost\r\n", "400"},
		{"forwarded_host", "Host: acme.localhost\r\nX-Forwarded-Host: globex.localhost\r\n", "200"},
		{"two_tokens", "Host: localhost\r\nAuthorization: Bearer " + acme.token + "\r\n", "401"},
		{"host_with_at", "Host: acme.localhost@globex.localhost\r\n", "400"},
		{"host_with_nul", "Host: acme.localhost\x00.globex.localhost\r\n", "400"},
		{"no_host", "", "400"},
		{"long_header", "Host: localhost\r\nX-Long: " + strings.Repeat("x", 2<<20) + "\r\n", "431"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).
				DialContext(t.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			go func() {
				_, _ = io.WriteString(conn,
					"GET /api/me HTTP/1.1\r\nConnection: close\r\n"+test.lines+
						"Authorization: Bearer "+acme.token+"\r\n\r\n")
			}()
			answer, err := io.ReadAll(conn)
			if err != nil { // it hung up on what it did not read
				require.NotEmpty(t, answer, err)
			}
			require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 "+test.status),
				string(answer))
		})
	}
}
