package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// identity is who a token was given to.
type identity struct {
	tenant string // ID
	user   uint
}

// tokens signs and verifies the tokens of users: JWTs with HS256.
type tokens struct {
	secret   []byte
	lifetime time.Duration
}

// issuer and audience say what a token is for: another service that has the same secret gives
// tokens that are of no use here.
const (
	issuer   = "gormtenant-example"
	audience = "gormtenant-example/api"
)

// claims are in a token: "iss", "aud", "tenant", "sub" (the user), "iat" and "exp".
type claims struct {
	Tenant string `json:"tenant"`
	jwt.RegisteredClaims
}

func (t tokens) issue(who identity) (token string, expires time.Time, err error) {
	now := time.Now()
	expires = now.Add(t.lifetime)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{who.tenant, jwt.RegisteredClaims{
		Issuer:    issuer,
		Audience:  jwt.ClaimStrings{audience},
		Subject:   strconv.FormatUint(uint64(who.user), 10),
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(expires),
	}}).SignedString(t.secret)
	return token, expires, err
}

// verify returns whose token it is. The algorithm is ours to choose, not the token's: one that says
// "none" is as bad as one that was signed with another secret.
func (t tokens) verify(token string) (identity, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.secret, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience))
	if err != nil {
		return identity{}, err
	}
	user, err := strconv.ParseUint(c.Subject, 10, strconv.IntSize-1)
	if err != nil || user == 0 || c.Tenant == "" {
		return identity{}, errors.New("the token names no user of a tenant")
	}
	return identity{c.Tenant, uint(user)}, nil
}

// bearer returns the token of a request, "" if there is none.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	kind, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(kind, "Bearer") || token == "" {
		return "", errors.New("the header Authorization is not of the form: Bearer <token>")
	}
	return token, nil
}

// session is what authenticate found out about a request.
type session struct {
	identity
	err error // why nobody is logged in
}

type sessionKey struct{}

var errNoToken = errors.New("the request has no token")

// authenticate verifies the token of each request, once. It refuses none: some need no token.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var found session
		token, err := bearer(r)
		switch {
		case err != nil:
			found.err = err
		case token == "":
			found.err = errNoToken
		default:
			found.identity, found.err = s.tokens.verify(token)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, found)))
	})
}

// sessionOf returns what authenticate found out.
func sessionOf(ctx context.Context) session {
	found, ok := ctx.Value(sessionKey{}).(session)
	if !ok {
		return session{err: errNoToken}
	}
	return found
}

// claimedTenant is the middleware's source of tenants that vouches for them.
func claimedTenant(r *http.Request) (string, error) {
	found := sessionOf(r.Context())
	if found.err != nil {
		return "", fmt.Errorf("not logged in: %w", found.err)
	}
	return found.tenant, nil
}
