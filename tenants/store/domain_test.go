package store_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants/store"
)

func TestNormalDomain(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for _, test := range []struct {
		name        string
		given, want string
	}{
		{"plain", "acme.com", "acme.com"},
		{"upper_case", "ACME.Com", "acme.com"},
		{"trailing_dot", "acme.com.", "acme.com"},
		{"two_trailing_dots", "acme.com..", ""},
		{"leading_dot", ".acme.com", ""},
		{"empty_label", "acme..com", ""},
		{"only_dots", "..", ""},
		{"empty", "", ""},
		{"one_label", "acme", ""},
		{"localhost", "localhost", ""},
		{"idn", "bücher.example", "xn--bcher-kva.example"},
		{"idn_upper_case", "BÜCHER.example", "xn--bcher-kva.example"},
		{"idn_in_punycode", "XN--bcher-kva.example", "xn--bcher-kva.example"},
		{"idn_decomposed", "bu\u0308cher.example", "xn--bcher-kva.example"},
		{"idn_of_two_directions", "aא.example", ""},
		{"ideographic_dot", "acme。com", "acme.com"},
		{"full_width_letters", "ａｃｍｅ.com", "acme.com"},
		{"full_width_ip", "１27.0.0.1", ""},
		{"broken_punycode", "xn--a-\x00.com", ""},
		{"punycode_of_ascii", "xn--acme-.com", "acme.com"}, // it says so
		{"punycode_of_punycode", "xn--xn--acme--.com", ""},
		{"punycode_of_nothing", "xn--.com", ""},
		{"hyphens_third_fourth", "v2--site.example.app", "v2--site.example.app"},
		{"hyphen_at_the_end", "a-.com", ""},
		{"leading_hyphen", "-a.com", ""},
		{"trailing_hyphen", "a-.com", ""},
		{"underscore", "_a.com", ""},
		{"wildcard", "*.acme.com", ""},
		{"port", "acme.com:443", ""},
		{"scheme", "https://acme.com", ""},
		{"path", "acme.com/x", ""},
		{"user", "me@acme.com", ""},
		{"query", "acme.com?x", ""},
		{"space", "acme .com", ""},
		{"line_break", "acme.com\n", ""},
		{"nul", "acme.com\x00", ""},
		{"not_utf8", "acme\xff.com", ""},
		{"ipv4", "127.0.0.1", ""},
		{"ipv4_trailing_dot", "127.0.0.1.", ""},
		{"ipv4_short", "127.1", ""},
		{"ipv4_hex", "127.0x1", ""},
		{"ipv6", "[::1]", ""},
		{"ipv6_bare", "::1", ""},
		{"top_level_of_digits", "acme.123", ""},
		{"label_of_digits", "123.com", "123.com"},
		{"zero_width", "ac\u200bme.com", "acme.com"}, // UTS 46 ignores it
		{
			"longest", label + "." + label + "." + label + "." + label[:61],
			label + "." + label + "." + label + "." + label[:61],
		},
		{"too_long", label + "." + label + "." + label + "." + label[:62], ""},
		{"label_too_long", label + "a.com", ""},
		{"label_too_long_in_ascii", strings.Repeat("ü", 60) + ".com", ""},
		{"huge", strings.Repeat("a.", 1<<19) + "com", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, problem := store.NormalDomain(test.given)
			require.Equal(t, test.want == "", problem != "", "%q %s", got, problem)
			if problem == "" {
				require.Equal(t, test.want, got)
			}
			require.Less(t, len(problem), 600)
		})
	}
}

func FuzzNormalDomain(f *testing.F) {
	for _, seed := range []string{
		"acme.com", "bücher.example", "xn--bcher-kva.example", "127.0.0.1", "xn--acme-.com", "a。b",
		"ß.de", "א.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		domain, problem := store.NormalDomain(given)
		if problem != "" {
			return
		}
		again, problem := store.NormalDomain(domain)
		require.Empty(t, problem, domain)
		require.Equal(t, domain, again, "a second time gives something else")
		require.LessOrEqual(t, len(domain), 253)
		require.Contains(t, domain, ".")
		require.Equal(t, strings.ToLower(domain), domain)
		require.Empty(t, store.ProblemOfID(domain), "Lookup would not send it")
		_, err := netip.ParseAddr(domain)
		require.Error(t, err)
	})
}

func FuzzProblemOfSlug(f *testing.F) {
	for _, seed := range []string{"acme", "-a", "a-", "xn--a", "a.b", "A", "é", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, slug string) {
		if store.ProblemOfSlug(slug) != "" {
			return
		}
		require.Empty(t, store.ProblemOfID(slug), "Lookup would not send it")
		domain, problem := store.NormalDomain(slug + ".example.com")
		require.Empty(t, problem)
		require.Equal(t, slug+".example.com", domain)
	})
}
