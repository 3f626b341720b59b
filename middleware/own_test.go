package middleware_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/middleware"
)

// keyPrefix is a source of an application's own: acme in X-API-Key: acme.4711.
func keyPrefix(r *http.Request) (string, error) {
	key := r.Header.Get("X-API-Key")
	tenant, _, ok := strings.Cut(key, ".")
	if key != "" && !ok {
		return "", errors.New("the key has no dot")
	}
	return tenant, nil
}

func TestSource(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, key, want string }{
		{"tenant", "acme.4711", "acme"},
		{"none", "", ""},
		{"empty", ".4711", ""},
		{"error", "acme", "malformed"},
		{"no_text", "ac\x00me.4711", "malformed"},
		{"too_long", strings.Repeat("a", 256) + ".4711", "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "/", "X-API-Key", test.key)
			require.Equal(t, test.want, named(t, r, middleware.Source("the key", keyPrefix)))
		})
	}
}

// A source vouches only where it says so.
func TestSourceDoesNotVouch(t *testing.T) {
	t.Parallel()
	free := newMiddleware(directory(), middleware.Source("the key", keyPrefix))
	requirePanics(t, `Source("the key") lets clients name any tenant`, func() {
		free.Handler(http.NotFoundHandler())
	})

	beside := newMiddleware(directory(), claim(), middleware.Source("the key", keyPrefix))
	_, err := beside.Resolve(request(t, "/", "X-API-Key", "acme.4711"))
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	_, err = beside.Resolve(request(t, "/", "X-API-Key", "acme.1", "Authorization", "personal"))
	require.ErrorIs(t, err, middleware.ErrNotAuthorized)
	require.ErrorContains(t, err, `Source("the key")`)
	_, err = beside.Resolve(request(t, "/", "X-API-Key", "acme.1", "Authorization", "globex"))
	require.ErrorIs(t, err, middleware.ErrDisagree)
	tenant, err := beside.Resolve(request(t, "/", "X-API-Key", "acme.1", "Authorization", "acme"))
	require.NoError(t, err)
	require.Equal(t, "1", tenant.ID)

	vouching := newMiddleware(directory(), middleware.VouchingSource("the key", keyPrefix))
	tenant, err = vouching.Resolve(request(t, "/", "X-API-Key", "1.4711"))
	require.NoError(t, err)
	require.Equal(t, "1", tenant.ID)
	_, err = vouching.Resolve(request(t, "/", "X-API-Key", "forged"))
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
}

func TestSourcePanics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		option middleware.Option
		want   string
	}{
		{"no_name", middleware.Source("", keyPrefix), "middleware.Source needs a name"},
		{"no_function", middleware.Source("x", nil), `middleware.Source("x") needs a function`},
		{
			"vouching_no_name", middleware.VouchingSource("", keyPrefix),
			"middleware.VouchingSource needs a name",
		},
		{
			"vouching_no_function", middleware.VouchingSource("x", nil),
			`middleware.VouchingSource("x") needs a function`,
		},
		{"no_claim", middleware.ClaimSlug(nil), "middleware.ClaimSlug needs a function"},
		{"forwarded", middleware.Header("forwarded"), "use Subdomain or Domain, with TrustProxy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			requirePanics(t, test.want, func() { newMiddleware(directory(), test.option) })
		})
	}
}
