package service_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		got := acme.do("POST", "/api/projects", `{"slug": "fourth", "name": "Fourth"}`)
		require.Equal(t, http.StatusForbidden, got.status, got.body)
		require.Equal(t, "projects", field[string](t, got, "limit"))
		require.Equal(t, 3, field[int](t, got, "max"))
		require.Equal(t, http.StatusCreated,
			globex.do("POST", "/api/projects", `{"slug": "third", "name": "Third"}`).status)

		for _, user := range []string{"c", "d", "e"} {
			require.Equal(t, http.StatusCreated,
				acme.do("POST", "/api/users", `{"user": "`+user+`", "password": "correct horse"}`).
					status)
		}
		got = acme.do("POST", "/api/users", `{"user": "f", "password": "correct horse"}`)
		require.Equal(t, http.StatusForbidden, got.status, got.body)
		require.Equal(t, "users", field[string](t, got, "limit"))

		admin := s.as(adminToken)
		require.Equal(t, http.StatusNoContent,
			admin.do("PUT", "/admin/tenants/acme/plan", `{"plan": "starter"}`).status)
		require.Equal(t, http.StatusCreated,
			acme.do("POST", "/api/projects", `{"slug": "fourth", "name": "Fourth"}`).status)
		require.Equal(t, http.StatusForbidden,
			globex.do("POST", "/api/projects", `{"slug": "fourth", "name": "Fourth"}`).status)
		for _, body := range []string{`{"plan": "gold"}`, `{"plan": ""}`, `{}`} {
			require.Equal(t, http.StatusBadRequest,
				admin.do("PUT", "/admin/tenants/acme/plan", body).status)
		}
	})
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		for _, wrong := range []client{s.as(""), s.as("guess"), s.as(adminToken + "x"), acme} {
			for _, test := range []struct {
				path   string
				method string
			}{
				{"/admin/usage", "GET"},
				{"/admin/tenants/globex/suspend", "POST"},
				{"/admin/tenants/globex/plan", "PUT"},
				{"/admin/tenants/globex/move", "POST"},
				{"/admin/tenants/globex/remove", "POST"},
			} {
				require.Equal(t, http.StatusUnauthorized,
					wrong.do(test.method, test.path, "").status)
			}
		}
		require.NotContains(t, s.log.String(), "audit")
		admin := s.as(adminToken)
		got := admin.do("GET", "/admin/usage", "")
		require.JSONEq(t, `{"tenants": [
			{"tenant": "acme", "name": "Acme Ltd", "status": "active", "plan": "free",
				"level": "rows", "rows": {"users": 2, "projects": 3, "tasks": 4, "tags": 2}},
			{"tenant": "globex", "name": "Globex Corporation", "status": "active", "plan": "free",
				"level": "rows", "rows": {"users": 1, "projects": 2, "tasks": 3, "tags": 2}}
		]}`, got.body)
		require.Contains(t, s.log.String(),
			`"msg":"audit: a statement crosses tenants","reason":"usage report",`+
				`"operation":"row","table":"projects"`)

		require.Equal(t, http.StatusNotFound,
			admin.do("POST", "/admin/tenants/initech/suspend", "").status)
		require.Equal(t, http.StatusOK, globex.do("GET", "/api/projects", "").status)
		for _, step := range []struct {
			change string
			status int
		}{
			{"suspend", 403},
			{"suspend", 403},
			{"resume", 200},
			{"suspend", 403},
			{"resume", 200},
			{"close", 403},
		} {
			require.Equal(t, http.StatusNoContent,
				admin.do("POST", "/admin/tenants/globex/"+step.change, "").status)
			require.Equal(t, step.status, globex.do("GET", "/api/projects", "").status, step.change)
			require.Equal(t, http.StatusOK, acme.do("GET", "/api/projects", "").status)
		}
		require.Equal(t, http.StatusConflict,
			admin.do("POST", "/admin/tenants/globex/resume", "").status)
	})
}

