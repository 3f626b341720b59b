package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
	"github.com/gormtenant/gormtenant/tenants"
)

// levelsOf are those that there are on a kind of database.
func levelsOf(databaseURL string) []string {
	if databaseURL == "" {
		return []string{"rows", "database"}
	}
	return []string{"rows", "schema", "database"}
}

// tour goes from the shared tables over every pair of levels, and back.
func tour(databaseURL string) []string {
	if databaseURL == "" {
		return []string{"database", "rows"}
	}
	return []string{"schema", "database", "rows", "database", "schema", "rows"}
}

// move moves a tenant, removes what it leaves, and returns how many rows were copied.
func (s *server) move(slug, level string) int {
	s.t.Helper()
	got := s.as(adminToken).
		do("POST", "/admin/tenants/"+slug+"/move", `{"level": "`+level+`", "remove_old": true}`)
	require.Equal(s.t, http.StatusOK, got.status, got.body)
	require.Equal(s.t, level, field[string](s.t, got, "level"))
	return field[int](s.t, got, "rows")
}

// usage returns where a tenant is, where it left rows, and how many rows of each table it has.
func (s *server) usage(slug string) (level string, left []string, rows map[string]int) {
	s.t.Helper()
	var out struct {
		Tenants []struct {
			Tenant, Level string
			Left          []string
			Rows          map[string]int
		}
	}
	got := s.as(adminToken).do("GET", "/admin/usage", "")
	require.NoError(s.t, json.Unmarshal([]byte(got.body), &out), got.body)
	for _, t := range out.Tenants {
		if t.Tenant == slug {
			return t.Level, t.Left, t.Rows
		}
	}
	require.Fail(s.t, "no such tenant", slug)
	return "", nil, nil
}

// A tenant goes through all levels. What it sees, what the report says and what others see stays as
// it was.
func TestMove(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		rows, others := s.rows("acme"), s.rows("globex")
		projects := acme.do("GET", "/api/projects", "").body
		counts := map[string]int{"users": 2, "projects": 3, "tasks": 4, "tags": 2}
		for _, level := range tour(url) {
			require.Positive(t, s.move("acme", level))
			require.Equal(t, rows, s.rows("acme"))
			require.Equal(t, others, s.rows("globex"))
			require.Equal(t, projects, acme.do("GET", "/api/projects", "").body)
			require.JSONEq(t, `{"id": 4, "name": "Carol"}`,
				strings.Replace(globex.do("GET", "/api/me", "").body, `"id":3`, `"id":4`, 1))
			at, left, counted := s.usage("acme")
			require.Equal(t, level, at)
			require.Empty(t, left)
			require.Equal(t, counts, counted)
			require.Contains(t, s.as("").do("GET", "/demo/places", "").body, `"acme":"`+level+`"`)

			// The quota, foreign keys and the other tenant's rows are where the tenant is too.
			require.Equal(t, http.StatusForbidden,
				acme.do("POST", "/api/projects", `{"slug": "fourth", "name": "Fourth"}`).status)
			for _, id := range []int{4, 5} {
				require.Equal(t, http.StatusNotFound,
					acme.do("POST", fmt.Sprintf("/api/projects/%d/tasks", id), `{"title": "Spy"}`).
						status)
			}
			login := `{"tenant": "acme", "user": "Ann", "password": "demonstration"}`
			require.Equal(t, http.StatusOK, s.as("").do("POST", "/auth/login", login).status)
			require.Zero(t, s.move("acme", level), "it is there already")
		}
		require.Contains(t, s.log.String(), `"msg":"audit: a tenant was moved"`)
		require.NotContains(t, s.log.String(), `"level":"ERROR"`)
	})
}

