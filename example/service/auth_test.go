package service_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

func TestRegister_and_log_in(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url})
		nobody := s.as("")
		login := func(tenant, user, password string) got {
			body, err := json.Marshal(map[string]string{
				"tenant": tenant, "user": user, "password": password,
			})
			require.NoError(t, err)
			return nobody.do("POST", "/auth/login", string(body))
		}
		// And remembered.
		require.Equal(t, http.StatusUnauthorized, login("acme", "ann", "correct horse").status)
		registered := s.register("acme")
		s.register("globex")
		require.JSONEq(t, `{"id": 1, "name": "ann"}`, registered.do("GET", "/api/me", "").body)

		good := login("acme", "ann", "correct horse")
		require.Equal(t, http.StatusOK, good.status, good.body)
		require.Equal(t, http.StatusOK,
			s.as(field[string](t, good, "token")).do("GET", "/api/me", "").status)

		require.Equal(t, http.StatusCreated,
			registered.do("POST", "/api/users", `{"user": "bob", "password": "battery staple"}`).
				status)
		require.Equal(t, http.StatusOK, login("acme", "bob", "battery staple").status)
		require.Equal(t, http.StatusConflict,
			registered.do("POST", "/api/users", `{"user": "bob", "password": "battery staple"}`).
				status)

		wrong := login("acme", "ann", "battery staple")
		require.Equal(t, http.StatusUnauthorized, wrong.status)
		for _, test := range []struct {
			name string
			same got
		}{
			{"unknown_tenant", login("initech", "ann", "correct horse")},
			{"hostile_tenant", login("acme\x00", "ann", "correct horse")},
			{"no_tenant", login("", "ann", "correct horse")},
			{"unknown_user", login("acme", "carol", "correct horse")},
			{"user_of_another_tenant", login("globex", "bob", "battery staple")},
			{"no_user", login("acme", "", "correct horse")},
			{"hostile_user", login("acme", "ann\x00", "correct horse")},
			{"like_pattern", login("acme", "%", "correct horse")},
			{"no_password", login("acme", "ann", "")},
			{"password_of_another_of_acme", login("acme", "bob", "correct horse")},
		} {
			require.Equal(t, wrong.status, test.same.status, test.name)
			require.Equal(t, wrong.body, test.same.body, test.name)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	s := newServer(t, service.Config{Secret: secret, Demo: true})
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return token
	}
	later, earlier := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	const issuer, audience = "gormtenant-example", "gormtenant-example/api"
	right := jwt.MapClaims{
		"iss": issuer, "aud": audience, "tenant": "demo-acme", "sub": "1", "exp": later,
	}
	with := func(name string, value any) string {
		claims := maps.Clone(right)
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return "Bearer " + sign(jwt.SigningMethodHS256, secret, claims)
	}
	valid := sign(jwt.SigningMethodHS256, secret, right)
	parts := strings.Split(valid, ".")
	for _, test := range []struct {
		name, header string
		status       int
	}{
		{"valid", "Bearer " + valid, http.StatusOK},
		{"valid_in_lower_case", "bearer " + valid, http.StatusOK},
		{"none", "", http.StatusUnauthorized},
		{"empty", "Bearer ", http.StatusUnauthorized},
		{"basic", "Basic YTpi", http.StatusUnauthorized},
		{"garbage", "Bearer a.b.c", http.StatusUnauthorized},
		{
			"algorithm_none",
			"Bearer " + sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, right),
			http.StatusUnauthorized,
		},
		{
			"other_secret",
			"Bearer " + sign(jwt.SigningMethodHS256, []byte(strings.Repeat("t", 32)), right),
			http.StatusUnauthorized,
		},
		{
			"empty_secret", "Bearer " + sign(jwt.SigningMethodHS256, []byte{}, right),
			http.StatusUnauthorized,
		},
		{
			"other_algorithm", "Bearer " + sign(jwt.SigningMethodHS512, secret, right),
			http.StatusUnauthorized,
		},
		{"no_signature", "Bearer " + parts[0] + "." + parts[1] + ".", http.StatusUnauthorized},
		{
			"signature_of_another",
			strings.Split(with("tenant", "demo-globex"), ".")[0] + "." +
				strings.Split(with("tenant", "demo-globex"), ".")[1] + "." + parts[2],
			http.StatusUnauthorized,
		},
		{"expired", with("exp", earlier), http.StatusUnauthorized},
		{"never_expires", with("exp", nil), http.StatusUnauthorized},
		{"no_issuer", with("iss", nil), http.StatusUnauthorized},
		{"issuer_of_another_service", with("iss", "billing"), http.StatusUnauthorized},
		{"no_audience", with("aud", nil), http.StatusUnauthorized},
		{"audience_of_another_service", with("aud", "billing/api"), http.StatusUnauthorized},
		{"no_tenant", with("tenant", nil), http.StatusUnauthorized},
		{"no_user", with("sub", nil), http.StatusUnauthorized},
		{"user_is_no_number", with("sub", "1 OR 1=1"), http.StatusUnauthorized},
		{"user_of_another_tenant", with("sub", "3"), http.StatusForbidden},
		{"user_that_is_gone", with("sub", "99"), http.StatusForbidden},
		{"tenant_that_is_gone", with("tenant", "demo-initech"), http.StatusNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/api/me", nil)
			require.NoError(t, err)
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			response, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode)
			if test.status != http.StatusOK {
				require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
			}
		})
	}
}

