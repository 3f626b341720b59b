package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestNewPanics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options []middleware.Option
		want    string
	}{
		{
			"no_source", nil,
			"gormtenant: middleware.New needs a source of tenants, such as middleware.Claim " +
				"or middleware.Subdomain",
		},
		{"no_source_but_options", []middleware.Option{middleware.HideUnknown()}, "needs a source"},
		{
			"nil_option",
			[]middleware.Option{middleware.HideUnknown(), nil},
			"gormtenant: middleware.New: option 2 is nil",
		},
		{
			"nil_claim",
			[]middleware.Option{middleware.Claim(nil)},
			"middleware.Claim needs a function",
		},
		{"nil_clock", []middleware.Option{middleware.Clock(nil)}, "Clock needs a function"},
		{"nil_logger", []middleware.Option{middleware.Logger(nil)}, "Logger needs a *slog.Logger"},
		{
			"nil_annotate",
			[]middleware.Option{middleware.Annotate(nil)},
			"Annotate needs a function",
		},
		{"header_without_name", []middleware.Option{middleware.Header("")}, `Header("")`},
		{
			"header_with_colon",
			[]middleware.Option{middleware.Header("X-Tenant:")},
			"not the name of a header",
		},
		{"header_host", []middleware.Option{middleware.Header("host")}, "use Subdomain or Domain"},
		{
			"header_forwarded_host",
			[]middleware.Option{middleware.Header("x-forwarded-host")},
			"use Subdomain or Domain",
		},
		{"query_without_name", []middleware.Option{middleware.Query("")}, "Query needs the name"},
		{"base_empty", []middleware.Option{middleware.Subdomain("")}, `Subdomain("")`},
		{
			"base_with_scheme",
			[]middleware.Option{middleware.Subdomain("https://example.com")},
			"no scheme, port",
		},
		{
			"base_with_port",
			[]middleware.Option{middleware.Subdomain("example.com:80")},
			"no scheme, port",
		},
		{
			"base_with_wildcard",
			[]middleware.Option{middleware.Subdomain("*.example.com")},
			`Subdomain("*.example.com")`,
		},
		{
			"base_with_dot_in_front",
			[]middleware.Option{middleware.Subdomain(".example.com")},
			`Subdomain(".example.com")`,
		},
		{
			"base_is_address",
			[]middleware.Option{middleware.Subdomain("127.0.0.1")},
			"no scheme, port, * or address",
		},
		{
			"base_is_ipv6",
			[]middleware.Option{middleware.Subdomain("[::1]")},
			"no scheme, port, * or address",
		},
		{
			"base_twice",
			[]middleware.Option{
				middleware.Subdomain("example.com"), middleware.Subdomain("EXAMPLE.com."),
			},
			"given twice",
		},
		{
			"own_host_is_none",
			[]middleware.Option{middleware.OwnHosts("www.example.com", "")},
			`OwnHosts("")`,
		},
		{"path_empty", []middleware.Option{middleware.Path("")}, `Path("")`},
		{"path_root", []middleware.Option{middleware.Path("/")}, `Path("/")`},
		{
			"path_with_method",
			[]middleware.Option{middleware.Path("GET /{tenant}/")},
			"without method and host",
		},
		{
			"path_with_host",
			[]middleware.Option{middleware.Path("example.com/{tenant}/")},
			"without method and host",
		},
		{
			"path_without_wildcard",
			[]middleware.Option{middleware.Path("/api/tenants/")},
			"one wildcard, not 0",
		},
		{
			"path_with_two_wildcards",
			[]middleware.Option{middleware.Path("/{tenant}/{id}/")},
			"one wildcard, not 2",
		},
		{
			"path_with_rest",
			[]middleware.Option{middleware.Path("/{tenant...}")},
			"stand for one segment",
		},
		{
			"path_with_end",
			[]middleware.Option{middleware.Path("/{tenant}/{$}")},
			"stand for one segment",
		},
		{
			"path_with_nameless",
			[]middleware.Option{middleware.Path("/{}/")},
			"stand for one segment",
		},
		{
			"path_with_half_a_segment",
			[]middleware.Option{middleware.Path("/t-{tenant}/")},
			"each segment must be",
		},
		{
			"path_with_dots",
			[]middleware.Option{middleware.Path("/../{tenant}/")},
			"each segment must be",
		},
		{
			"path_with_double_slash",
			[]middleware.Option{middleware.Path("/api//{tenant}/")},
			"each segment must be",
		},
		{
			"path_encoded",
			[]middleware.Option{middleware.Path("/%61pi/{tenant}/")},
			"each segment must be",
		},
		{
			"proxy_none",
			[]middleware.Option{middleware.TrustProxy()},
			"TrustProxy needs the addresses",
		},
		{
			"proxy_zero",
			[]middleware.Option{middleware.TrustProxy(netip.Prefix{})},
			"name the network",
		},
		{
			"proxy_everybody",
			[]middleware.Option{middleware.TrustProxy(netip.MustParsePrefix("0.0.0.0/0"))},
			"every address",
		},
		{
			"proxy_everybody_ipv6",
			[]middleware.Option{middleware.TrustProxy(netip.MustParsePrefix("::/0"))},
			"every address",
		},
		{"proxy_ipv4_as_ipv6", []middleware.Option{middleware.TrustProxy(
			netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104))}, "written as IPv6"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			requirePanics(t, test.want, func() { middleware.New(directory(), test.options...) })
		})
	}
	requirePanics(t, "needs a directory", func() { middleware.New(nil, claim()) })
}

