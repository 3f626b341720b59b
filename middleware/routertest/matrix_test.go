package routertest_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// application has open routes, which are those of Except, and private ones, which answer all that
// is left. It remembers which of them was reached last, and as whom.
type application struct {
	open, private bool
	tenant        string
}

func (a *application) served(r *http.Request, private bool) {
	a.open, a.private = !private, private
	if t, ok := tenants.FromContext(r.Context()); ok {
		a.tenant = t.ID
	}
}

// serveOpen and servePrivate are the handlers of both kinds of routes.
func (a *application) serveOpen(w http.ResponseWriter, r *http.Request) {
	a.served(r, false)
	w.WriteHeader(http.StatusNoContent)
}

func (a *application) servePrivate(w http.ResponseWriter, r *http.Request) {
	a.served(r, true)
	w.WriteHeader(http.StatusNoContent)
}

func (a *application) middleware() *middleware.Middleware {
	m := newMiddleware()
	m.Except("POST /auth/login", "GET /assets/", "POST /hooks/{provider}")
	return m
}

// send sends the line "method target" as it is to handler, and returns the status.
func send(t *testing.T, handler http.Handler, method, target, token string) int {
	t.Helper()
	text := method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return http.StatusBadRequest // the server's answer
	}
	r = r.WithContext(t.Context())
	r.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// Without a token no path leads to a handler that is not open, in whatever way a router reads it.
func TestMatrix_no_path_leads_past_the_tenant(t *testing.T) {
	requests := attacks()
	require.Greater(t, len(requests), 400)
	sent, wrong := 0, 0
	for _, router := range routers() {
		t.Run(router.name, func(t *testing.T) {
			var a application
			handler := router.wrap(&a)
			for _, request := range requests {
				a = application{}
				method, target, _ := strings.Cut(request, " ")
				status := send(t, handler, method, target, "")
				sent++
				if a.private {
					wrong++
					t.Errorf("%s reaches a private handler with no tenant: %d", request, status)
				}
			}
		})
	}
	t.Logf("%d routers, %d requests each, %d in all: %d wrong", len(routers()), len(requests),
		sent, wrong)
}

// The matrix would show nothing if the routes were not there.
func TestMatrix_routes_are_reached(t *testing.T) {
	for _, router := range routers() {
		for _, test := range []struct {
			request, token string
			open, private  bool
		}{
			{"GET /health", "", true, false},
			{"POST /auth/login", "", true, false},
			{"GET /assets/site.css", "", true, false},
			{"GET /assets/css/a%20b.css", "", true, false},
			{"GET /assets/css/logo%402x.png", "", true, false},
			{"POST /hooks/stripe", "", true, false},
			{"GET /projects", "", false, false},
			{"GET /projects", "acme", false, true},
			{"GET /health/more", "acme", false, true},
			{"GET /a%20b", "acme", false, true},
		} {
			t.Run(router.name+"/"+test.request+" "+test.token, func(t *testing.T) {
				var a application
				method, target, _ := strings.Cut(test.request, " ")
				send(t, router.wrap(&a), method, target, test.token)
				require.Equal(t, test.open, a.open)
				require.Equal(t, test.private, a.private)
				if test.private {
					require.Equal(t, "acme", a.tenant)
				}
			})
		}
	}
}
