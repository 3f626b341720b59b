package middleware

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// Header is the source of tenants in a request header, such as X-Tenant-ID. Two different values,
// in two lines or separated by commas, are refused with [ErrMalformed], as is an empty one.
// Responses get Vary: a cache that is asked by two tenants for the same URL must not give one the
// answer of the other.
//
// Clients choose their headers, so Header needs a [Claim] or [Middleware.Authorize] beside it.
func Header(name string) Option {
	return optionFunc(func(m *Middleware) error {
		if name == "" || strings.ContainsFunc(name, isNoHeaderByte) {
			return fmt.Errorf("Header(%q): this is not the name of a header", name)
		}
		key := http.CanonicalHeaderKey(name)
		if key == "Host" || key == forwardedHost || key == forwardedKey {
			return fmt.Errorf("Header(%q): use Subdomain or Domain, with TrustProxy behind a proxy",
				name)
		}
		m.vary = append(m.vary, key)
		return m.addSource(source{
			name: fmt.Sprintf("Header(%q)", name), free: true,
			find: func(r *http.Request) (string, error) {
				values := r.Header[key]
				if len(values) == 0 {
					return "", nil
				}
				value, one := single(values)
				if !one {
					return "", malformedf("the header %s has different values, or none", key)
				}
				return value, nil
			},
		})
	})
}

// isNoHeaderByte says that c is none of what names of headers are made of in practice; RFC 9110
// allows some others.
func isNoHeaderByte(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' &&
		c != '_'
}

// single returns the value of a header. ok is false if there are different ones: RFC 9110, section
// 5.3, makes two lines the same as one with a comma. It is false for an empty value too.
func single(values []string) (value string, ok bool) {
	for i, line := range values {
		for rest, more := line, true; more; {
			var element string
			element, rest, more = strings.Cut(rest, ",")
			element = textproto.TrimString(element)
			if first := i == 0 && value == ""; first {
				value = element
			}
			if element == "" || element != value {
				return "", false
			}
		}
	}
	return value, true
}
