package service_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

// guess logs in from an address.
func guess(s *service.Server, address, user, password string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/auth/login",
		strings.NewReader(fmt.Sprintf(`{"tenant": "acme", "user": %q, "password": %q}`, user,
			password)))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func limited(t *testing.T, limits service.LoginLimits) *service.Server {
	t.Helper()
	s, err := service.New(t.Context(), service.Config{
		PasswordIterations: 10, Logins: limits,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/register",
		strings.NewReader(`{"tenant": "acme", "name": "Acme", "user": "ann", `+
			`"password": "correct horse"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	return s
}

func TestLogin_limits_guesses_by_address(t *testing.T) {
	t.Parallel()
	s := limited(t, service.LoginLimits{
		ByAddress: service.Rate{Burst: 3, Every: time.Hour},
		ByAccount: service.Rate{Burst: 1000, Every: time.Hour},
	})
	for range 10 { // what succeeds does not count
		require.Equal(t, http.StatusOK, guess(s, "192.0.2.1:5", "ann", "correct horse").Code)
	}
	for n := range 3 {
		require.Equal(t, http.StatusUnauthorized,
			guess(s, fmt.Sprintf("192.0.2.1:%d", n), fmt.Sprint("user", n), "wrong horse").Code)
	}
	refused := guess(s, "192.0.2.1:9", "ann", "correct horse")
	require.Equal(t, http.StatusTooManyRequests, refused.Code)
	require.Equal(t, "application/problem+json", refused.Header().Get("Content-Type"))
	require.Regexp(t, `^3[56]\d\d$`, refused.Header().Get("Retry-After"))
	require.Equal(t, http.StatusOK, guess(s, "192.0.2.2:9", "ann", "correct horse").Code)

	for n := range 3 { // one network of IPv6
		require.Equal(t, http.StatusUnauthorized,
			guess(s, fmt.Sprintf("[2001:db8::%d]:1", n+1), "ann", "wrong horse").Code)
	}
	require.Equal(t, http.StatusTooManyRequests,
		guess(s, "[2001:db8::ffff:1:2:3]:1", "ann", "correct horse").Code)
	require.Equal(t, http.StatusOK, guess(s, "[2001:db8:0:1::1]:1", "ann", "correct horse").Code)
	require.Equal(t, http.StatusTooManyRequests,
		guess(s, "[::ffff:192.0.2.1]:1", "ann", "correct horse").Code, "the same as 192.0.2.1")
}

func TestLogin_limits_guesses_by_account(t *testing.T) {
	t.Parallel()
	s := limited(t, service.LoginLimits{
		ByAddress: service.Rate{Burst: 1000, Every: time.Hour},
		ByAccount: service.Rate{Burst: 3, Every: time.Hour},
	})
	for _, user := range []string{"ann", "nobody"} { // who exists is nobody's business
		for n := range 5 {
			want := http.StatusUnauthorized
			if n >= 3 {
				want = http.StatusTooManyRequests
			}
			got := guess(s, fmt.Sprintf("192.0.2.%d:1", n), user, "wrong horse").Code
			require.Equal(t, want, got, "%s %d", user, n)
		}
	}
}

// Of a thousand guesses at once no more are tried than of a thousand in a row.
func TestLogin_limits_guesses_at_once(t *testing.T) {
	t.Parallel()
	s := limited(t, service.LoginLimits{
		ByAddress: service.Rate{Burst: 5, Every: time.Hour},
		ByAccount: service.Rate{Burst: 1000, Every: time.Hour}, Queue: 1000,
	})
	var tried sync.Map
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			if guess(s, "192.0.2.1:1", "ann", "wrong horse").Code == http.StatusUnauthorized {
				tried.Store(n, true)
			}
		})
	}
	all.Wait()
	count := 0
	tried.Range(func(any, any) bool { count++; return true })
	require.Equal(t, 5, count)
}

// Who finds the queue full hears so at once, and who waits in it is served.
func TestLogin_queue(t *testing.T) {
	t.Parallel()
	s := limited(t, service.LoginLimits{Queue: 1})
	release := service.HoldPasswords(s)
	waiting := make(chan int)
	go func() { waiting <- guess(s, "192.0.2.1:1", "ann", "correct horse").Code }()
	require.Eventually(t, func() bool { return service.PasswordsWaiting(s) == 1 }, 2*time.Minute,
		time.Millisecond)
	refused := guess(s, "192.0.2.2:1", "ann", "correct horse")
	require.Equal(t, http.StatusServiceUnavailable, refused.Code)
	require.Equal(t, "1", refused.Header().Get("Retry-After"))
	release()
	require.Equal(t, http.StatusOK, <-waiting)
	require.Equal(t, http.StatusOK, guess(s, "192.0.2.2:1", "ann", "correct horse").Code)
}

func TestUnrouted_is_answered_as_everything_is(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{Demo: true})
	ann, _ := s.session()
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/nothing", http.StatusNotFound, ""},
		{"DELETE", "/api/projects", http.StatusMethodNotAllowed, "GET, HEAD, POST"},
		{"GET", "/auth/login", http.StatusMethodNotAllowed, "POST"},
	} {
		answer := ann.do(test.method, test.path, "")
		require.Equal(t, test.status, answer.status, test.path)
		require.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
		require.Equal(t, test.allow, answer.header.Get("Allow"))
		require.Contains(t, answer.body, http.StatusText(test.status))
		require.Contains(t, s.log.String(), `"path":"`+test.path+`"`)
	}
}