// requirePanics checks that do panics with a text of this module that contains want.
func requirePanics(t *testing.T, want string, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		require.Contains(t, text, "gormtenant: ")
		require.Contains(t, text, want)
	}()
	do()
}

func TestNamingIsNotBelonging(t *testing.T) {
	t.Parallel()
	free := []struct {
		name   string
		source middleware.Option
	}{
		{`Subdomain("example.com")`, middleware.Subdomain("example.com")},
		{`Domain()`, middleware.Domain()},
		{`Header("X-Tenant-ID")`, middleware.Header("X-Tenant-ID")},
		{`Path("/t/{tenant}/")`, middleware.Path("/t/{tenant}/")},
		{`Query("tenantId")`, middleware.Query("tenantId")},
	}
	for _, test := range free {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			alone := newMiddleware(directory(), test.source)
			requirePanics(t, "middleware."+test.name+" lets clients name any tenant",
				func() { alone.Handler(http.NotFoundHandler()) })
			requirePanics(t, "AnyoneMayNameTheirTenant",
				func() { _, _ = alone.Resolve(request(t, "/")) })

			require.NotPanics(t, func() {
				newMiddleware(directory(), test.source, middleware.AnyoneMayNameTheirTenant()).
					Handler(http.NotFoundHandler())
				newMiddleware(directory(), test.source, claim()).Handler(http.NotFoundHandler())
				alone.Authorize(func(*http.Request, *tenants.Tenant) error { return nil })
				alone.Handler(http.NotFoundHandler())
			})
		})
	}
}

func TestSetUpPanics(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim())
	requirePanics(t, "Handler needs", func() { m.Handler(nil) })
	requirePanics(t, "Authorize needs", func() { m.Authorize(nil) })
	m.Authorize(func(*http.Request, *tenants.Tenant) error { return nil })
	requirePanics(t, "called twice",
		func() { m.Authorize(func(*http.Request, *tenants.Tenant) error { return nil }) })
	requirePanics(t, "LogHandler needs", func() { middleware.LogHandler(nil) })
}