func TestMove_refuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		admin := s.as(adminToken)
		post := func(path, body string) got {
			return admin.do("POST", "/admin/tenants/"+path, body)
		}
		require.Equal(t, http.StatusNotFound, post("initech/move", `{"level": "database"}`).status)
		for _, level := range []string{"", "cluster", "Rows"} {
			got := post("acme/move", `{"level": "`+level+`"}`)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Contains(t, got.body, strings.Join(levelsOf(url), ", "))
		}
		require.Equal(t, http.StatusNotFound,
			post("acme/remove",
				`{"level": "rows", "confirmation": "DELETE_ROWS_tenant_demo-acme"}`).status)

		// Without remove_old the rows stay, until somebody says that they are to go, and keep the
		// tenant from coming back.
		require.Equal(t, http.StatusOK, post("acme/move", `{"level": "database"}`).status)
		_, left, _ := s.usage("acme")
		require.Equal(t, []string{"rows"}, left)
		got := post("acme/move", `{"level": "rows"}`)
		require.Equal(t, http.StatusConflict, got.status, got.body)
		require.Contains(t, got.body, "its old rows are still at rows")
		for _, wrong := range []string{
			"", "DELETE_ROWS_tenant_demo-globex", "DELETE_DATABASE_tenant_demo-acme",
		} {
			got := post("acme/remove", `{"level": "rows", "confirmation": "`+wrong+`"}`)
			require.Equal(t, http.StatusBadRequest, got.status, got.body)
			require.Contains(t, got.body, "DELETE_ROWS_tenant_demo-acme")
		}
		require.Equal(t, http.StatusNotFound,
			post("acme/remove", `{"level": "database", "confirmation": "x"}`).status)
		require.Equal(t, http.StatusNoContent,
			post("acme/remove",
				`{"level": "rows", "confirmation": "DELETE_ROWS_tenant_demo-acme"}`).status)
		_, left, counted := s.usage("acme")
		require.Empty(t, left)
		require.Equal(t, 3, counted["projects"])

		// Who counts on his own meanwhile may come to the numbers of others.
		task := `{"title": "as many as it takes"}`
		mine := acme.do("GET", "/api/projects", "")
		id := field[[]struct{ ID int }](t, mine, "projects")[0].ID
		theirs := field[[]struct{ ID int }](t, globex.do("GET", "/api/projects", ""),
			"projects")[0].ID
		for range 5 {
			require.Equal(t, http.StatusCreated,
				acme.do("POST", fmt.Sprintf("/api/projects/%d/tasks", id), task).status)
			require.Equal(t, http.StatusCreated,
				globex.do("POST", fmt.Sprintf("/api/projects/%d/tasks", theirs), task).status)
		}
		before, others := s.rows("acme"), s.rows("globex")
		got = post("acme/move", `{"level": "rows", "remove_old": true}`)
		require.Equal(t, http.StatusConflict, got.status, got.body)
		require.Contains(t, got.body, "tasks: (id) of")
		require.Equal(t, before, s.rows("acme"))
		require.Equal(t, others, s.rows("globex"))
		at, left, _ := s.usage("acme")
		require.Equal(t, "database", at)
		require.Empty(t, left)
		require.Equal(t, http.StatusCreated,
			acme.do("POST", fmt.Sprintf("/api/projects/%d/tasks", id), task).status)
	})
}

// writer writes and reads as a tenant until stop is closed: what was answered with success has to
// be there.
type writer struct {
	client
	project        int
	titles         []string
	refused, wrote int
}

func (w *writer) run(ctx context.Context, number int, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		title := fmt.Sprintf("task %d of %d", i, number)
		got, err := w.send(ctx, "POST", fmt.Sprintf("/api/projects/%d/tasks", w.project),
			`{"title": "`+title+`"}`)
		switch {
		case err != nil:
			return err
		case got.status == http.StatusCreated:
			w.titles = append(w.titles, title)
			w.wrote++
		case got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") == "1":
			w.refused++
		default:
			return fmt.Errorf("a write: %d %s", got.status, got.body)
		}
		got, err = w.send(ctx, "GET", fmt.Sprintf("/api/projects/%d/tasks", w.project), "")
		if err != nil || got.status != http.StatusOK {
			return fmt.Errorf("a read: %d %s %w", got.status, got.body, err)
		}
		if len(w.titles) > 0 && !strings.Contains(got.body, `"`+w.titles[len(w.titles)-1]+`"`) {
			return fmt.Errorf("%q is lost", w.titles[len(w.titles)-1])
		}
	}
}

