package middleware_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
)

func TestPath(t *testing.T) {
	t.Parallel()
	const pattern = "/api/tenants/{tenant}/"
	for _, test := range []struct{ name, pattern, path, want string }{
		{"tenant", pattern, "/api/tenants/acme/", "acme"},
		{"tenant_and_more", pattern, "/api/tenants/acme/projects/7", "acme"},
		{"no_slash_behind", pattern, "/api/tenants/acme", "acme"},
		{
			"pattern_without_slash_behind", "/api/tenants/{tenant}", "/api/tenants/acme/projects",
			"acme",
		},
		{"first_segment", "/{tenant}/", "/acme/projects", "acme"},
		{"wildcard_in_the_middle", "/t/{id}/api/", "/t/acme/api/projects", "acme"},
		{"wildcard_in_the_middle_and_another_end", "/t/{id}/api/", "/t/acme/apis", ""},
		{"wildcard_in_the_middle_and_no_end", "/t/{id}/api/", "/t/acme", ""},
		{"another_path", pattern, "/api/projects/acme", ""},
		{"pattern_not_at_the_start", pattern, "/x/api/tenants/acme/", ""},
		{"segment_that_begins_so", pattern, "/api/tenantsx/acme/", ""},
		{"case", pattern, "/API/tenants/acme/", ""},
		{"root", pattern, "/", ""},
		{"root_first_segment", "/{tenant}/", "/", ""},
		{"short", pattern, "/api/tenants", ""},
		{"no_name", pattern, "/api/tenants/", ""},
		{"dots_elsewhere", pattern, "/api/x/../y", ""},
		{"well_known", pattern, "/.well-known/acme", ""},
		{"encoded_slash_elsewhere", pattern, "/files/a%2Fb", ""},
		{"encoded_slash_behind", pattern, "/api/tenants/acme/files/a%2Fb", "acme"},
		{"double_slash_behind", pattern, "/api/tenants/acme//projects", "acme"},
		{"dots_behind", pattern, "/api/tenants/acme/x/../y", "acme"},
		{"encoded_letters", pattern, "/api/tenants/%61cme/", "acme"},
		{"encoded_literal", pattern, "/api/%74enants/acme/", "acme"},
		{"encoded_text", pattern, "/api/tenants/b%C3%BCcher/", "bücher"},
		{"encoded_twice", pattern, "/api/tenants/acme%252Fglobex/", "acme%2Fglobex"},

		{
			"encoded_slash_first_and_dots_behind", pattern, "/api%2Ftenants/acme/../../x",
			"malformed",
		},
		{
			"dots_first_and_encoded_dots_behind", pattern, "/x/../api/tenants/acme/%2e%2e/%2e%2e/y",
			"malformed",
		},
		{
			"encoded_slashes_that_dots_take_back", pattern,
			"/api%2Ftenants%2Fapi/../api/tenants/api/", "malformed",
		},
		{"encoded_slash_in_the_name", pattern, "/api/tenants/acme%2Fglobex/", "malformed"},
		{"encoded_slash_in_lower_case", pattern, "/api/tenants/acme%2fglobex/", "malformed"},
		{"encoded_slash_in_front", pattern, "/api/tenants%2Facme/globex/", "malformed"},
		{"encoded_slash_first", pattern, "/api%2Ftenants/acme/", "malformed"},
		{"encoded_dots_in_the_name", pattern, "/api/tenants/acme%2F..%2Fglobex/", "malformed"},
		{"encoded_dots", pattern, "/api/tenants/acme/%2e%2e/globex/", "malformed"},
		{"dots", pattern, "/api/tenants/acme/../globex/", "malformed"},
		{"dots_to_nothing", pattern, "/api/tenants/acme/../../projects", "malformed"},
		{"dots_from_nothing", pattern, "/x/../api/tenants/acme/", "malformed"},
		{"dots_are_no_name", pattern, "/api/tenants/..", "malformed"},
		{"dot_is_no_name", pattern, "/api/tenants/.", "malformed"},
		{"dot_before_the_name", pattern, "/api/tenants/./acme/", "malformed"},
		{"double_slash", pattern, "/api//tenants/acme/", "malformed"},
		{"double_slash_first", pattern, "//api/tenants/acme/", "malformed"},
		{"double_slash_before_the_name", pattern, "/api/tenants//acme/", "malformed"},
		{"nul", pattern, "/api/tenants/acme%00/", "malformed"},
		{"newline", pattern, "/api/tenants/acme%0aglobex/", "malformed"},
		{"no_utf8", pattern, "/api/tenants/%ff%fe/", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u, err := url.ParseRequestURI(test.path)
			require.NoError(t, err)
			if u.Host != "" { // "//api": what ReadRequest makes of it
				u, err = url.ParseRequestURI("http://x" + test.path)
				require.NoError(t, err)
				u.Host, u.Scheme = "", ""
			}
			r := request(t, "/")
			r.URL = u
			require.Equal(t, test.want, named(t, r, middleware.Path(test.pattern)))
		})
	}
}

// What other middleware may have done to the URL.
func TestPathThatIsNoneOfTheClients(t *testing.T) {
	t.Parallel()
	const pattern = "/api/tenants/{tenant}/"
	for _, test := range []struct {
		name, pattern, path, rawPath, want string
	}{
		{
			"raw_path_says_another", pattern, "/api/tenants/acme/", "/api/tenants/globex/",
			"malformed",
		},
		{"raw_path_says_nothing", pattern, "/api/tenants/acme/", "/x", "malformed"},
		{
			"raw_path_encoded_wrongly", pattern, "/api/tenants/acme/", "/api/tenants/%zz/",
			"malformed",
		},
		{"slash_stripped", pattern, "api/tenants/acme/", "", "malformed"},
		{"all_stripped", pattern, "", "", ""},
		{"server_wide", pattern, "*", "", ""},
		{"server_wide_and_any_first_segment", "/{tenant}/", "*", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "/")
			r.Method = http.MethodOptions
			r.URL.Path, r.URL.RawPath = test.path, test.rawPath
			require.Equal(t, test.want, named(t, r, middleware.Path(test.pattern)))
		})
	}
}