func TestDemo_is_off_by_default(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{})
	acme := s.register("acme")
	for _, who := range []client{s.as(""), acme} {
		for _, test := range []struct {
			path   string
			method string
		}{
			{"/", "GET"},
			{"/page.js", "GET"},
			{"/demo/session", "GET"},
			{"/demo/rows/acme", "GET"},
			{"/demo/suspend", "POST"},
			{"/demo/raw-sql", "POST"},
			{"/demo/places", "GET"},
			{"/demo/move/acme/database", "POST"},
		} {
			require.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound},
				who.do(test.method, test.path, "").status, test.path)
		}
	}
}

// A database of real tenants stays as it is, and the demonstration gives nobody a token for them,
// also where one of them is called acme.
func TestDemo_leaves_other_tenants_alone(t *testing.T) {
	t.Parallel()
	url := newPostgres(t)
	s := newServer(t, service.Config{DatabaseURL: url})
	acme := s.register("acme")
	s.register("demo-acme")
	before := s.as(adminToken).do("GET", "/admin/usage", "").body

	demo := newServer(t, service.Config{DatabaseURL: url, Demo: true})
	require.Equal(t, before, demo.as(adminToken).do("GET", "/admin/usage", "").body)
	for _, test := range []struct {
		path   string
		method string
	}{
		{"/demo/session", "GET"},
		{"/demo/rows/acme", "GET"},
		{"/demo/rows/globex", "GET"},
		{"/demo/suspend", "POST"},
		{"/demo/resume", "POST"},
		{"/demo/places", "GET"},
		{"/demo/move/acme/database", "POST"},
	} {
		require.Equal(t, http.StatusNotFound, demo.as("").do(test.method, test.path, "").status,
			test.path)
	}
	require.Equal(t, http.StatusOK, acme.do("GET", "/api/me", "").status)
}

// Another site's page cannot press the demonstration's buttons, nor read what it answers.
func TestDemo_answers_its_own_page_only(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{Demo: true})
	parsed, err := url.Parse(s.base)
	require.NoError(t, err)
	for _, test := range []struct {
		name, method, path, origin string
		status                     int
		allowed                    bool
	}{
		{"suspend_from_elsewhere", "POST", "/demo/suspend", "https://evil.example", 403, false},
		{"suspend_from_null", "POST", "/demo/suspend", "null", 403, false},
		{"read_from_elsewhere", "GET", "/demo/session", "https://evil.example", 200, false},
		{
			"preflight_from_elsewhere", "OPTIONS", "/api/projects", "https://evil.example", 401,
			false,
		},
		{
			"preflight_of_a_tenants_page", "OPTIONS", "/api/projects",
			"http://globex.localhost:" + parsed.Port(), 401, false,
		},
		{"preflight_of_another_port", "OPTIONS", "/api/projects", "http://localhost:1", 401, false},
		{"preflight", "OPTIONS", "/api/projects", "http://localhost:" + parsed.Port(), 204, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), test.method, s.base+test.path, nil)
			require.NoError(t, err)
			r.Host = "globex.localhost:" + parsed.Port()
			r.Header.Set("Origin", test.origin)
			if test.method == "OPTIONS" {
				r.Header.Set("Access-Control-Request-Method", "GET")
			}
			response, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode)
			require.Equal(t, test.allowed,
				response.Header.Get("Access-Control-Allow-Origin") == test.origin)
		})
	}
}

// The role of the URL owns the tables and may not make others: the service runs as it, behind its
// own policies, and never across tenants. What it may not make, it does not offer to tenants.
func TestPostgres_as_a_plain_role(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		attributes string
		levels     string
	}{
		{"NOCREATEDB NOCREATEROLE", `["rows"]`}, {"CREATEDB CREATEROLE", `["rows","database"]`},
	} {
		t.Run(strings.ToLower(strings.Fields(test.attributes)[0]), func(t *testing.T) {
			t.Parallel()
			asPlainRole(t, test.attributes, test.levels)
		})
	}
}

