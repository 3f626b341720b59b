package middleware_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		values []string
		want   string
	}{
		{"one", []string{"acme"}, "acme"},
		{"none", nil, ""},
		{"same_twice", []string{"acme", "acme"}, "acme"},
		{"same_in_a_list", []string{"acme, acme"}, "acme"},
		{"spaces_around", []string{" acme\t"}, "acme"},
		{"spaces_within", []string{"ac me"}, "ac me"},
		{"two_lines", []string{"acme", "globex"}, "malformed"},
		{"list", []string{"acme, globex"}, "malformed"},
		{"list_without_space", []string{"acme,globex"}, "malformed"},
		{"nothing_after_the_comma", []string{"acme,"}, "malformed"},
		{"nothing_before_the_comma", []string{",acme"}, "malformed"},
		{"empty", []string{""}, "malformed"},
		{"blank", []string{" \t "}, "malformed"},
		{"empty_line_first", []string{"", "acme"}, "malformed"},
		{"empty_line_last", []string{"acme", ""}, "malformed"},
		{"case_differs", []string{"acme", "ACME"}, "malformed"},
		{"nul", []string{"acme\x00"}, "malformed"},
		{"escape", []string{"acme\x1b[2J"}, "malformed"},
		{"newline", []string{"acme\r\nX-Role: admin"}, "malformed"},
		{"delete", []string{"acme\x7f"}, "malformed"},
		{"c1_control", []string{"acme\u0085"}, "malformed"},
		{"no_utf8", []string{"acme\xff"}, "malformed"},
		{"longest", []string{strings.Repeat("a", 255)}, strings.Repeat("a", 255)},
		{"too_long", []string{strings.Repeat("a", 256)}, "malformed"},
		{"huge", []string{strings.Repeat("a", 1<<20)}, "malformed"},
		// The directory's to look up, as a value.
		{"sql", []string{"acme' OR '1'='1"}, "acme' OR '1'='1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "/")
			r.Header["X-Tenant-Id"] = test.values
			require.Equal(t, test.want, named(t, r, middleware.Header("x-tenant-ID")))
		})
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, query, want string }{
		{"one", "tenantId=acme", "acme"},
		{"among_others", "a=1&tenantId=acme&b=2", "acme"},
		{"none", "", ""},
		{"other_names", "tenantID=acme&tenantIdx=acme&xtenantId=acme&tenantId[]=acme", ""},
		{"same_twice", "tenantId=acme&tenantId=acme", "acme"},
		{"encoded_value", "tenantId=%61cme", "acme"},
		{"encoded_name", "tenant%49d=acme", "acme"},
		{"same_twice_encoded_and_not", "tenantId=acme&tenant%49d=%61cme", "acme"},
		{"plus", "tenantId=ac+me", "ac me"},
		{"equals_in_the_value", "tenantId=a=b", "a=b"},
		{"semicolon_elsewhere", "q=a;b&tenantId=acme", "acme"},
		{"broken_elsewhere", "q=100%&tenantId=acme", "acme"},
		{"broken_name_elsewhere", "%zz=1&tenantId=acme", "acme"},
		{"only_semicolons_elsewhere", "q=a;b", ""},
		{"two", "tenantId=acme&tenantId=globex", "malformed"},
		{"two_encoded", "tenantId=acme&tenant%49d=globex", "malformed"},
		{"semicolon_between", "tenantId=acme;tenantId=globex", "malformed"},
		{"semicolon_hides_one", "tenantId=acme&x=1;tenantId=globex", "malformed"},
		{"semicolon_in_the_value", "tenantId=acme;x", "malformed"},
		{"empty", "tenantId=", "malformed"},
		{"without_equals", "tenantId", "malformed"},
		{"empty_and_one", "tenantId=&tenantId=acme", "malformed"},
		{"broken", "tenantId=%zz", "malformed"},
		{"broken_and_one", "tenantId=%zz&tenantId=acme", "malformed"},
		{"nul", "tenantId=acme%00", "malformed"},
		{"no_utf8", "tenantId=%ff", "malformed"},
		{"too_long", "tenantId=" + strings.Repeat("a", 256), "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "/")
			r.URL = &url.URL{Path: "/", RawQuery: test.query}
			require.Equal(t, test.want, named(t, r, middleware.Query("tenantId")))
		})
	}
}

// A form in the body is no query.
func TestQueryIsNotTheBody(t *testing.T) {
	t.Parallel()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/?tenantId=acme",
		strings.NewReader("tenantId=globex"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, "acme", named(t, r, middleware.Query("tenantId")))
	require.Equal(t, "globex", r.PostFormValue("tenantId"),
		"the body is still there for the handler")
}
