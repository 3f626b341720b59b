package service_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/roles"
	"github.com/gormtenant/gormtenant/example/service"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/middleware"
)

const adminToken = "the-admin-token-of-the-tests"

// each runs test on a new database of each kind.
func each(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newPostgres(t))
	})
}

// newPostgres returns the URL of a new database. The roles and the databases of tenants that the
// service makes go with it.
func newPostgres(t *testing.T) string {
	t.Helper()
	databaseURL := pgtest.New(t)
	config, err := pgx.ParseConfig(databaseURL)
	require.NoError(t, err)
	t.Cleanup(func() {
		pool := stdlib.OpenDB(*config)
		defer func() { require.NoError(t, pool.Close()) }()
		ctx := context.Background()
		for _, name := range column(ctx, t, pool,
			"SELECT datname FROM pg_database WHERE starts_with(datname, $1)", config.Database+"_") {
			_, err := pool.ExecContext(ctx,
				"DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
			require.NoError(t, err)
		}
		for _, name := range append(
			column(ctx, t, pool, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)",
				config.Database+"_"),
			"gormtenant_app_"+config.Database, "gormtenant_admin_"+config.Database,
		) {
			require.NoError(t, roles.Drop(ctx, pool, name))
		}
	})
	return databaseURL
}

func column(
	ctx context.Context, t *testing.T, pool *sql.DB, query string, args ...any,
) (texts []string) {
	t.Helper()
	rows, err := pool.QueryContext(ctx, query, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		texts = append(texts, text)
	}
	require.NoError(t, rows.Err())
	return texts
}

// owner opens a database past all policies.
func owner(t *testing.T, databaseURL string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	require.NoError(t, err)
	config.RuntimeParams["search_path"] = "gormtenant_service"
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// server is a service that runs.
type server struct {
	t    *testing.T
	base string
	log  *logs
}

// newServer starts a service. Its passwords cost little.
func newServer(t *testing.T, config service.Config) *server {
	t.Helper()
	log := &logs{}
	config.Log = slog.New(middleware.LogHandler(slog.NewJSONHandler(log, nil)))
	config.AdminToken = adminToken
	if config.Logins == (service.LoginLimits{}) { // none
		most := service.Rate{Burst: 10_000, Every: time.Nanosecond}
		config.Logins = service.LoginLimits{ByAddress: most, ByAccount: most, Queue: 10_000}
	}
	if config.PasswordIterations == 0 {
		config.PasswordIterations = 10
	}
	s, err := service.New(t.Context(), config)
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		require.NoError(t, s.Close())
	})
	return &server{t, web.URL, log}
}

// as returns a client with a token, "" for none.
func (s *server) as(token string) client { return client{s.t, s.base, "", token} }

// register makes a tenant and returns a client of its first user, ann.
func (s *server) register(slug string) client {
	s.t.Helper()
	got := s.as("").do("POST", "/auth/register",
		`{"tenant": "`+slug+`", "name": "The `+slug+
			`", "user": "ann", "password": "correct horse"}`)
	require.Equal(s.t, http.StatusCreated, got.status, got.body)
	return s.as(field[string](s.t, got, "token"))
}

// session returns clients of acme's Ann and globex's Carol, who are there with Config.Demo.
func (s *server) session() (acme, globex client) {
	s.t.Helper()
	var out struct {
		Tenants []struct{ Slug, Token string }
	}
	got := s.as("").do("GET", "/demo/session", "")
	require.NoError(s.t, json.Unmarshal([]byte(got.body), &out), got.body)
	require.Len(s.t, out.Tenants, 2)
	return s.as(out.Tenants[0].Token), s.as(out.Tenants[1].Token)
}

// rows returns all rows of a tenant of the demonstration.
func (s *server) rows(slug string) string {
	s.t.Helper()
	got := s.as("").do("GET", "/demo/rows/"+slug, "")
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	return got.body
}

// client sends requests.
type client struct {
	t     *testing.T
	base  string
	host  string // that the request names, if not that of base
	token string
}

// got is an answer.
type got struct {
	status int
	body   string
	header http.Header
}

// do sends a request whose body is JSON, if there is one.
func (c client) do(method, path, body string) got {
	c.t.Helper()
	answer, err := c.send(context.Background(), method, path, body)
	require.NoError(c.t, err)
	return answer
}

// send is do for goroutines that are not the test's own.
func (c client) send(ctx context.Context, method, path, body string) (got, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return got{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	r.Host = c.host
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return got{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return got{response.StatusCode, string(text), response.Header}, err
}

// field returns one field of an answer.
func field[T any](t *testing.T, from got, name string) T {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(from.body), &fields), from.body)
	var value T
	require.NoError(t, json.Unmarshal(fields[name], &value), from.body)
	return value
}

// logs is what a service has logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
