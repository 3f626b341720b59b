package middleware

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Problem is an answer as RFC 9457 (Problem Details for HTTP APIs) has it.
type Problem struct {
	// Type tells the kinds of refusal apart, for programs: the address of the documentation of the
	// error that [Middleware.Resolve] returned.
	Type string `json:"type"`
	// Title and Detail are for people: the first names the kind, the second says what to do.
	Title string `json:"title"`
	// Status is the HTTP status of the answer.
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// retryAfter is how long a client is asked to wait while the directory fails: long enough for a
// database to fail over or a pool to drain, short enough for a person to try again.
const retryAfter = 5 * time.Second

const (
	ownErrors     = "https://pkg.go.dev/github.com/gormtenant/gormtenant/middleware#"
	tenantsErrors = "https://pkg.go.dev/github.com/gormtenant/gormtenant/tenants#"
)

// answers are the types and statuses of problems.
var answers = [...]struct {
	address string
	status  int
}{
	0:                       {ownErrors + "Error", http.StatusInternalServerError},
	resolve.NoTenantNamed:   {ownErrors + "ErrNoTenantNamed", http.StatusBadRequest},
	resolve.Malformed:       {ownErrors + "ErrMalformed", http.StatusBadRequest},
	resolve.Unauthenticated: {ownErrors + "ErrUnauthenticated", http.StatusUnauthorized},
	resolve.Unknown:         {tenantsErrors + "ErrNotFound", http.StatusNotFound},
	resolve.NotAuthorized:   {ownErrors + "ErrNotAuthorized", http.StatusForbidden},
	resolve.Disagree:        {ownErrors + "ErrDisagree", http.StatusForbidden},
	resolve.Suspended:       {tenantsErrors + "ErrSuspended", http.StatusForbidden},
	resolve.Closed:          {tenantsErrors + "ErrClosed", http.StatusForbidden},
	resolve.Expired:         {tenantsErrors + "ErrExpired", http.StatusForbidden},
	resolve.Unavailable:     {ownErrors + "ErrUnavailable", http.StatusServiceUnavailable},
}

// refusal returns what is answered to a request that resolve has refused.
func refusal(refused *resolve.Error) *Error {
	kind := refused.Kind
	if kind < 0 || int(kind) >= len(answers) {
		kind = 0
	}
	return &Error{
		Problem: Problem{
			Type: answers[kind].address, Status: answers[kind].status,
			Title: kind.String(), Detail: kind.Detail(),
		},
		Err: refused.Err,
	}
}

// write answers with p.
func (p Problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // never: a Problem is three strings and a number
		http.Error(w, http.StatusText(p.Status), p.Status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("X-Content-Type-Options", "nosniff")
	// RFC 9111 lets a cache keep a 404 by its URL alone, which need not hold the tenant's name.
	header.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusUnauthorized:
		// RFC 9110, section 15.5.2: a 401 must have one.
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
