package tenants_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

func TestValidIdentifier(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		identifier string
		valid      bool
	}{
		{"slug", "acme", true},
		{"domain", "projects.acme.com", true},
		{"uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", true},
		{"one_byte", "a", true},
		{"text_beyond_ascii", "bücher-株式会社", true},
		{"replacement_character", "a\ufffd", true},
		{"spaces_and_quotes_are_text", `a' OR "1"=1 --`, true},
		{"255_bytes", strings.Repeat("a", 255), true},
		{"256_bytes", strings.Repeat("a", 256), false},
		{"256_bytes_in_128_letters", strings.Repeat("ü", 128), false},
		{"a_megabyte", strings.Repeat("a", 1<<20), false},
		{"empty", "", false},
		{"nul", "acme\x00", false},
		{"nul_after_other_text", "ü\x00", false},
		{"line_break", "acme\nlevel=INFO", false},
		{"carriage_return", "acme\r", false},
		{"tab", "ac\tme", false},
		{"escape", "\x1b[2J", false},
		{"delete", "acme\x7f", false},
		{"control_of_latin_1", "acme\u0085", false},
		{"not_utf_8", "acme\xff", false},
		{"half_a_letter", "b\xc3", false},
		{"overlong_slash", "\xc0\xaf", false},
		{"surrogate", "\xed\xa0\x80", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.valid, tenants.ValidIdentifier(test.identifier))
		})
	}
}

func FuzzValidIdentifier(f *testing.F) {
	for _, seed := range []string{
		"", "acme", "ü", "\x00", "\xff", "a\u0085", strings.Repeat("x", 255),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := s != "" && len(s) <= 255 && utf8.ValidString(s) &&
			!strings.ContainsFunc(s, unicode.IsControl)
		require.Equal(t, want, tenants.ValidIdentifier(s))
	})
}
