package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// twoTenants is a directory for the examples; tenants/store keeps a real one.
type twoTenants struct{}

func (twoTenants) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	switch identifier {
	case "1", "acme":
		return &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}, nil
	case "2", "globex":
		return &tenants.Tenant{ID: "2", Slug: "globex", Status: tenants.Suspended}, nil
	}
	return nil, tenants.ErrNotFound
}

// get sends a request to handler and prints the answer's status and body.
func get(handler http.Handler, target, token string) {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var problem middleware.Problem
	if json.Unmarshal(w.Body.Bytes(), &problem) == nil {
		fmt.Println(w.Code, problem.Title)
		return
	}
	fmt.Println(w.Code, w.Body)
}

func hello(w http.ResponseWriter, r *http.Request) {
	if t, ok := tenants.FromContext(r.Context()); ok {
		_, _ = fmt.Fprintf(w, "hello %s", t.Slug)
		return
	}
	_, _ = fmt.Fprint(w, "hello")
}

func Example() {
	m := middleware.New(twoTenants{},
		middleware.Claim(func(r *http.Request) (string, error) {
			return r.Header.Get("Authorization"), nil // of a verified token, in a real program
		}),
		middleware.Subdomain("example.com"),
		middleware.Logger(slog.New(slog.DiscardHandler)))
	m.Except("GET /health")
	handler := m.Handler(http.HandlerFunc(hello))

	get(handler, "http://acme.example.com/", "1") // the ID of acme
	get(handler, "http://example.com/health", "")
	get(handler, "http://globex.example.com/", "1")
	get(handler, "http://globex.example.com/", "2")
	// Output:
	// 200 hello acme
	// 200 hello
	// 403 Tenants disagree
	// 403 Tenant suspended
}

// Without tokens that name a tenant, Authorize says who belongs to which.
func ExampleMiddleware_Authorize() {
	members := map[string]string{"alice": "acme"}
	m := middleware.New(twoTenants{}, middleware.Path("/t/{tenant}/"),
		middleware.Logger(slog.New(slog.DiscardHandler)))
	m.Authorize(func(r *http.Request, t *tenants.Tenant) error {
		user := r.Header.Get("Authorization") // of a verified session, in a real program
		if members[user] != t.Slug {
			return errors.New("not a member")
		}
		return nil
	})
	handler := m.Handler(http.HandlerFunc(hello))

	get(handler, "/t/acme/projects", "alice")
	get(handler, "/t/acme/projects", "bob")
	// Output:
	// 200 hello acme
	// 403 Not authorized
}

// Resolve alone, for programs with their own way to answer.
func ExampleMiddleware_Resolve() {
	m := middleware.New(twoTenants{}, middleware.Header("X-Tenant-ID"),
		middleware.AnyoneMayNameTheirTenant())

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Tenant-ID", "acme")
	t, err := m.Resolve(r)
	fmt.Println(t.ID, err)

	r.Header.Set("X-Tenant-ID", "globex")
	_, err = m.Resolve(r)
	var refused *middleware.Error
	fmt.Println(errors.Is(err, tenants.ErrSuspended), errors.As(err, &refused),
		refused.Problem.Status)
	// Output:
	// 1 <nil>
	// true true 403
}

func ExampleMiddleware_SetErrorHandler() {
	m := middleware.New(twoTenants{}, middleware.Domain(), middleware.AnyoneMayNameTheirTenant(),
		middleware.Logger(slog.New(slog.DiscardHandler)))
	m.SetErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
		var refused *middleware.Error
		errors.As(err, &refused)
		w.WriteHeader(refused.Problem.Status)
		_, _ = fmt.Fprintf(w, "<h1>%s</h1>", refused.Problem.Title)
	})
	get(m.Handler(http.HandlerFunc(hello)), "http://projects.example.org/", "")
	// Output: 404 <h1>Unknown tenant</h1>
}

// Each line that is logged with the request's context names the tenant.
func ExampleLogHandler() {
	logger := slog.New(middleware.LogHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	ctx := tenants.NewContext(context.Background(), &tenants.Tenant{ID: "1", Slug: "acme"})
	logger.InfoContext(ctx, "project created", "project", 7)
	// Output: level=INFO msg="project created" project=7 tenant.id=1 tenant.slug=acme
}
