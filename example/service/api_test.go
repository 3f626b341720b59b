package service_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

func TestProjects_tasks_and_tags(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url})
		acme := s.register("acme")
		expect := func(method, path, body string, status int, want string) {
			t.Helper()
			got := acme.do(method, path, body)
			require.Equal(t, status, got.status, "%s %s: %s", method, path, got.body)
			if want != "" {
				require.JSONEq(t, want, got.body)
			}
		}
		expect("GET", "/api/projects", "", 200, `{"projects": []}`)
		expect("POST", "/api/projects", `{"slug": "site", "name": "Site"}`, 201,
			`{"id": 1, "slug": "site", "name": "Site", "owner_id": 1, "tasks": [], "tags": []}`)
		expect("POST", "/api/projects/1/tasks", `{"title": "Plan"}`, 201,
			`{"id": 1, "project_id": 1, "title": "Plan", "done": false}`)
		expect("POST", "/api/projects/1/tasks", `{"title": "Build"}`, 201,
			`{"id": 2, "project_id": 1, "title": "Build", "done": false}`)
		expect("PATCH", "/api/tasks/1", `{"done": true}`, 200,
			`{"id": 1, "project_id": 1, "title": "Plan", "done": true}`)
		expect("PATCH", "/api/tasks/1", `{"done": false, "title": "Plan it"}`, 200,
			`{"id": 1, "project_id": 1, "title": "Plan it", "done": false}`)
		expect("PUT", "/api/projects/1/tags/urgent", "", 204, "")
		expect("PUT", "/api/projects/1/tags/urgent", "", 204, "")
		expect("PUT", "/api/projects/1/tags/a%2Fb", "", 204, "")
		expect("GET", "/api/projects/1/tasks", "", 200, `{"tasks": [
			{"id": 1, "project_id": 1, "title": "Plan it", "done": false},
			{"id": 2, "project_id": 1, "title": "Build", "done": false}]}`)
		expect("PATCH", "/api/projects/1", `{"name": "The site"}`, 200, `{
			"id": 1, "slug": "site", "name": "The site", "owner_id": 1,
			"tasks": [{"id": 1, "project_id": 1, "title": "Plan it", "done": false},
				{"id": 2, "project_id": 1, "title": "Build", "done": false}],
			"tags": ["a/b", "urgent"]}`)
		expect("DELETE", "/api/projects/1/tags/a%2Fb", "", 204, "")
		expect("DELETE", "/api/projects/1/tags/nothing", "", 204, "")
		expect("DELETE", "/api/tasks/1", "", 204, "")
		expect("DELETE", "/api/tasks/1", "", 404, "")
		expect("POST", "/api/projects", `{"slug": "app", "name": "App"}`, 201, "")
		expect("POST", "/api/projects", `{"slug": "site", "name": "Another"}`, 409, "")
		expect("PATCH", "/api/projects/2", `{"slug": "site"}`, 409, "")
		expect("PATCH", "/api/tasks/2", `{"project_id": 2}`, 200,
			`{"id": 2, "project_id": 2, "title": "Build", "done": false}`)
		expect("PATCH", "/api/tasks/2", `{"project_id": 99}`, 404, "")
		expect("GET", "/api/projects?after=1", "", 200, `{"projects": [{
			"id": 2, "slug": "app", "name": "App", "owner_id": 1,
			"tasks": [{"id": 2, "project_id": 2, "title": "Build", "done": false}], "tags": []}]}`)
		expect("DELETE", "/api/projects/2", "", 204, "")
		expect("DELETE", "/api/projects/2", "", 404, "")
		expect("PATCH", "/api/tasks/2", `{"done": true}`, 404, "")
		expect("GET", "/api/projects/1", "", 200,
			`{"id": 1, "slug": "site", "name": "The site", "owner_id": 1, `+
				`"tasks": [], "tags": ["urgent"]}`)
	})
}

