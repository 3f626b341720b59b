package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Path is the source of tenants in paths. The pattern begins each path that names a tenant, with
// one wildcard in place of the name:
//
//	middleware.Path("/api/tenants/{tenant}/") // acme in /api/tenants/acme/projects
//
// It is compared by whole segments, and a slash at its end makes no difference. Other paths name no
// tenant. Routers disagree on whether a path is decoded before it is matched, and on double slashes
// and dots. A path that names different tenants in these readings, or a tenant in only one, such as
// /api/tenants/acme%2F..%2Fglobex, is therefore refused with [ErrMalformed].
//
// Clients choose the path, so Path needs a [Claim] or [Middleware.Authorize] beside it.
func Path(pattern string) Option {
	return optionFunc(func(m *Middleware) error {
		segments, err := parsePattern(pattern)
		if err != nil {
			return fmt.Errorf("Path(%q): %w", pattern, err)
		}
		return m.addSource(source{
			name: fmt.Sprintf("Path(%q)", pattern), free: true,
			find: func(r *http.Request) (string, error) { return pathTenant(segments, r.URL) },
		})
	})
}

// wildcard stands for {tenant} among the segments of a pattern. No literal segment is empty.
const wildcard = ""

// parsePattern returns the segments of pattern.
func parsePattern(pattern string) ([]string, error) {
	const want = `a pattern such as "/api/tenants/{tenant}/" is needed`
	inner, ok := strings.CutPrefix(strings.TrimSuffix(pattern, "/"), "/")
	if !ok {
		return nil, errors.New(want +
			": a path, without method and host, that is more than a slash")
	}
	segments, wildcards := strings.Split(inner, "/"), 0
	for i, segment := range segments {
		switch name, isWildcard := wildcardName(segment); {
		case isWildcard && (name == "" || name == "$" || strings.HasSuffix(name, "...")):
			return nil, errors.New(want + ": its wildcard must be a name and stand for one segment")
		case isWildcard:
			segments[i] = wildcard
			wildcards++
		case segment == "" || segment == "." || segment == ".." ||
			strings.ContainsAny(segment, "{}%"):
			return nil, errors.New(want +
				": each segment must be {tenant} or plain text, not encoded")
		}
	}
	if wildcards != 1 {
		return nil, fmt.Errorf("%s: it must have one wildcard, not %d", want, wildcards)
	}
	return segments, nil
}

// wildcardName returns what stands between the braces of segment.
func wildcardName(segment string) (string, bool) {
	inner, opened := strings.CutPrefix(segment, "{")
	name, closed := strings.CutSuffix(inner, "}")
	return name, opened && closed && !strings.ContainsAny(name, "{}")
}

// pathTenant returns the tenant that u names, however a router reads its path: decoded, as gin
// does, also cleaned, as gorilla does, or segment by segment as it was sent, as ServeMux and chi
// do.
func pathTenant(segments []string, u *url.URL) (string, error) {
	tenant := matchPath(segments, u.Path)
	if cleaned := cleanPath(u.Path); cleaned != u.Path && matchPath(segments, cleaned) != tenant {
		return "", malformedf("the path names another tenant once it is cleaned")
	}
	if u.RawPath == "" { // it is set where the path was sent in another encoding than the usual one
		return tenant, nil
	}
	for _, sent := range [...]string{u.RawPath, cleanPath(u.RawPath)} {
		if matchEncodedPath(segments, sent) != tenant {
			return "", malformedf("the path names another tenant before it is decoded")
		}
	}
	return tenant, nil
}

// cleanPath is path.Clean for the path of a URL: rooted, and p itself where there is nothing to
// clean but a slash at its end, or where it is no path.
func cleanPath(p string) string {
	if p == "" || p == "*" {
		return p
	}
	if p[0] != '/' { // http.StripPrefix may leave it so
		p = "/" + p
	}
	cleaned := path.Clean(p)
	if len(p) == len(cleaned)+1 && p[len(cleaned)] == '/' && p[:len(cleaned)] == cleaned {
		return p
	}
	return cleaned
}

// matchPath returns the segment of path that the wildcard among segments stands for, "" if path
// does not begin with these segments.
func matchPath(segments []string, path string) string {
	return match(segments, path, func(segment string) string { return segment })
}

// matchEncodedPath is matchPath for a path whose segments are still encoded.
func matchEncodedPath(segments []string, path string) string {
	return match(segments, path, func(segment string) string {
		if decoded, err := url.PathUnescape(segment); err == nil {
			return decoded
		}
		return segment // as ServeMux does; net/http has refused such a path before
	})
}

func match(segments []string, path string, decode func(string) string) string {
	tenant := ""
	rest, more := strings.CutPrefix(path, "/")
	for _, want := range segments {
		if !more {
			return ""
		}
		var got string
		got, rest, more = strings.Cut(rest, "/")
		switch got = decode(got); want {
		case wildcard:
			tenant = got
		case got:
		default:
			return ""
		}
	}
	return tenant
}
