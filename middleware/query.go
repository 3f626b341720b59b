package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Query is the source of tenants in a parameter of the query, as in ?tenantId=acme. Two different
// values are refused with [ErrMalformed], as is an empty one, one that is encoded wrongly, and one
// that is beside a semicolon, which some parsers take for an ampersand.
//
// Clients choose the query, so Query needs a [Claim] or [Middleware.Authorize] beside it.
func Query(name string) Option {
	return optionFunc(func(m *Middleware) error {
		if name == "" {
			return errors.New(`Query needs the name of a parameter, such as "tenantId"`)
		}
		return m.addSource(source{
			name: fmt.Sprintf("Query(%q)", name), free: true,
			find: func(r *http.Request) (string, error) {
				return queryTenant(r.URL.RawQuery, name)
			},
		})
	})
}

// queryTenant returns the value of the parameter name. Unlike url.ParseQuery it allocates nothing
// for a query without it, and drops nothing that names it.
func queryTenant(query, name string) (string, error) {
	found := ""
	for pair := range strings.SplitSeq(query, "&") {
		if strings.Contains(pair, ";") {
			for part := range strings.SplitSeq(pair, ";") {
				if _, ok := parameter(part, name); ok {
					return "", malformedf("the parameter %s is beside a semicolon", name)
				}
			}
			continue
		}
		encoded, ok := parameter(pair, name)
		if !ok {
			continue
		}
		value, err := url.QueryUnescape(encoded)
		if err != nil || value == "" || found != "" && value != found {
			return "", malformedf("the parameter %s has different values, or none", name)
		}
		found = value
	}
	return found, nil
}

// parameter returns the encoded value of pair if its key is name.
func parameter(pair, name string) (value string, ok bool) {
	key, value, _ := strings.Cut(pair, "=")
	if strings.ContainsAny(key, "%+") {
		decoded, err := url.QueryUnescape(key)
		if err != nil {
			return "", false
		}
		key = decoded
	}
	return value, key == name
}
