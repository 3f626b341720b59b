package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// whoami answers with the tenant's slug.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	t, ok := tenants.FromContext(r.Context())
	if !ok {
		http.Error(w, "nobody", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, t.Slug)
})

// What comes over the wire, as net/http reads it.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), middleware.Subdomain("example.com"),
		middleware.Header("X-Tenant-ID"),
		middleware.AnyoneMayNameTheirTenant())
	server := httptest.NewServer(m.Handler(whoami))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		name, request string
		status        int
		body          string
	}{
		{"host", "GET / HTTP/1.1\r\nHost: acme.example.com\r\n\r\n", 200, "acme"},
		{
			"host_upper_with_port_and_dot", "GET / HTTP/1.1\r\nHost: ACME.Example.Com.:80\r\n\r\n",
			200, "acme",
		},
		{
			"whole_url", "GET http://acme.example.com/ HTTP/1.1\r\nHost: acme.example.com\r\n\r\n",
			200, "acme",
		},
		// RFC 9112, 3.2.2.
		{
			"whole_url_and_other_host",
			"GET http://acme.example.com/ HTTP/1.1\r\nHost: globex.example.com\r\n\r\n", 200,
			"acme",
		},
		{"http10_without_host", "GET / HTTP/1.0\r\nX-Tenant-ID: acme\r\n\r\n", 200, "acme"},
		{
			"two_hosts",
			"GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost: globex.example.com\r\n\r\n", 400,
			"",
		},
		{
			"two_headers",
			"GET / HTTP/1.1\r\nHost: example.com\r\nX-Tenant-ID: acme\r\nx-tenant-id: " +
				"globex\r\n\r\n", 400, "",
		},
		{
			"header_and_host",
			"GET / HTTP/1.1\r\nHost: acme.example.com\r\nX-Tenant-ID: globex\r\n\r\n", 403, "",
		},
		{
			"header_with_underscores",
			"GET / HTTP/1.1\r\nHost: acme.example.com\r\nX_Tenant_ID: globex\r\n\r\n", 200,
			"acme",
		},
		{
			"forwarded_host",
			"GET / HTTP/1.1\r\nHost: acme.example.com\r\nX-Forwarded-Host: " +
				"globex.example.com\r\n\r\n", 200, "acme",
		},
		{"host_as_utf8", "GET / HTTP/1.1\r\nHost: b\u00fccher.example.com\r\n\r\n", 400, ""},
		{"head", "HEAD / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n", 404, ""},
		{
			"preflight",
			"OPTIONS / HTTP/1.1\r\nHost: example.com\r\nOrigin: https://a.example\r\n\r\n", 400,
			"",
		},
		// net/http's own answer.
		{"options_star", "OPTIONS * HTTP/1.1\r\nHost: acme.example.com\r\n\r\n", 200, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, err := (&net.Dialer{}).
				DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close()) }()
			_, err = io.WriteString(conn, test.request)
			require.NoError(t, err)
			method, _, _ := strings.Cut(test.request, " ")
			response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			require.NoError(t, err)
			defer func() { require.NoError(t, response.Body.Close()) }()
			require.Equal(t, test.status, response.StatusCode)
			if test.status == http.StatusOK {
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Equal(t, test.body, string(body))
			}
		})
	}
}

// Many clients of two tenants at once: each is answered as its own tenant.
func TestManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), everySource()...)
	m.Except("GET /health")
	handler := m.Handler(whoami)
	var group sync.WaitGroup
	for client := range 50 {
		own, other := "acme", "globex"
		if client%2 == 1 {
			own, other = other, own
		}
		group.Go(func() {
			for i := range 100 {
				target, status := "http://"+own+".example.com/", http.StatusOK
				if i%10 == 9 {
					target, status = "http://"+other+".example.com/", http.StatusForbidden
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, request(t, target, "Authorization", own))
				if w.Code != status || status == http.StatusOK && w.Body.String() != own {
					t.Errorf("%s at %s: got %d %s", own, target, w.Code, w.Body)
				}
			}
		})
	}
	group.Wait()
}

// Settings may be changed while requests are served.
func TestSettingsWhileServing(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim())
	handler := m.Handler(whoami)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, request(t, "/", "Authorization", "acme"))
				if w.Code != http.StatusOK {
					t.Errorf("got %d %s", w.Code, w.Body)
				}
			}
		})
	}
	group.Go(func() {
		m.Authorize(func(*http.Request, *tenants.Tenant) error { return nil })
		for i := range 100 {
			m.Except(fmt.Sprintf("GET /x%d", i))
			m.SetErrorHandler(nil)
		}
	})
	group.Wait()
}

// A tenant that is suspended, or deleted, between two requests is out with the second.
func TestSuspendedBetweenTwoRequests(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[tenants.Tenant]
	current.Store(&tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active})
	m := newMiddleware(lookup(func(context.Context, string) (*tenants.Tenant, error) {
		if t := current.Load(); t != nil {
			return t, nil
		}
		return nil, tenants.ErrNotFound
	}), claim())

	var during int
	handler := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if during++; during == 1 { // suspended while its request runs: this one ends as it began
			current.Store(&tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Suspended})
		}
		whoami(w, r)
	}))
	for _, step := range []struct {
		status int
		body   string
		then   *tenants.Tenant
	}{
		{http.StatusOK, "acme", &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Suspended}},
		{
			http.StatusForbidden, "ErrSuspended",
			&tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active},
		},
		{http.StatusOK, "acme", nil},
		{http.StatusNotFound, "ErrNotFound", nil},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request(t, "/", "Authorization", "acme"))
		require.Equal(t, step.status, w.Code)
		require.Contains(t, w.Body.String(), step.body)
		current.Store(step.then)
	}
}

// A directory that is slow is left when the client is, or the request's time is over.
func TestSlowDirectory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		end   error
		level string
	}{
		{"client_goes_away", context.Canceled, "INFO"},
		{"time_is_over", context.DeadlineExceeded, "ERROR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{})
			slow := lookup(func(ctx context.Context, _ string) (*tenants.Tenant, error) {
				close(asked)
				<-ctx.Done()
				return nil, ctx.Err()
			})
			var buffer bytes.Buffer
			m := newMiddleware(slow, claim(),
				middleware.Logger(slog.New(slog.NewJSONHandler(&buffer, nil))))
			ctx := &ending{Context: t.Context(), done: make(chan struct{}), err: test.end}
			go func() {
				<-asked
				close(ctx.done)
			}()
			w, ids := serve(m, request(t, "/", "Authorization", "acme").WithContext(ctx))
			require.Empty(t, ids)
			require.Equal(t, http.StatusServiceUnavailable, w.Code)
			logged := lines(t, &buffer)
			require.Len(t, logged, 1)
			require.Equal(t, test.level, logged[0]["level"])
		})
	}
}

// ending is a context that ends with err when done is closed.
type ending struct {
	context.Context
	done chan struct{}
	err  error
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}
