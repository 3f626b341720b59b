package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// noon is the time at which all tests run.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// lookup is a directory made of a function.
type lookup func(ctx context.Context, identifier string) (*tenants.Tenant, error)

func (l lookup) Lookup(ctx context.Context, identifier string) (*tenants.Tenant, error) {
	return l(ctx, identifier)
}

// directory knows acme and globex, who are served, and others who are not.
func directory() lookup {
	past, future := noon.Add(-time.Second), noon.Add(time.Second)
	byName := map[string]*tenants.Tenant{}
	for _, t := range []*tenants.Tenant{
		{
			ID: "1", Slug: "acme", Name: "Acme Inc", Domains: []string{"projects.acme.com"},
			Status: tenants.Active, Plan: "gold",
		},
		{
			ID: "2", Slug: "globex", Name: "Globex Ltd", Domains: []string{"globex.org"},
			Status: tenants.Active, ExpiresAt: &future,
		},
		{ID: "3", Slug: "unpaid", Status: tenants.Suspended},
		{ID: "4", Slug: "gone", Status: tenants.Closed},
		{ID: "5", Slug: "trial", Status: tenants.Active, ExpiresAt: &past},
		{ID: "6", Slug: "instant", Status: tenants.Active, ExpiresAt: &noon},
		{ID: "7", Slug: "odd", Status: "frozen"},
		{ID: "8", Slug: "zero"},
	} {
		byName[t.ID], byName[t.Slug] = t, t
		for _, domain := range t.Domains {
			byName[domain] = t
		}
	}
	return func(_ context.Context, identifier string) (*tenants.Tenant, error) {
		if t, ok := byName[identifier]; ok {
			return t, nil
		}
		return nil, tenants.ErrNotFound
	}
}

// mirror knows everybody: the tenant's ID is what it was asked for.
func mirror() lookup {
	return func(_ context.Context, identifier string) (*tenants.Tenant, error) {
		return &tenants.Tenant{ID: identifier, Slug: identifier, Status: tenants.Active}, nil
	}
}

// claim is a ClaimSlug that takes the request's word for it; tests only.
func claim() middleware.Option {
	return middleware.ClaimSlug(func(r *http.Request) (string, error) {
		token := r.Header.Get("Authorization")
		if token == "forged" {
			return "", errors.New("signature of token-4711 does not match")
		}
		if token == "personal" {
			return "", nil // a valid one, of no particular tenant
		}
		return token, nil
	})
}

// newMiddleware is middleware.New with the clock at noon and no log.
func newMiddleware(d tenants.Directory, options ...middleware.Option) *middleware.Middleware {
	return middleware.New(d, append([]middleware.Option{
		middleware.Clock(func() time.Time { return noon }),
		middleware.Logger(slog.New(slog.DiscardHandler)),
	}, options...)...)
}

// request is a GET of target with headers, given as name, value, name, value.
func request(t *testing.T, target string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// hostRequest is a GET of / whose Host is exactly host.
func hostRequest(t *testing.T, host string) *http.Request {
	t.Helper()
	r := request(t, "/")
	r.Host = host
	return r
}

// named returns the tenant that the source names in r: "" if none, "malformed" or "unknown".
func named(t *testing.T, r *http.Request, options ...middleware.Option) string {
	t.Helper()
	options = append(options, middleware.AnyoneMayNameTheirTenant())
	tenant, err := newMiddleware(mirror(), options...).Resolve(r)
	switch {
	case errors.Is(err, middleware.ErrNoTenantNamed):
		return ""
	case errors.Is(err, middleware.ErrMalformed):
		return "malformed"
	case errors.Is(err, tenants.ErrNotFound):
		return "unknown"
	}
	require.NoError(t, err)
	return tenant.ID
}

// seen is a handler that remembers the tenants it was called for, "" for none.
type seen struct {
	mu  sync.Mutex
	ids []string
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := ""
	if t, ok := tenants.FromContext(r.Context()); ok {
		id = t.ID
	}
	s.ids = append(s.ids, id)
	w.WriteHeader(http.StatusNoContent)
}

// serve sends r through m to a handler, and returns the answer and whom the handler saw.
func serve(m *middleware.Middleware, r *http.Request) (*httptest.ResponseRecorder, []string) {
	var next seen
	w := httptest.NewRecorder()
	m.Handler(&next).ServeHTTP(w, r)
	return w, next.ids
}
