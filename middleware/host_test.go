package middleware_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
)

// hosts are Host headers, and what they name to Subdomain("example.com"), to Domain(), and to both.
var hosts = []struct {
	name, host, subdomain, domain string
}{
	{"slug", "acme.example.com", "acme", "acme.example.com"},
	{"port", "acme.example.com:8080", "acme", "acme.example.com"},
	{"empty_port", "acme.example.com:", "acme", "acme.example.com"},
	{"trailing_dot", "acme.example.com.", "acme", "acme.example.com"},
	{"trailing_dot_and_port", "acme.example.com.:443", "acme", "acme.example.com"},
	{"case", "ACME.Example.COM", "acme", "acme.example.com"},
	{"base", "example.com", "", "example.com"},
	{"base_with_port_and_dot", "EXAMPLE.com.:80", "", "example.com"},
	{"deeper", "a.b.example.com", "unknown", "a.b.example.com"},
	{"deeper_www", "www.acme.example.com", "unknown", "www.acme.example.com"},
	{"outside", "projects.acme.com", "", "projects.acme.com"},
	{"outside_with_same_ending", "acme.notexample.com", "", "acme.notexample.com"},
	{"base_glued_to_a_label", "acmeexample.com", "", "acmeexample.com"},
	{"base_in_front", "example.com.evil.org", "", "example.com.evil.org"},
	{"slug_in_front_of_another", "acme.example.com.evil.org", "", "acme.example.com.evil.org"},
	{"single_label", "acme", "", ""},
	{"localhost", "localhost:8080", "", ""},
	{"none", "", "", ""},
	{
		"longest_label", strings.Repeat("a", 63) + ".example.com", strings.Repeat("a", 63),
		strings.Repeat("a", 63) + ".example.com",
	},
	{"hyphens", "a--b.example.com", "a--b", "a--b.example.com"},

	{"ipv4", "127.0.0.1", "", ""},
	{"ipv4_port", "127.0.0.1:8080", "", ""},
	{"ipv4_short", "127.1", "", ""},
	{"ipv4_number", "2130706433", "", ""},
	{"ipv4_hex", "0x7f.0.0.0x1", "", ""},
	{"ipv4_hex_number", "0X7F000001", "", ""},
	{"ipv4_trailing_dot", "127.0.0.1.", "", ""},
	{"ipv4_full_width", "１２７.0.0.1", "", ""},
	{"ipv6", "[::1]", "", ""},
	{"ipv6_port", "[2001:db8::1]:8080", "", ""},
	{"ipv6_zone", "[fe80::1%25eth0]:80", "", ""},
	{"ipv6_of_ipv4", "[::ffff:127.0.0.1]", "", ""},

	{"idn_on_the_wire", "xn--bcher-kva.example.com", "xn--bcher-kva", "xn--bcher-kva.example.com"},
	{
		"idn_on_the_wire_upper", "XN--BCHER-KVA.example.com", "xn--bcher-kva",
		"xn--bcher-kva.example.com",
	},
	{"idn_as_text", "bücher.example.com", "xn--bcher-kva", "xn--bcher-kva.example.com"},
	{"idn_as_text_upper", "BÜCHER.example.com", "xn--bcher-kva", "xn--bcher-kva.example.com"},
	{"idn_decomposed", "bu\u0308cher.example.com", "xn--bcher-kva", "xn--bcher-kva.example.com"},
	{"idn_dots", "acme\u3002example\uff0ecom", "acme", "acme.example.com"},
	{"idn_root_dot", "acme.example.com\u3002", "acme", "acme.example.com"},
	{"idn_full_width", "ａｃｍｅ.example.com", "acme", "acme.example.com"},
	{"idn_another_alphabet", "аcme.example.com", "xn--cme-5cd", "xn--cme-5cd.example.com"},
	{"idn_of_plain_letters", "xn--acme-.example.com", "malformed", "malformed"},
	{"idn_of_plain_letters_upper", "XN--ACME-.example.com", "malformed", "malformed"},
	{"idn_of_plain_letters_beside_text", "xn--acme-.bücher.example.com", "malformed", "malformed"},
	{"idn_empty", "xn--.example.com", "malformed", "malformed"},
	{"idn_broken", "xn--a-\x80.example.com", "malformed", "malformed"},
	{"idn_not_normal", "xn--a.example.com", "malformed", "malformed"},
	{"idn_deep", "xn--bcher-kva.b.example.com", "unknown", "xn--bcher-kva.b.example.com"},
	{"zero_width_joiner", "ac\u200dme.example.com", "malformed", "malformed"},
	{"soft_hyphen", "ac\u00adme.example.com", "acme", "acme.example.com"},
	{
		"soft_hyphens", "acme" + strings.Repeat("\u00ad", 600) + ".example.com", "malformed",
		"malformed",
	},
	{"right_to_left", "acme\u202e.example.com", "malformed", "malformed"},

	{"two_trailing_dots", "acme.example.com..", "malformed", "malformed"},
	{"leading_dot", ".example.com", "malformed", "malformed"},
	{"empty_label", "acme..example.com", "malformed", "malformed"},
	{"dot", ".", "malformed", "malformed"},
	{"only_port", ":8080", "malformed", "malformed"},
	{"port_no_number", "acme.example.com:http", "malformed", "malformed"},
	{"port_signed", "acme.example.com:+80", "malformed", "malformed"},
	{"port_too_large", "acme.example.com:65536", "malformed", "malformed"},
	{"two_ports", "acme.example.com:80:80", "malformed", "malformed"},
	{"userinfo", "globex@acme.example.com", "malformed", "malformed"},
	{"userinfo_with_port", "globex.example.com:80@acme.example.com", "malformed", "malformed"},
	{"list", "acme.example.com,globex.example.com", "malformed", "malformed"},
	{"space", "acme .example.com", "malformed", "malformed"},
	{"tab", "acme.example.com\t", "malformed", "malformed"},
	{"newline", "acme.example.com\nglobex", "malformed", "malformed"},
	{"nul", "acme\x00.example.com", "malformed", "malformed"},
	{"percent", "%61cme.example.com", "malformed", "malformed"},
	{"slash", "acme.example.com/globex", "malformed", "malformed"},
	{"backslash", `acme\.example.com`, "malformed", "malformed"},
	{"wildcard", "*.example.com", "malformed", "malformed"},
	{"underscore", "ac_me.example.com", "", ""},
	{"hyphen_first", "-acme.example.com", "malformed", "malformed"},
	{"hyphen_last", "acme-.example.com", "malformed", "malformed"},
	{"no_utf8", "acme\xff.example.com", "malformed", "malformed"},
	{"replacement_character", "acme\ufffd.example.com", "malformed", "malformed"},
	{"long_label", strings.Repeat("a", 64) + ".example.com", "malformed", "malformed"},
	{"long_host", strings.Repeat("a.", 127) + "example.com", "malformed", "malformed"},
	{"huge_host", strings.Repeat("ü", 1<<20), "malformed", "malformed"},
	{"ipv6_without_brackets", "2001:db8::1", "malformed", "malformed"},
	{"ipv6_not_closed", "[::1", "malformed", "malformed"},
	{"ipv6_closed_twice", "[::1]]", "malformed", "malformed"},
	{"ipv6_with_name_behind", "[::1].example.com", "malformed", "malformed"},
	{"ipv6_with_bad_port", "[::1]:x", "malformed", "malformed"},
	{"ipv4_in_brackets", "[127.0.0.1]", "malformed", "malformed"},
	{"name_in_brackets", "[acme.example.com]", "malformed", "malformed"},
	{"nothing_in_brackets", "[]", "malformed", "malformed"},
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, test := range hosts {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := hostRequest(t, test.host)
			require.Equal(t, test.subdomain, named(t, r, middleware.Subdomain("example.com")),
				"Subdomain")
			require.Equal(t, test.domain, named(t, r, middleware.Domain()), "Domain")

			both := test.subdomain // Domain leaves hosts under the base to Subdomain
			if both == "" && !strings.EqualFold(strings.Trim(test.host, ".:80"), "example.com") {
				both = test.domain
			}
			require.Equal(t, both,
				named(t, r, middleware.Domain(), middleware.Subdomain("example.com")), "both")
		})
	}
}

