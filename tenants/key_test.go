package tenants_test

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		id    any
		parts []string
		want  string
	}{
		{"plain", "acme", []string{"invoices", "17.pdf"}, "acme/invoices/17.pdf"},
		{"tenant_alone", "acme", nil, "acme"},
		{"number", 7, []string{"x"}, "7/x"},
		{
			"uuid", uuid.MustParse("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"),
			[]string{"x"},
			"6ba7b810-9dad-11d1-80b4-00c04fd430c8/x",
		},
		{"slash_in_the_tenant", "acme/invoices", []string{"17"}, "acme%2finvoices/17"},
		{"slash_in_a_part", "acme", []string{"invoices/17"}, "acme/invoices%2f17"},
		{"up", "acme", []string{"..", "zeta", "."}, "acme/%2e%2e/zeta/%2e"},
		{"hidden", "acme", []string{".env", "x."}, "acme/%2eenv/x%2e"},
		{"empty", "acme", []string{"", ""}, "acme/~/~"},
		{"tilde", "acme", []string{"~"}, "acme/%7e"},
		{"percent", "acme", []string{"%2e"}, "acme/%252e"},
		{"capitals", "Acme", []string{"A"}, "%41cme/%41"},
		{"bytes", "acme", []string{"é\x00\xff:*"}, "acme/%c3%a9%00%ff%3a%2a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := tenants.Key(gormtenant.WithTenant(t.Context(), test.id), test.parts...)
			require.NoError(t, err)
			require.Equal(t, test.want, key)
		})
	}
}

func TestKey_without_a_tenant(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		is   error
	}{
		{"none", t.Context(), gormtenant.ErrNoTenant},
		{"empty", gormtenant.WithTenant(t.Context(), ""), gormtenant.ErrNoTenant},
		{
			"unscoped", gormtenant.Unscoped(gormtenant.WithTenant(t.Context(), "acme"), "a report"),
			gormtenant.ErrNoTenant,
		},
		{
			"no_text", gormtenant.WithTenant(t.Context(), struct{ A, B int }{1, 2}),
			gormtenant.ErrInvalidID,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			key, err := tenants.Key(test.ctx, "x")
			require.ErrorIs(t, err, test.is)
			require.Empty(t, key)
		})
	}
}

// No two lists of parts have one key, in any case, and no key leaves the tenant's directory.
func FuzzKey(f *testing.F) {
	for _, seed := range []string{
		"", "a", "A", "a/b", "..", "a/../b", "%2e", "~", "é", "\x00", "a.",
	} {
		f.Add(seed, "b", "a", seed)
	}
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		ctx := gormtenant.WithTenant(t.Context(), "acme")
		key := func(parts ...string) string {
			key, err := tenants.Key(ctx, parts...)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(key, "acme"))
			require.Equal(t, path.Clean(key), key)
			require.Equal(t, strings.ToLower(key), key)
			return key
		}
		require.Equal(t, a == c && b == d, key(a, b) == key(c, d))
		require.Equal(t, a == c, key(a) == key(c))
		require.NotEqual(t, key(a, b), key(a))
	})
}
