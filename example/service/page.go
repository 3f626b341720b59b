package service

import (
	"bytes"
	"embed"
	"net"
	"net/http"
	"time"
)

//go:embed page/index.html page/page.js page/page.css
var files embed.FS

// policy lets the page load its own files and call this server, by all its names, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; " +
	"connect-src 'self' http://*.localhost:*; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// page serves the page of the demonstration.
func (d *demo) page(open func(pattern string, handler http.Handler)) {
	for pattern, name := range map[string]string{
		"GET /{$}": "index.html", "GET /page.js": "page.js", "GET /page.css": "page.css",
	} {
		content, err := files.ReadFile("page/" + name)
		if err != nil { // never: it is in the program
			panic(err)
		}
		open(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Security-Policy", policy)
			header.Set("X-Content-Type-Options", "nosniff")
			header.Set("Referrer-Policy", "no-referrer")
			header.Set("Cache-Control", "no-cache")
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
		}))
	}
}

// pageOrigin is where the page is, seen from a request to the server: on the same port of
// localhost.
func pageOrigin(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "http://" + baseDomain
	}
	return "http://" + net.JoinHostPort(baseDomain, port)
}