func TestSubdomainBases(t *testing.T) {
	t.Parallel()
	two := []middleware.Option{
		middleware.Subdomain("Example.com."), middleware.Subdomain("eu.example.com"),
	}
	longFirst := []middleware.Option{two[1], two[0]}
	for _, test := range []struct {
		name, host, want string
		options          []middleware.Option
	}{
		{
			"localhost", "acme.localhost:8080", "acme",
			[]middleware.Option{middleware.Subdomain("localhost")},
		},
		{
			"localhost_itself", "localhost:8080", "",
			[]middleware.Option{middleware.Subdomain("localhost")},
		},
		{
			"localhost_deeper", "a.b.localhost", "unknown",
			[]middleware.Option{middleware.Subdomain("localhost")},
		},
		{
			"idn_base", "acme.xn--bcher-kva.example", "acme",
			[]middleware.Option{middleware.Subdomain("bücher.example")},
		},
		{"short_of_two_bases", "acme.example.com", "acme", two},
		{"long_of_two_bases", "acme.eu.example.com", "acme", two},
		{"long_of_two_bases_given_first", "acme.eu.example.com", "acme", longFirst},
		{"short_of_two_bases_given_last", "acme.example.com", "acme", longFirst},
		{"long_base_itself_is_no_tenant", "eu.example.com", "", two},
		{"deeper_than_the_long_base", "a.b.eu.example.com", "unknown", two},
		{"own_host", "www.example.com", "", append(two, middleware.OwnHosts("WWW.example.com"))},
		{
			"own_deeper_host", "us.api.example.com:443", "",
			append(two, middleware.OwnHosts("us.api.example.com")),
		},
		{
			"own_host_elsewhere", "api.example.net", "",
			[]middleware.Option{middleware.OwnHosts("api.example.net"), middleware.Domain()},
		},
		{
			"below_an_own_host", "x.www.example.com", "unknown",
			append(two, middleware.OwnHosts("www.example.com")),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, named(t, hostRequest(t, test.host), test.options...))
		})
	}
}

func TestTwoHostsInOneRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		change     func(r *http.Request)
	}{
		{
			"whole_url_and_other_host", "malformed",
			func(r *http.Request) { r.URL.Host = "globex.example.com" },
		},
		{
			"whole_url_and_same_host", "acme",
			func(r *http.Request) { r.URL.Host = "ACME.example.com" },
		},
		{
			"authority_and_other_host", "malformed",
			func(r *http.Request) { r.Header["Host"] = []string{"globex.example.com"} },
		},
		{"authority_and_two_hosts", "malformed", func(r *http.Request) {
			r.Header["Host"] = []string{"acme.example.com", "globex.example.com"}
		}},
		{
			"authority_and_same_host", "acme",
			func(r *http.Request) { r.Header["Host"] = []string{"acme.example.com"} },
		},
		{
			"forwarded_by_a_stranger", "acme",
			func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "globex.example.com") },
		},
		{
			"forwarded_in_another_header", "acme",
			func(r *http.Request) { r.Header.Set("Forwarded", "host=globex.example.com") },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := hostRequest(t, "acme.example.com")
			test.change(r)
			require.Equal(t, test.want, named(t, r, middleware.Subdomain("example.com")))
		})
	}
}

func TestTrustProxy(t *testing.T) {
	t.Parallel()
	trusted := middleware.TrustProxy(
		netip.MustParsePrefix("10.0.3.7/24"), netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("fe80::/10"))
	one := []string{"globex.example.com"}
	for _, test := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"proxy", "10.0.3.9:1234", one, "globex"},
		{"proxy_that_says_nothing", "10.0.3.9:1234", nil, "acme"},
		{"proxy_ipv6", "[2001:db8::7]:1234", one, "globex"},
		{"proxy_ipv4_as_ipv6", "[::ffff:10.0.3.9]:1234", one, "globex"},
		{"proxy_with_zone", "[fe80::1%eth0]:1234", one, "globex"},
		{
			"same_host_twice", "10.0.3.9:1234",
			[]string{"globex.example.com, globex.example.com", "globex.example.com"},
			"globex",
		},
		{"stranger", "10.0.4.9:1234", one, "acme"},
		{"stranger_ipv6", "[2001:db9::7]:1234", one, "acme"},
		{"unix_socket", "@", one, "acme"},
		{"no_address", "", one, "acme"},
		{"address_without_port", "10.0.3.9", one, "acme"},
		{
			"two_lines", "10.0.3.9:1234",
			[]string{"acme.example.com", "globex.example.com"},
			"malformed",
		},
		{"list", "10.0.3.9:1234", []string{"globex.example.com, acme.example.com"}, "malformed"},
		{"list_with_nothing_behind", "10.0.3.9:1234", []string{"globex.example.com,"}, "malformed"},
		{"empty", "10.0.3.9:1234", []string{""}, "malformed"},
		{"no_host", "10.0.3.9:1234", []string{"http://globex.example.com/"}, "malformed"},
		{"deeper", "10.0.3.9:1234", []string{"a.globex.example.com"}, "unknown"},
		{
			"list_of_a_stranger", "10.0.4.9:1234",
			[]string{"globex.example.com, acme.example.com"},
			"acme",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := hostRequest(t, "acme.example.com")
			r.RemoteAddr = test.remote
			for _, value := range test.forwarded {
				r.Header.Add("X-Forwarded-Host", value)
			}
			require.Equal(t, test.want, named(t, r, middleware.Subdomain("example.com"), trusted))
		})
	}
}