// failures are the lines of a log that say that the service failed.
func failures(log *logs) string {
	var lines []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// While acme goes through all levels, it works, and so does globex.
func TestMove_under_load(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		writers := []*writer{}
		for _, c := range []client{acme, globex, acme, globex} {
			id := field[[]struct{ ID int }](t, c.do("GET", "/api/projects", ""), "projects")[0].ID
			writers = append(writers, &writer{client: c, project: id})
		}
		stop := make(chan struct{})
		errs := make([]error, len(writers))
		var wrote atomic.Int64
		var wait sync.WaitGroup
		for i, w := range writers {
			wait.Go(func() { errs[i] = w.run(t.Context(), i, stop) })
		}
		// Both count on their own once one of them has left the shared tables: no way leads back
		// there.
		way := []string{"database"}
		if url != "" {
			way = []string{"schema", "database", "schema"}
		}
		for _, level := range way {
			before := strings.Count(s.log.String(), `/tasks"`)
			s.move("acme", level)
			require.Eventually(t,
				func() bool { return strings.Count(s.log.String(), `/tasks"`) > before+40 },
				time.Minute, 10*time.Millisecond)
		}
		close(stop)
		wait.Wait()
		for i, w := range writers {
			require.NoError(t, errs[i], "%s", failures(s.log))
			wrote.Add(int64(w.wrote))
			if i%2 == 1 {
				require.Zero(t, w.refused, "nobody else is held up")
			}
		}
		for _, w := range writers {
			body := w.do("GET", fmt.Sprintf("/api/projects/%d/tasks", w.project), "").body
			for _, title := range w.titles {
				require.Equal(t, 1, strings.Count(body, `"`+title+`"`), title)
			}
		}
		require.Positive(t, wrote.Load())
		t.Logf("%d writes kept, %d refused for now", wrote.Load(),
			writers[0].refused+writers[2].refused)
		require.NotContains(t, s.log.String(), `"level":"ERROR","msg":"request","method":"GET"`)
	})
}

// A move in one process is heard of in the others.
func TestMove_in_another_process(t *testing.T) {
	t.Parallel()
	url := newPostgres(t)
	secret := []byte(strings.Repeat("s", 32))
	one := newServer(t, service.Config{DatabaseURL: url, Demo: true, Secret: secret})
	other := newServer(t, service.Config{DatabaseURL: url, Demo: true, Secret: secret})
	here, _ := one.session()
	there := here
	there.base = other.base
	id := field[[]struct{ ID int }](t, here.do("GET", "/api/projects", ""), "projects")[0].ID
	tasks := fmt.Sprintf("/api/projects/%d/tasks", id)
	for i, level := range []string{"database", "schema", "database"} {
		mover := []*server{one, other}[i%2]
		got := mover.as(adminToken).
			do("POST", "/admin/tenants/acme/move", `{"level": "`+level+`", "remove_old": true}`)
		require.Equal(t, http.StatusOK, got.status, got.body)
		for _, writer := range []client{here, there} {
			body := fmt.Sprintf(`{"title": "at %s by %s"}`, level, writer.base)
			require.Eventually(t, func() bool {
				status := writer.do("POST", tasks, body).status
				require.Contains(t, []int{http.StatusCreated, http.StatusServiceUnavailable},
					status)
				return status == http.StatusCreated
			}, 2*time.Minute, time.Millisecond)
		}
		require.Equal(t, here.do("GET", tasks, "").body, there.do("GET", tasks, "").body)
		require.Equal(t, one.rows("acme"), other.rows("acme"))
	}
	require.Len(t, field[[]any](t, there.do("GET", tasks, ""), "tasks"), 2+2*3)
}

// Tenants can be elsewhere from the start, and are found there by the next process.
func TestPlace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		place, slugs := map[string]tenants.Level{"acme": tenants.Database}, []string{"acme"}
		if url != "" {
			place["globex"], slugs = tenants.Schema, append(slugs, "globex")
		}
		for range 2 {
			s := newServer(t, service.Config{DatabaseURL: url, Demo: true, Place: place})
			acme, globex := s.session()
			require.Len(t, field[[]any](t, acme.do("GET", "/api/projects", ""), "projects"), 3)
			require.Len(t, field[[]any](t, globex.do("GET", "/api/projects", ""), "projects"), 2)
			for _, slug := range slugs {
				at, left, _ := s.usage(slug)
				require.Equal(t, string(place[slug]), at)
				require.Empty(t, left)
			}
			if url != "" {
				var rows int
				require.NoError(t,
					owner(t, url).QueryRow("SELECT count(*) FROM projects").Scan(&rows))
				require.Zero(t, rows)
			}
		}
	})
	for _, config := range []service.Config{
		{Demo: true, Place: map[string]tenants.Level{"acme": "schema"}},
		{Demo: true, Place: map[string]tenants.Level{"initech": "database"}},
		{Place: map[string]tenants.Level{"acme": "database"}},
	} {
		config.PasswordIterations = 10
		_, err := service.New(t.Context(), config)
		require.Error(t, err)
	}
}
