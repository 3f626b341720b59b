package middleware

import (
	"net/url"
	"strconv"
	"strings"
)

// oneReading reports whether every reader of the path of u, sent as it was, takes it for the same
// path: a router that decodes it first, as gin does, one that goes by what was sent, as chi and
// echo do, one that cleans it, as ServeMux and gorilla do, and a proxy in front that decodes it
// once more. What it refuses may reach another handler than the path seems to ask for.
func oneReading(u *url.URL) bool {
	if u.RawPath != "" { // or else what was sent is the usual encoding of Path
		if decoded, err := url.PathUnescape(u.RawPath); err != nil || decoded != u.Path {
			return false // something in front has changed one of the two
		}
		if hidesPlain(u.RawPath) {
			return false
		}
	}
	return !hidesPlain(u.Path) && !moves(u.Path)
}

// hidesPlain reports whether path has an escape of what is written as it is, or of what divides a
// path. RFC 3986, section 2.3, calls escapes of unreserved characters the same as these: so some
// readers decode them and others do not. In a path that is decoded it is an escape of an escape.
func hidesPlain(path string) bool {
	for rest, more := path, true; more; {
		_, rest, more = strings.Cut(rest, "%")
		if !more || len(rest) < 2 {
			continue
		}
		escaped, err := strconv.ParseUint(rest[:2], 16, 8)
		if err != nil {
			continue
		}
		if c := byte(escaped); isUnreserved(c) || c == '/' || c == '\\' || c < ' ' ||
			c == 0x7f {
			return true
		}
	}
	return false
}

// moves reports whether the decoded path p is another once it is cleaned: by dots, by doubled
// slashes, or by backslashes, which some take for slashes. A parameter, as in "..;x", does not
// make dots harmless: some take it off first.
func moves(p string) bool {
	if strings.Contains(p, "\\") || strings.Contains(p, "//") {
		return true
	}
	for segment := range strings.SplitSeq(p, "/") {
		if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
			return true
		}
	}
	return strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// isUnreserved reports whether c is unreserved in the sense of RFC 3986, section 2.3.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' ||
		c == '.' || c == '_' || c == '~'
}