func TestBad_requests(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{Demo: true})
	acme, _ := s.session()
	before := s.rows("acme") + s.rows("globex")
	for _, test := range []struct {
		name               string
		method, path, body string
		status             int
	}{
		{
			"unknown_field", "POST", "/api/projects", `{"slug": "x", "name": "x", "color": "red"}`,
			400,
		},
		{
			"tenant_id", "POST", "/api/projects",
			`{"slug": "x", "name": "x", "tenant_id": "demo-globex"}`, 400,
		},
		{
			"TenantID", "POST", "/api/projects",
			`{"slug": "x", "name": "x", "TenantID": "demo-globex"}`, 400,
		},
		{"owner", "PATCH", "/api/projects/1", `{"owner_id": 3}`, 400},
		{"no_body", "POST", "/api/projects", ``, 415},
		{"no_json", "POST", "/api/projects", `slug=x`, 400},
		{"half_a_json", "POST", "/api/projects", `{"slug": "x"`, 400},
		{"two_values", "POST", "/api/projects", `{"slug": "x", "name": "x"} {"slug": "y"}`, 400},
		{"null", "POST", "/api/projects", `null`, 400},
		{"list", "POST", "/api/projects", `[]`, 400},
		{"number_for_text", "POST", "/api/projects", `{"slug": 1, "name": "x"}`, 400},
		{"empty_object", "POST", "/api/projects", `{}`, 400},
		{"blank_name", "POST", "/api/projects", `{"slug": "x", "name": " "}`, 400},
		{"nul_in_name", "POST", "/api/projects", `{"slug": "x", "name": "a\u0000"}`, 400},
		{
			"long_name", "POST", "/api/projects",
			`{"slug": "x", "name": "` + strings.Repeat("x", 201) + `"}`, 400,
		},
		{"slug_upper_case", "POST", "/api/projects", `{"slug": "X", "name": "x"}`, 400},
		{
			"huge_body", "POST", "/api/projects",
			`{"slug": "x", "name": "` + strings.Repeat("x", 1<<20) + `"}`, 413,
		},
		{
			"huge_white_space", "POST", "/api/projects",
			`{"slug": "x", "name": "x"}` + strings.Repeat(" ", 1<<20), 413,
		},
		{"empty_patch", "PATCH", "/api/projects/1", `{}`, 400},
		{"zero", "GET", "/api/projects/0", ``, 400},
		{"negative", "GET", "/api/projects/-1", ``, 400},
		{"text_for_id", "GET", "/api/projects/1%20OR%201=1", ``, 400},
		{"more_than_64_bits", "GET", "/api/projects/99999999999999999999", ``, 400},
		{"more_than_63_bits", "GET", "/api/projects/9223372036854775808", ``, 400},
		{"63_bits", "GET", "/api/projects/9223372036854775807", ``, 404},
		{"after_is_no_number", "GET", "/api/projects?after=x", ``, 400},
		{"label_with_nul", "PUT", "/api/projects/1/tags/a%00b", ``, 400},
		{"label_not_utf8", "PUT", "/api/projects/1/tags/%ff", ``, 400},
		{"project_that_is_not", "PUT", "/api/projects/99/tags/x", ``, 404},
		{"task_to_project_0", "PATCH", "/api/tasks/1", `{"project_id": 0}`, 400},
		{"task_to_project_-1", "PATCH", "/api/tasks/1", `{"project_id": -1}`, 400},
		{
			"task_to_project_max", "PATCH", "/api/tasks/1", `{"project_id": 18446744073709551615}`,
			400,
		},
		{"method", "PUT", "/api/projects/1", `{}`, 405},
		{"short_password", "POST", "/api/users", `{"user": "x", "password": "short"}`, 400},
		{
			"long_password", "POST", "/api/users",
			`{"user": "x", "password": "` + strings.Repeat("x", 257) + `"}`, 400,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := acme.do(test.method, test.path, test.body)
			require.Equal(t, test.status, got.status, got.body)
			if test.status != http.StatusMethodNotAllowed {
				require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			}
			require.Less(t, len(got.body), 400)
			require.Equal(t, before, s.rows("acme")+s.rows("globex"))
		})
	}
}

// What acme's user tries with the IDs of globex's rows is answered as if there were none, to the
// byte.
func TestAttacks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		var theirs struct {
			project, task string
		}
		for _, project := range field[[]struct {
			ID    uint
			Slug  string
			Tasks []struct{ ID uint }
		}](t, globex.do("GET", "/api/projects", ""), "projects") {
			if project.Slug == "merger" {
				theirs.project, theirs.task = fmt.Sprint(project.ID),
					fmt.Sprint(project.Tasks[0].ID)
			}
		}
		require.NotEmpty(t, theirs.task)
		for _, attack := range []struct {
			name               string
			method, path, body string
		}{
			{"read", "GET", "/api/projects/{project}", ""},
			{"read_tasks", "GET", "/api/projects/{project}/tasks", ""},
			{"rename", "PATCH", "/api/projects/{project}", `{"name": "Mine"}`},
			{"delete", "DELETE", "/api/projects/{project}", ""},
			{"attach_task", "POST", "/api/projects/{project}/tasks", `{"title": "Spy"}`},
			{"move_task_in", "PATCH", "/api/tasks/1", `{"project_id": {project}}`},
			{"rename_task", "PATCH", "/api/tasks/{task}", `{"title": "Mine"}`},
			{"steal_task", "PATCH", "/api/tasks/{task}", `{"project_id": 1}`},
			{"delete_task", "DELETE", "/api/tasks/{task}", ""},
			{"tag", "PUT", "/api/projects/{project}/tags/urgent", ""},
			{"untag", "DELETE", "/api/projects/{project}/tags/secret", ""},
		} {
			t.Run(attack.name, func(t *testing.T) {
				before := s.rows("globex")
				ours := s.rows("acme")
				at := func(project, task string) got {
					replace := strings.NewReplacer("{project}", project, "{task}", task)
					return acme.do(attack.method, replace.Replace(attack.path),
						replace.Replace(attack.body))
				}
				got := at(theirs.project, theirs.task)
				require.Equal(t, http.StatusNotFound, got.status, got.body)
				require.Equal(t, at("9999", "9999").body, got.body,
					"tells one that exists from one that does not")
				require.Equal(t, before, s.rows("globex"))
				require.Equal(t, ours, s.rows("acme"))
			})
		}

		got := acme.do("POST", "/demo/raw-sql", "")
		require.Equal(t, http.StatusOK, got.status)
		require.Len(t, field[[]any](t, got, "projects"), 3)
		require.NotContains(t, got.body, "Merger")
	})
}

// The point of the example: what an application consists of says nothing of tenants.
func TestHandlers_contain_no_tenant_code(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"projects.go", "tasks.go", "tags.go", "users.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, imported := range file.Imports {
			if strings.Contains(imported.Path.Value, "gormtenant") {
				require.Equal(t, `"github.com/gormtenant/gormtenant/example/saas"`,
					imported.Path.Value, name)
			}
		}
	}
}