func TestHandlerPutsTheTenantIntoTheContext(t *testing.T) {
	t.Parallel()
	var annotated *tenants.Tenant
	m := newMiddleware(directory(), claim(),
		middleware.Annotate(func(ctx context.Context, tenant *tenants.Tenant) {
			inContext, ok := tenants.FromContext(ctx)
			require.True(t, ok)
			require.Same(t, inContext, tenant)
			annotated = tenant
		}))
	r := request(t, "/", "Authorization", "acme")
	var inside context.Context
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside = r.Context()
	})).ServeHTTP(httptest.NewRecorder(), r)
	require.NotNil(t, inside)
	tenant, ok := tenants.FromContext(inside)
	require.True(t, ok)
	require.Equal(t, "acme", tenant.Slug)
	require.Same(t, tenant, annotated)
	id, err := gormtenant.Require(inside)
	require.NoError(t, err)
	require.Equal(t, "1", id)
	_, ok = tenants.FromContext(r.Context())
	require.False(t, ok, "the request outside is as it was")
}

// The tenant of this request replaces one that is in the context already.
func TestHandlerReplacesTheTenantOfTheContext(t *testing.T) {
	t.Parallel()
	r := request(t, "/", "Authorization", "acme")
	ctx := tenants.NewContext(r.Context(), &tenants.Tenant{ID: "2"})
	_, ids := serve(newMiddleware(directory(), claim()),
		r.WithContext(gormtenant.Unscoped(ctx, "outside")))
	require.Equal(t, []string{"1"}, ids)
}

func TestRefusedRequestsAreNotAnnotated(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim(),
		middleware.Annotate(func(context.Context, *tenants.Tenant) {
			panic("annotated")
		}))
	w, ids := serve(m, request(t, "/", "Authorization", "unpaid"))
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Empty(t, ids)
}

func TestVary(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim(), middleware.Header("x-tenant-id"),
		middleware.Header("X-Org"))
	w, _ := serve(m, request(t, "/", "Authorization", "acme"))
	require.Equal(t, []string{"X-Tenant-Id", "X-Org"}, w.Header().Values("Vary"),
		"also where the header is not there")

	// What the handler, or one in front, adds is there beside it and stays in its own response.
	add := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", r.Method)
	}))
	one, two := httptest.NewRecorder(), httptest.NewRecorder()
	two.Header().Set("Vary", "Origin")
	three := httptest.NewRecorder()
	for _, test := range []struct {
		method string
		w      *httptest.ResponseRecorder
	}{{"GET", one}, {"POST", two}, {"PUT", three}} {
		r := request(t, "/", "Authorization", "acme")
		r.Method = test.method
		add.ServeHTTP(test.w, r)
	}
	require.Equal(t, []string{"X-Tenant-Id", "X-Org", "GET"}, one.Header().Values("Vary"))
	require.Equal(t, []string{"Origin", "X-Tenant-Id", "X-Org", "POST"},
		two.Header().Values("Vary"))
	require.Equal(t, []string{"X-Tenant-Id", "X-Org", "PUT"}, three.Header().Values("Vary"))

	w, _ = serve(newMiddleware(directory(), claim()), request(t, "/", "Authorization", "acme"))
	require.Empty(t, w.Header().Values("Vary"))
}

// net/http closes the connection of a handler that panics; nobody is let in.
func TestPanicsReachTheServer(t *testing.T) {
	t.Parallel()
	panics := lookup(func(context.Context, string) (*tenants.Tenant, error) { panic("directory") })
	var next seen
	handler := newMiddleware(panics, claim()).Handler(&next)
	require.PanicsWithValue(t, "directory", func() {
		handler.ServeHTTP(httptest.NewRecorder(), request(t, "/", "Authorization", "acme"))
	})
	require.Empty(t, next.ids)
}

func TestSetErrorHandler(t *testing.T) {
	t.Parallel()
	m := newMiddleware(directory(), claim(), middleware.Logger(slog.New(slog.DiscardHandler)))
	m.SetErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
		var refused *middleware.Error
		if !errors.As(err, &refused) || !errors.Is(err, tenants.ErrSuspended) {
			t.Errorf("got %v", err)
			return
		}
		http.Error(w, refused.Problem.Title, refused.Problem.Status)
	})
	w, ids := serve(m, request(t, "/", "Authorization", "unpaid"))
	require.Empty(t, ids)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Equal(t, "Tenant suspended\n", w.Body.String())

	m.SetErrorHandler(nil)
	w, _ = serve(m, request(t, "/", "Authorization", "unpaid"))
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}
