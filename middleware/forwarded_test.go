package middleware_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestForwarded(t *testing.T) {
	t.Parallel()
	trusted := middleware.TrustProxy(netip.MustParsePrefix("10.0.3.0/24"))
	for _, test := range []struct {
		name      string
		forwarded []string
		other     string // X-Forwarded-Host
		want      string
	}{
		{"host", []string{"host=globex.example.com"}, "", "globex"},
		{"upper_case", []string{"HOST=Globex.Example.COM"}, "", "globex"},
		{"quoted", []string{`host="globex.example.com"`}, "", "globex"},
		{"quoted_with_port", []string{`host="globex.example.com:8443"`}, "", "globex"},
		{"port_without_quotes", []string{`host=globex.example.com:8443`}, "", "globex"},
		{"quoted_pair", []string{`host="glob\ex.example.com"`}, "", "globex"},
		{
			"among_others",
			[]string{`for="[2001:db8::1]:1";proto=https;host=globex.example.com;by=203.0.113.4`},
			"", "globex",
		},
		{
			"spaces",
			[]string{" for=192.0.2.1 ; host=globex.example.com , for=10.0.0.1"},
			"",
			"globex",
		},
		{"same_twice", []string{"host=globex.example.com, host=globex.example.com"}, "", "globex"},
		{
			"same_in_both_headers",
			[]string{"host=globex.example.com"},
			"globex.example.com",
			"globex",
		},
		{"no_host", []string{"for=192.0.2.1;proto=https"}, "", "acme"},
		{"no_host_beside_the_other", []string{"for=192.0.2.1"}, "globex.example.com", "globex"},
		{"empty_elements", []string{",, host=globex.example.com ,"}, "", "globex"},
		{"empty_parameters", []string{";host=globex.example.com;;proto=http;"}, "", "globex"},
		{
			"word_in_a_value",
			[]string{`for="host=zeta.example.com";host=globex.example.com`},
			"", "globex",
		},
		{
			"comma_in_a_value",
			[]string{`for="a, host=zeta.example.com";host=globex.example.com`},
			"", "globex",
		},
		{"address", []string{`host="[2001:db8::1]:80"`}, "", ""},

		{"two_hosts", []string{"host=globex.example.com, host=acme.example.com"}, "", "malformed"},
		{
			"two_lines",
			[]string{"host=globex.example.com", "host=acme.example.com"},
			"",
			"malformed",
		},
		{
			"twice_in_an_element",
			[]string{"host=globex.example.com;host=globex.example.com"},
			"", "malformed",
		},
		{
			"another_in_the_other_header",
			[]string{"host=globex.example.com"},
			"acme.example.com", "malformed",
		},
		{
			"another_port",
			[]string{`host="globex.example.com:1", host=globex.example.com`},
			"",
			"malformed",
		},
		{"empty_host", []string{"host="}, "", "malformed"},
		{"empty_quoted", []string{`host=""`}, "", "malformed"},
		{"no_value", []string{"host"}, "", "malformed"},
		{"no_name", []string{"=globex.example.com"}, "", "malformed"},
		{"open_quote", []string{`host="globex.example.com`}, "", "malformed"},
		{"open_escape", []string{`host="globex.example.com\`}, "", "malformed"},
		{"behind_a_quote", []string{`host="globex.example.com"x`}, "", "malformed"},
		{"quote_within", []string{`host=glob"ex.example.com"`}, "", "malformed"},
		{"space_before_equals", []string{"host =globex.example.com"}, "", "malformed"},
		{"space_behind_equals", []string{"host= globex.example.com"}, "", "malformed"},
		{"url", []string{`host="http://globex.example.com/"`}, "", "malformed"},
		{"two_words", []string{"host=globex.example.com acme.example.com"}, "", "malformed"},
		{"huge", []string{"host=" + strings.Repeat("a", 1<<20)}, "", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := hostRequest(t, "acme.example.com")
			r.RemoteAddr = "10.0.3.9:1234"
			r.Header["Forwarded"] = test.forwarded
			if test.other != "" {
				r.Header.Set("X-Forwarded-Host", test.other)
			}
			require.Equal(t, test.want, named(t, r, middleware.Subdomain("example.com"), trusted))

			r.RemoteAddr = "10.0.4.9:1234"
			require.Equal(t, "acme", named(t, r, middleware.Subdomain("example.com"), trusted),
				"a stranger's word is nothing")
		})
	}
}

func FuzzForwarded(f *testing.F) {
	for _, value := range []string{
		"host=globex.example.com", `for="a,b";host="x.example.com:1"`, "host=a, host=b", `host="\"`,
		";;,,", `host="a\"b"`, "a=b;c", "host=globex.example.com;;",
	} {
		f.Add(value, value)
		f.Add(value, "")
	}
	m := newMiddleware(mirror(), middleware.Subdomain("example.com"),
		middleware.TrustProxy(netip.MustParsePrefix("10.0.3.0/24")),
		middleware.AnyoneMayNameTheirTenant())
	f.Fuzz(func(t *testing.T, value, other string) {
		r := hostRequest(t, "acme.example.com")
		r.RemoteAddr = "10.0.3.9:1"
		r.Header["Forwarded"] = []string{value}
		if other != "" {
			r.Header["Forwarded"] = append(r.Header["Forwarded"], other)
		}
		// Whatever a tenant is found by stands in the header, or is what Host says.
		got := resolved(t, m, r)
		text := strings.ToLower(strings.ReplaceAll(value+other, `\`, ""))
		if got != "" && got != "acme" && !strings.HasPrefix(got, "xn--") &&
			!strings.Contains(text, got) {
			t.Errorf("%q and %q name %q", value, other, got)
		}
	})
}

// Behind a proxy on the same machine, through a unix socket.
func TestTrustUnixSocket(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "gt") //nolint:usetesting // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	for _, test := range []struct {
		name, network string
		options       []middleware.Option
		want          string
	}{
		{"unix", "unix", []middleware.Option{middleware.TrustUnixSocket()}, "globex"},
		{"unix_that_is_not_trusted", "unix", nil, "acme"},
		{
			"unix_beside_addresses", "unix",
			[]middleware.Option{middleware.TrustProxy(netip.MustParsePrefix("127.0.0.0/8"))},
			"acme",
		},
		{"tcp", "tcp", []middleware.Option{middleware.TrustUnixSocket()}, "acme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:0"
			if test.network == "unix" {
				address = filepath.Join(folder, test.name)
			}
			listener, err := net.Listen(test.network, address)
			require.NoError(t, err)
			m := newMiddleware(mirror(), append(test.options, middleware.Subdomain("example.com"),
				middleware.AnyoneMayNameTheirTenant())...)
			server := httptest.NewUnstartedServer(m.Handler(http.HandlerFunc(
				func(w http.ResponseWriter, r *http.Request) {
					tenant, _ := tenants.FromContext(r.Context())
					_, _ = w.Write([]byte(tenant.ID))
				})))
			require.NoError(t, server.Listener.Close())
			server.Listener = listener
			server.Start()
			t.Cleanup(server.Close)

			client, err := net.Dial(test.network, listener.Addr().String())
			require.NoError(t, err)
			defer func() { _ = client.Close() }()
			_, err = client.Write([]byte("GET / HTTP/1.0\r\nHost: acme.example.com\r\n" +
				"X-Real-IP: @\r\nX-Forwarded-Host: globex.example.com\r\n\r\n"))
			require.NoError(t, err)
			body := make([]byte, 1<<12)
			n := 0
			for {
				read, err := client.Read(body[n:])
				n += read
				if err != nil {
					break
				}
			}
			require.True(t, strings.HasSuffix(string(body[:n]), "\r\n\r\n"+test.want), "%s",
				body[:n])
		})
	}
}

// A host with an underscore, as machines in a network of containers have, names nothing: what else
// names the tenant is believed.
func TestHostWithAnUnderscore(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"my_app", "my_app:8080", "_", "ac_me.example.com", "a_b.globex.org.",
	} {
		r := hostRequest(t, host)
		r.Header.Set("Authorization", "acme")
		m := newMiddleware(directory(), claim(), middleware.Subdomain("example.com"),
			middleware.Domain())
		tenant, err := m.Resolve(r)
		require.NoError(t, err, host)
		require.Equal(t, "1", tenant.ID)
		r.Header.Del("Authorization")
		_, err = m.Resolve(r)
		require.ErrorIs(t, err, middleware.ErrNoTenantNamed, host)
	}
	for _, host := range []string{"my_app:http", "a_b..c", "_-.example.com", "a_b/c", "a_b:1:2"} {
		r := hostRequest(t, host)
		r.Header.Set("Authorization", "acme")
		_, err := newMiddleware(directory(), claim(), middleware.Domain()).Resolve(r)
		require.ErrorIs(t, err, middleware.ErrMalformed, host)
	}
}
