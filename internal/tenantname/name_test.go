package tenantname_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

func TestName(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"acme":                                 "tenant_acme",
		"a-b":                                  "tenant_a-b",
		"a_b":                                  "tenant_a_b",
		"42":                                   "tenant_42",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8": "tenant_6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"public":                               "tenant_public",
		"ACME":                                 "tenant_acme.",
		`a"; DROP SCHEMA public; --`:           "tenant_a___drop_schema_public_.",
		"../../etc/passwd":                     "tenant_______etc_passwd.",
		"münchen":                              "tenant_m_nchen.",
		strings.Repeat("x", 255):               "tenant_" + strings.Repeat("x", 23) + ".",
	} {
		name, err := tenantname.Name(id)
		require.NoError(t, err, id)
		require.True(t, strings.HasPrefix(name, want), "%q is %q", id, name)
		if !strings.HasSuffix(want, ".") {
			require.Equal(t, want, name)
		}
	}
}

func TestName_refuses(t *testing.T) {
	t.Parallel()
	_, err := tenantname.Name("")
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	for name, id := range map[string]string{
		"long": strings.Repeat("x", 300), "nul": "a\x00b",
		"no_utf8": "a\xff",
	} {
		_, err := tenantname.Name(id)
		require.ErrorIs(t, err, gormtenant.ErrInvalidID, name)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tenant_acme", "Acme", "a b", `a"b`, "a.b", "münchen"} {
		require.NoError(t, tenantname.CheckName(name), name)
	}
	for _, name := range []string{
		"", "public", "PUBLIC", "pg_temp", "Pg_catalog", "information_schema", "postgres",
		"template1", "a\x00b", "a\xff",
		strings.Repeat("x", 64), "../a", "a/b", `a\b`, "..", ".", "a.", " a",
	} {
		require.Error(t, tenantname.CheckName(name), name)
	}
}

// FuzzName looks for two tenants that would share what is one's.
func FuzzName(f *testing.F) {
	f.Add("a-b", "a_b")
	f.Add("Acme", "acme")
	f.Add("acme", "acme ")
	f.Add("x.y", "x_y")
	for _, id := range []string{"ACME", strings.Repeat("x", 60)} { // an ID that is another's name
		name, _ := tenantname.Name(id)
		f.Add(id, strings.TrimPrefix(name, "tenant_"))
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		first, err := tenantname.Name(a)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(first), 63)
		require.NoError(t, tenantname.CheckName(first))
		require.Equal(t, first, filepath.Base(filepath.Clean(first)))
		require.Equal(t, first, strings.ToLower(first))
		if second, err := tenantname.Name(b); err == nil && a != b {
			require.NotEqual(t, first, second)
		}
	})
}