func asPlainRole(t *testing.T, attributes, levels string) {
	t.Helper()
	super := newPostgres(t)
	pool := owner(t, super)
	config, err := pgx.ParseConfig(super)
	require.NoError(t, err)
	plain := "service_" + config.Database
	_, err = pool.ExecContext(t.Context(),
		"CREATE ROLE "+plain+" LOGIN PASSWORD 'plain' "+attributes+"; GRANT CREATE ON DATABASE "+
			config.Database+" TO "+plain)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = pool.Exec("DROP OWNED BY " + plain + "; DROP ROLE " + plain) })
	address, err := url.Parse(super)
	require.NoError(t, err)
	address.User = url.UserPassword(plain, "plain")

	for range 2 { // on what the first has made
		s := newServer(t, service.Config{DatabaseURL: address.String(), Demo: true})
		acme, _ := s.session()
		require.Len(t, field[[]any](t, acme.do("GET", "/api/projects", ""), "projects"), 3)
		require.NotContains(t, acme.do("POST", "/demo/raw-sql", "").body, "Merger")
		require.Equal(t, http.StatusNotImplemented,
			s.as(adminToken).do("GET", "/admin/usage", "").status)
		require.Contains(t, s.as("").do("GET", "/demo/places", "").body, `"levels":`+levels)
		got := s.as(adminToken).do("POST", "/admin/tenants/acme/move", `{"level": "schema"}`)
		require.Equal(t, http.StatusBadRequest, got.status, got.body)
		if strings.Contains(levels, "database") {
			rows := s.rows("acme")
			for _, level := range []string{"database", "rows"} {
				require.Positive(t, s.move("acme", level))
				require.Equal(t, rows, s.rows("acme"))
			}
		}
	}
}

// The passwords of tenants' databases are not the application's to read, whatever SQL it is made to
// run.
func TestPostgres_hides_the_credentials_of_databases(t *testing.T) {
	t.Parallel()
	url := newPostgres(t)
	s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
	s.move("acme", "database")
	s.move("globex", "schema")
	pool := owner(t, url)
	var passwords int
	require.NoError(t,
		pool.QueryRow("SELECT count(*) FROM gormtenant_service_secrets.databases").Scan(&passwords))
	require.Equal(t, 1, passwords)
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	for _, role := range column(t.Context(), t, pool,
		"SELECT rolname FROM pg_roles WHERE rolname LIKE '%' || $1 || '%' AND NOT rolsuper",
		config.Database) {
		var may bool
		require.NoError(t,
			pool.QueryRow("SELECT has_schema_privilege($1, 'gormtenant_service_secrets', 'USAGE')",
				role).Scan(&may))
		require.False(t, may, role)
	}
	s.move("acme", "rows")
	require.NoError(t,
		pool.QueryRow("SELECT count(*) FROM gormtenant_service_secrets.databases").Scan(&passwords))
	require.Zero(t, passwords)
}

// What the server tells a client of its own failure is nothing.
func TestPostgres_failing(t *testing.T) {
	t.Parallel()
	databaseURL := newPostgres(t)
	s := newServer(t, service.Config{DatabaseURL: databaseURL, Demo: true})
	acme, _ := s.session()
	_, err := owner(t, databaseURL).
		ExecContext(t.Context(), "ALTER TABLE tasks RENAME COLUMN title TO heading")
	require.NoError(t, err)
	require.JSONEq(t, `{"type": "about:blank", "title": "Internal Server Error", "status": 500}`,
		acme.do("POST", "/api/projects/1/tasks", `{"title": "x"}`).body)
	require.Equal(t, 1, strings.Count(s.log.String(), `"path":"/api/projects/1/tasks"`))
	require.Contains(t, s.log.String(), "of relation")

	// What fails half-way has not happened: without its first user there is no tenant.
	_, err = owner(t, databaseURL).
		ExecContext(t.Context(), "ALTER TABLE accounts RENAME COLUMN login TO name")
	require.NoError(t, err)
	got := s.as("").
		do("POST", "/auth/register",
			`{"tenant": "initech", "name": "x", "user": "ann", "password": "correct horse"}`)
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.NotContains(t, s.as(adminToken).do("GET", "/admin/usage", "").body, "initech")
}
