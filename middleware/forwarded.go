package middleware

import (
	"net/http"
	"net/textproto"
	"strings"
)

// The headers in which a proxy says which host its client asked for.
const (
	forwardedHost = "X-Forwarded-Host"
	forwardedKey  = "Forwarded" // RFC 7239
)

// forwardedHosts returns the host that the proxy says its client asked for, in whichever of the
// headers it does. said is false where there is none. Where there are several they must be one.
func forwardedHosts(header http.Header) (host string, said bool, err error) {
	if lines := header[forwardedHost]; len(lines) > 0 {
		var one bool
		if host, one = single(lines); !one {
			return "", false, malformedf("%s has different values, or none", forwardedHost)
		}
		said = true
	}
	for _, line := range header[forwardedKey] {
		for rest := line; ; {
			var element []pair
			var ok bool
			if element, rest, ok = forwardedElement(rest); !ok {
				return "", false, malformedf("%s is not as RFC 7239 has it", forwardedKey)
			}
			for _, p := range element {
				if !strings.EqualFold(p.name, "host") {
					continue
				}
				if p.value == "" || said && !strings.EqualFold(p.value, host) {
					return "", false, malformedf("the proxy names different hosts, or none")
				}
				host, said = p.value, true
			}
			if rest == "" {
				break
			}
			rest = rest[1:] // the comma
		}
	}
	return host, said, nil
}

// pair is a parameter of Forwarded, such as host=example.com.
type pair struct{ name, value string }

// forwardedElement reads what one proxy has written (RFC 7239, section 4: forwarded-element), up to
// the end of s or a comma, with which rest begins then.
func forwardedElement(s string) (pairs []pair, rest string, ok bool) {
	for {
		s = textproto.TrimString(s)
		if s == "" || s[0] == ',' { // an element may be empty: RFC 9110, section 5.6.1.2
			return pairs, s, true
		}
		if s[0] != ';' {
			var p pair
			if p, s, ok = forwardedPair(s); !ok {
				return nil, "", false
			}
			for _, before := range pairs {
				if strings.EqualFold(before.name, p.name) { // RFC 7239: at most once
					return nil, "", false
				}
			}
			pairs = append(pairs, p)
			if s = textproto.TrimString(s); s == "" || s[0] == ',' {
				continue
			}
		}
		if s[0] != ';' {
			return nil, "", false
		}
		s = s[1:]
	}
}

// forwardedPair reads token "=" ( token / quoted-string ). A value that is not quoted may also hold
// what belongs between quotes, such as the colon of a port: proxies write it so.
func forwardedPair(s string) (p pair, rest string, ok bool) {
	end := strings.IndexAny(s, `=;, "`)
	if end <= 0 || s[end] != '=' {
		return pair{}, "", false
	}
	p.name, s = s[:end], s[end+1:]
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";, \t\"")
		if end < 0 {
			end = len(s)
		}
		p.value = s[:end]
		return p, s[end:], true
	}
	var value strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			p.value = value.String()
			return p, s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return pair{}, "", false
			}
			value.WriteByte(s[i])
		default:
			value.WriteByte(c)
		}
	}
	return pair{}, "", false // the quote is not closed
}
