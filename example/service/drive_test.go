package service_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
)

// serve runs the command, as go run ./example serve does, on a free port. It ends with the test.
func serve(t *testing.T, databaseURL string) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log := &logs{}
	ended := make(chan error, 1)
	go func() {
		env := map[string]string{"DATABASE_URL": databaseURL, "ADMIN_TOKEN": adminToken}
		err := service.Run(ctx, []string{"-addr", "localhost:0", "-log", "json"},
			func(name string) string { return env[name] }, in, log)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	line := make([]byte, 200)
	n, err := out.Read(line)
	require.NoError(t, err, log)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	base := regexp.MustCompile(`http://\S*\d`).FindString(string(line[:n]))
	require.NotEmpty(t, base)
	return &server{t, base, log}
}

// Two tenants are driven at once, and every answer is compared with what that tenant must see. All
// text that a tenant writes has its mark, so that one look at an answer shows whether something of
// the other is in it.
func TestDrive(t *testing.T) {
	t.Parallel()
	drive(t, 20, 600)
}

func TestDrive_soak(t *testing.T) {
	soak.Skip(t)
	drive(t, 50, 50_000)
}

// drive sends that many requests by that many clients.
func drive(t *testing.T, clients, requests int) {
	t.Helper()
	each(t, func(t *testing.T, url string) {
		s := serve(t, url)
		people := make([]client, 2)
		marks := []string{"acmemark", "globexmark"}
		// acme and globex are the demonstration's.
		for i, slug := range []string{"first", "second"} {
			people[i] = s.register(slug)
			got := s.as(adminToken).
				do("PUT", "/admin/tenants/"+slug+"/plan", `{"plan": "enterprise"}`)
			require.Equal(t, http.StatusNoContent, got.status)
		}
		theirs := make([]atomic.Int64, 2) // a project of each tenant, for the other to attack
		errs := make([]error, clients)
		var wait sync.WaitGroup
		for i := range clients {
			wait.Go(func() {
				side := i % 2
				d := &driver{
					client: people[side], number: i, mark: marks[side], foreign: marks[1-side],
					mine: &theirs[side], theirs: &theirs[1-side], projects: map[int]*projectModel{},
				}
				errs[i] = d.drive(t.Context(), requests/clients)
			})
		}
		wait.Wait()
		for i, err := range errs {
			require.NoError(t, err, "client %d", i)
		}
		require.NotContains(t, s.log.String(), `"level":"ERROR"`)
	})
}

// suspendable drives a tenant until stop is closed. It counts the answers that are as they must be.
func suspendable(
	ctx context.Context, c client, number int, stop <-chan struct{}, refusedAfter *atomic.Bool,
) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		suspended := refusedAfter.Load() // before the request is sent
		method, path, body := "GET", "/api/projects", ""
		if i%3 == 0 {
			method, path, body = "POST", "/api/projects/1/tasks",
				fmt.Sprintf(`{"title": "task %d of %d"}`, i, number)
		}
		got, err := c.send(ctx, method, path, body)
		switch {
		case err != nil:
			return err
		case suspended && got.status != http.StatusForbidden:
			return fmt.Errorf("after the suspension: %d %s", got.status, got.body)
		case got.status >= 400 && got.status != http.StatusForbidden &&
			got.status != http.StatusNotFound:
			return fmt.Errorf("%s %s: %d %s", method, path, got.status, got.body)
		}
	}
}

// Of two tenants that are busy one is suspended: from then on it is refused, and the other is not.
func TestSuspend_in_the_middle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
		acme, globex := s.session()
		for _, change := range []string{"suspend", "close"} {
			stop := make(chan struct{})
			var never, suspended atomic.Bool
			const clients = 6
			errs := make([]error, 2*clients)
			var wait sync.WaitGroup
			for i := range clients {
				wait.Go(func() { errs[2*i] = suspendable(t.Context(), acme, i, stop, &never) })
				wait.Go(func() {
					errs[2*i+1] = suspendable(t.Context(), globex, i, stop, &suspended)
				})
			}
			answered := func(who string) int { return strings.Count(s.log.String(), who) }
			grow := func(who string) {
				before := answered(who)
				require.Eventually(t, func() bool { return answered(who) >= before+20 },
					2*time.Minute, time.Millisecond)
			}
			grow(`"slug":"globex"`)
			require.Equal(t, http.StatusNoContent,
				s.as(adminToken).do("POST", "/admin/tenants/globex/"+change, "").status)
			suspended.Store(true)
			grow(`gormtenant: request refused`)
			grow(`"slug":"acme"`)
			close(stop)
			wait.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			require.Equal(t, http.StatusOK, acme.do("GET", "/api/projects", "").status)
			if change == "suspend" {
				require.Equal(t, http.StatusNoContent,
					s.as(adminToken).do("POST", "/admin/tenants/globex/resume", "").status)
				require.Equal(t, http.StatusOK, globex.do("GET", "/api/projects", "").status)
			}
		}
	})
}

// Who is suspended in one process is out in the others too, long before the cache's time is over.
func TestSuspend_in_another_process(t *testing.T) {
	t.Parallel()
	url := newPostgres(t)
	secret := []byte(strings.Repeat("s", 32))
	one := newServer(t, service.Config{DatabaseURL: url, Demo: true, Secret: secret})
	other := newServer(t, service.Config{DatabaseURL: url, Demo: true, Secret: secret})
	acme, globex := one.session()
	status := func(who client) int {
		who.base = other.base
		return who.do("GET", "/api/projects", "").status
	}
	require.Equal(t, []int{200, 200}, []int{status(acme), status(globex)})
	require.Equal(t, http.StatusNoContent,
		one.as(adminToken).do("POST", "/admin/tenants/globex/suspend", "").status)
	require.Eventually(t, func() bool { return status(globex) == 403 }, 2*time.Minute,
		time.Millisecond)
	require.Equal(t, http.StatusOK, status(acme))
	require.Equal(t, http.StatusNoContent,
		other.as(adminToken).do("POST", "/admin/tenants/globex/resume", "").status)
	require.Eventually(t,
		func() bool { return globex.do("GET", "/api/projects", "").status == 200 }, 2*time.Minute,
		time.Millisecond)

	// A tenant that registers with one can log in at the other, which may have said before that
	// there is none.
	login := `{"tenant": "initech", "user": "ann", "password": "correct horse"}`
	require.Equal(t, http.StatusUnauthorized, other.as("").do("POST", "/auth/login", login).status)
	one.register("initech")
	require.Eventually(t,
		func() bool { return other.as("").do("POST", "/auth/login", login).status == 200 },
		2*time.Minute, time.Millisecond)
}

// A tenant whose row is deleted, by hand, is unknown from then on. What runs meanwhile is served or
// not.
func TestTenant_deleted_while_its_requests_run(t *testing.T) {
	t.Parallel()
	url := newPostgres(t)
	s := newServer(t, service.Config{DatabaseURL: url, Demo: true})
	acme, globex := s.session()
	stop := make(chan struct{})
	errs := make([]error, 8)
	var never atomic.Bool
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = suspendable(t.Context(), globex, i, stop, &never) })
	}
	_, err := owner(t, url).
		ExecContext(t.Context(),
			"DELETE FROM gormtenant_tenants WHERE slug = 'globex'; NOTIFY gormtenant_tenants")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return globex.do("GET", "/api/me", "").status == 404 },
		2*time.Minute, time.Millisecond)
	close(stop)
	wait.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, http.StatusOK, acme.do("GET", "/api/me", "").status)
}