func TestSubdomain(t *testing.T) {
	t.Parallel()
	s := newServer(t, service.Config{Demo: true})
	acme, globex := s.session()
	for _, test := range []struct {
		name, host string
		who        client
		status     int
	}{
		{"no_subdomain", "localhost:8080", acme, http.StatusOK},
		{"own", "acme.localhost:8080", acme, http.StatusOK},
		{"own_in_upper_case", "ACME.localhost:8080", acme, http.StatusOK},
		{"of_the_other", "globex.localhost:8080", acme, http.StatusForbidden},
		{"of_the_other_the_other_way_round", "acme.localhost", globex, http.StatusForbidden},
		{"of_nobody", "initech.localhost:8080", acme, http.StatusNotFound},
		{"deeper", "acme.globex.localhost:8080", acme, http.StatusNotFound},
		{"without_token", "globex.localhost:8080", s.as(""), http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			who := test.who
			who.host = test.host
			got := who.do("GET", "/api/projects", "")
			require.Equal(t, test.status, got.status, got.body)
			if test.status != http.StatusOK {
				require.NotContains(t, strings.ToLower(got.body), "merger")
			}
		})
	}
}

// Slugs become host names, and are printed in pages and logs.
func TestRegister_refuses_hostile_slugs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url})
		for _, test := range []struct {
			name string
			slug string
		}{
			{"empty", ""},
			{"space", " "},
			{"upper_case", "Acme"},
			{"dot", "a.b"},
			{"reserved", "admin"},
			{"localhost", "localhost"},
			{"too_long", strings.Repeat("a", 64)},
			{"huge", strings.Repeat("a", 10_000)},
			{"full_width", "ａcme"},
			{"nul", `acme\u0000`},
			{"line_break", `acme\nglobex`},
			{"traversal", "../globex"},
			{"slash", "a/b"},
			{"percent", "a%2fb"},
			{"quote", `a'b`},
			{"sql", `a'; DROP TABLE projects; --`},
			{"markup", "<script>"},
			{"hyphen_first", "-a"},
			{"hyphen_last", "a-"},
			{"emoji", "🙂"},
			{"right_to_left", `\u202eacme`},
			{"half_a_surrogate", `\ud800`},
			{"punycode", "xn--a"},
		} {
			got := s.as("").do("POST", "/auth/register",
				`{"tenant": "`+test.slug+
					`", "name": "x", "user": "ann", "password": "correct horse"}`)
			require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", test.name, got.body)
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
		}
		require.JSONEq(t, `{"tenants": []}`, s.as(adminToken).do("GET", "/admin/usage", "").body)
	})
}

func TestRegister_in_a_race(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := newServer(t, service.Config{DatabaseURL: url})
		const clients = 20
		answers := make([]got, clients)
		errs := make([]error, clients)
		var wait sync.WaitGroup
		for i := range clients {
			wait.Go(func() {
				answers[i], errs[i] = s.as("").send(t.Context(), "POST", "/auth/register",
					fmt.Sprintf(
						`{"tenant": "acme", "name": "x", "user": "user%d", "password": "correct `+
							`horse"}`, i))
			})
		}
		wait.Wait()
		won := -1
		for i, answer := range answers {
			require.NoError(t, errs[i])
			if answer.status == http.StatusCreated {
				require.Equal(t, -1, won, "two won")
				won = i
				continue
			}
			require.Equal(t, http.StatusConflict, answer.status, answer.body)
		}
		require.NotEqual(t, -1, won)
		// And those who lost have left nothing behind.
		winner := s.as(field[string](t, answers[won], "token"))
		require.JSONEq(t,
			fmt.Sprintf(`{"users":[{"id":%d,"name":"user%d"}]}`,
				field[int](t, winner.do("GET", "/api/me", ""), "id"), won),
			winner.do("GET", "/api/users", "").body)
		require.Contains(t, s.as(adminToken).do("GET", "/admin/usage", "").body,
			`"rows":{"users":1}`)
	})
}
