package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
)

// handlers are what a request of a cached tenant costs: with no middleware, with one source, and
// with all of them in one request.
func handlers() []struct {
	name    string
	handler http.Handler
	request *http.Request
} {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	get := func(target string, headers ...string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		r.URL.Host, r.URL.Scheme = "", "" // as of a request in origin form, which all are
		return r
	}
	excepting := newMiddleware(directory(), claim())
	excepting.Except("GET /health", "POST /auth/login", "POST /auth/register", "/assets/",
		"OPTIONS /", "POST /hooks/{provider}")
	return []struct {
		name    string
		handler http.Handler
		request *http.Request
	}{
		{"none", nothing, get("/api/projects")},
		{
			"claim", newMiddleware(directory(), claim()).Handler(nothing),
			get("/api/projects", "Authorization", "acme"),
		},
		{
			"claim_and_subdomain",
			newMiddleware(directory(), claim(), middleware.Subdomain("example.com")).
				Handler(nothing),
			get("http://acme.example.com/api/projects", "Authorization", "acme"),
		},
		{
			"claim_and_except", excepting.Handler(nothing),
			get("/api/projects", "Authorization", "acme"),
		},
		{
			"all_sources", newMiddleware(directory(), everySource()...).Handler(nothing),
			get("http://acme.example.com/api/tenants/acme/projects?page=2&tenantId=acme",
				"Authorization", "acme", "X-Tenant-ID", "acme"),
		},
	}
}

// recorder is a ResponseWriter that costs nothing; the server's own is there in any case.
type recorder struct{ header http.Header }

func (r recorder) Header() http.Header            { return r.header }
func (r recorder) Write(body []byte) (int, error) { return len(body), nil }
func (r recorder) WriteHeader(int)                {}

func BenchmarkHandler(b *testing.B) {
	for _, bench := range handlers() {
		b.Run(bench.name, func(b *testing.B) {
			w := recorder{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				bench.handler.ServeHTTP(w, bench.request)
			}
		})
	}
}

// Not parallel: AllocsPerRun counts those of others too.
func TestAllocations(t *testing.T) {
	for _, test := range handlers() {
		w := recorder{http.Header{}}
		got := testing.AllocsPerRun(100, func() {
			clear(w.header)
			test.handler.ServeHTTP(w, test.request)
		})
		require.LessOrEqual(t, got, 6.0, test.name)
		t.Logf("%s: %v allocations", test.name, got)
	}
}
