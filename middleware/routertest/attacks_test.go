package routertest_test

import (
	"fmt"
	"slices"
	"strings"
)

// attacks are requests, as "method target", that some reader may take for one that needs no tenant
// and another reader for one that does.
func attacks() []string {
	var all []string
	for _, open := range []string{
		"GET /health", "HEAD /health", "POST /auth/login", "GET /assets/x", "GET /assets/css/site.css",
		"POST /hooks/stripe",
	} {
		method, path, _ := strings.Cut(open, " ")
		for _, spelling := range spellings(path) {
			all = append(all, method+" "+spelling)
		}
	}
	for _, private := range []string{"projects", "projects/7", "admin"} {
		for _, start := range []string{"/assets/", "/assets/x/", "/health/", "/hooks/"} {
			for _, up := range ups() {
				all = append(all, "GET "+start+up+private, "GET "+start+up+up+private)
			}
		}
		for _, start := range []string{"/", "//", "/./", "/%2e/", "/%2f", `/\`, "/%5c", "/.;/"} {
			all = append(all, "GET "+start+private)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ups are ways to leave a folder.
func ups() []string {
	var all []string
	for _, dots := range []string{
		"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "..;x=y", "..%3B", "..%00", ".%09.",
	} {
		for _, slash := range []string{"/", "%2f", "%2F", `\`, "%5c", "%5C", "%252f", "//", "/./"} {
			all = append(all, dots+slash)
		}
	}
	return all
}

// spellings are other ways to write path: each of its characters escaped, and what a reader that
// cleans takes away.
func spellings(path string) []string {
	var all []string
	for i := range len(path) {
		before, c, behind := path[:i], path[i], path[i+1:]
		all = append(all,
			fmt.Sprintf("%s%%%02x%s", before, c, behind),
			fmt.Sprintf("%s%%%02X%s", before, c, behind),
			fmt.Sprintf("%s%%25%02x%s", before, c, behind))
		if c == '/' {
			for _, slash := range []string{
				"//", "/./", "/%2e/", `\`, `/\`, `\/`, "/x/../", "/x/%2e%2e/", "/%2f", "/;/", "/.;/",
				"%5c", "/x/..%2f", "/%00/",
			} {
				all = append(all, before+slash+behind)
			}
		}
	}
	for _, end := range []string{
		"/", "//", "/.", "/..", "/%2e", "%2f", "%2F..", `\`, "%5c", ";", ";x=y", "%3b", "%00", "%20", "?",
		"??x", "%3f", "#", "%23", ".", "%2e", "/%2e%2e",
	} {
		all = append(all, path+end)
	}
	var escaped strings.Builder
	for _, c := range []byte(path[1:]) {
		fmt.Fprintf(&escaped, "%%%02x", c)
	}
	return append(all, "/"+escaped.String(), "http://example.com"+path, "http://example.com/"+path,
		strings.ToUpper(path))
}
