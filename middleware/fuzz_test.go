package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// resolved returns the identifier that m, which asks the mirror, found in r, "" if it was refused.
func resolved(t *testing.T, m *middleware.Middleware, r *http.Request) string {
	t.Helper()
	tenant, err := m.Resolve(r)
	if err != nil {
		if !errors.Is(err, middleware.ErrNoTenantNamed) &&
			!errors.Is(err, middleware.ErrMalformed) && !errors.Is(err, tenants.ErrNotFound) {
			t.Fatalf("an unforeseen error: %v", err)
		}
		return ""
	}
	if id := tenant.ID; id == "" || len(id) > 255 || !utf8.ValidString(id) ||
		strings.ContainsFunc(id, unicode.IsControl) {
		t.Fatalf("the directory was asked for %q", id)
	}
	return tenant.ID
}

func FuzzHost(f *testing.F) {
	for _, test := range hosts {
		f.Add(test.host)
	}
	anyone := middleware.AnyoneMayNameTheirTenant()
	subdomain := newMiddleware(mirror(), middleware.Subdomain("example.com"), anyone)
	domain := newMiddleware(mirror(), middleware.Domain(), anyone)
	f.Fuzz(func(t *testing.T, host string) {
		get := func(host string) *http.Request {
			return &http.Request{Host: host, URL: &url.URL{}, Header: http.Header{}}
		}
		slug, name := resolved(t, subdomain, get(host)), resolved(t, domain, get(host))
		if slug != "" {
			if strings.ContainsAny(slug, ".:[]%@/\\ ") || slug != strings.ToLower(slug) ||
				len(slug) > 63 {
				t.Errorf("%q is no label", slug)
			}
			if name != slug+".example.com" {
				t.Errorf("Subdomain takes %q for %q, Domain for %q", host, slug, name)
			}
		}
		if name == "" {
			return
		}
		// A name means itself, and other spellings of it mean it too.
		for _, same := range []string{
			name, strings.ToUpper(name), name + ".", name + ":443", name + ".:1",
		} {
			if got := resolved(t, domain, get(same)); got != name {
				t.Errorf("%q names %q, but %q names %q", host, name, same, got)
			}
		}
		if got := resolved(t, subdomain, get(name+".example.com")); got != "" {
			t.Errorf("%q below the base names %q", name, got)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/api/tenants/acme/x", "/api/tenants/acme%2F..%2Fglobex/", "/api//tenants/acme",
		"/api/tenants/%61cme/../x",
		"/x/../api/tenants/acme/", "/api/tenants/./acme", "/api%2ftenants/acme", "/api/tenants/%00",
		"*", "",
	} {
		f.Add(path)
	}
	m := newMiddleware(mirror(), middleware.Path("/api/tenants/{tenant}/"),
		middleware.AnyoneMayNameTheirTenant())
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		got := resolved(t, m, &http.Request{URL: u, Header: http.Header{}})
		if strings.Contains(got, "/") || got == "." || got == ".." {
			t.Fatalf("%q is no segment", got)
		}

		// What the two kinds of routers make of the path, unless they redirect it first.
		routed := ""
		mux := http.NewServeMux()
		take := func(_ http.ResponseWriter, r *http.Request) { routed = r.PathValue("tenant") }
		mux.HandleFunc("/api/tenants/{tenant}", take)
		mux.HandleFunc("/api/tenants/{tenant}/", take)
		mux.ServeHTTP(httptest.NewRecorder(),
			&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}})
		if got != "" && routed != "" && got != routed {
			t.Errorf("%q names %q, and ServeMux gives %q to the handler", path, got, routed)
		}
		if rest, ok := strings.CutPrefix(u.Path, "/api/tenants/"); ok && got != "" {
			if segment, _, _ := strings.Cut(rest, "/"); segment != got {
				t.Errorf("%q names %q, and %q once it is decoded", path, got, segment)
			}
		}
	})
}

// readings are what routers, and proxies in front of other servers, may take the path of u for.
func readings(u *url.URL) []string {
	sent := u.RawPath
	if sent == "" {
		sent = u.Path
	}
	all := []string{u.Path, sent, u.EscapedPath()}
	for _, p := range all[:3:3] {
		for range 2 {
			decoded, err := url.PathUnescape(p)
			if err != nil {
				break
			}
			p = decoded
			all = append(all, p)
		}
	}
	for _, p := range all[:len(all):len(all)] {
		all = append(all, path.Clean(p), path.Clean(strings.ReplaceAll(p, `\`, "/")))
	}
	return all
}

func FuzzExcept(f *testing.F) {
	for _, path := range []string{
		"/health", "/%68ealth", "/assets/x", "/%61ssets/x", "/assets/a%20b", "/assets/../x",
		"/assets/%2e%2e/x", "/assets/%252e%252e/x", `/assets/..\x`, "/assets//x", "/assets/a%2Fb",
		"/assets/..%5cx", "/assets/..;/x", "/assets/logo%402x.png", "/assets/100%25", "*",
		"/assets/%", "//assets/x", "/assets/!%41",
	} {
		f.Add(path)
	}
	m := newMiddleware(directory(), claim())
	m.Except("GET /health", "GET /assets/")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		_, ids := serve(m, &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}})
		if len(ids) == 0 {
			return
		}
		for _, reading := range readings(u) {
			if reading != "/health" && reading != "/assets" &&
				!strings.HasPrefix(reading, "/assets/") {
				t.Errorf("%q is let through, and may be read as %q", path, reading)
			}
		}
	})
}

func FuzzIdentifier(f *testing.F) {
	for _, identifier := range []string{
		"acme", "", " ", "a,b", "a\x00b", "\xff", "a\u0085", strings.Repeat("a", 256), "a;b", "%61",
		"a&tenantId=b",
	} {
		f.Add(identifier, identifier)
		f.Add("acme", identifier)
	}
	m := newMiddleware(mirror(), middleware.Header("X-Tenant-ID"), middleware.Query("tenantId"),
		middleware.AnyoneMayNameTheirTenant())
	f.Fuzz(func(t *testing.T, header, query string) {
		// Both sources, and then neither may be the one that is believed against the other.
		r := &http.Request{
			Header: http.Header{"X-Tenant-Id": {header}},
			URL:    &url.URL{RawQuery: "tenantId=" + query},
		}
		tenant, err := m.Resolve(r)
		if errors.Is(err, middleware.ErrDisagree) {
			return
		}
		if err != nil {
			resolved(t, m, r)
			return
		}
		if tenant.ID != strings.Trim(header, " \t\r\n") && !strings.Contains(header, ",") {
			t.Errorf("the header %q names %q", header, tenant.ID)
		}
		if r.URL.Query().Get("tenantId") != tenant.ID {
			t.Errorf("the query %q names %q", query, tenant.ID)
		}
	})
}
