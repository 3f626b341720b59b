package middleware

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
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

// kind indexes problems.
type kind int

const (
	noTenantNamed kind = iota
	malformed
	unauthenticated
	unknown
	notAuthorized
	disagree
	suspended
	closed
	expired
	unavailable
)

const (
	ownErrors     = "https://pkg.go.dev/github.com/gormtenant/gormtenant/middleware#"
	tenantsErrors = "https://pkg.go.dev/github.com/gormtenant/gormtenant/tenants#"
)

// problems are constant. No text may say anything of a tenant but that it is, or is not, served.
var problems = [...]Problem{
	noTenantNamed: {
		ownErrors + "ErrNoTenantNamed", "No tenant named", http.StatusBadRequest,
		"The request does not say which tenant it is for.",
	},
	malformed: {
		ownErrors + "ErrMalformed", "Tenant malformed", http.StatusBadRequest,
		"The request names its tenant in a form that cannot be read, or names it more than once.",
	},
	unauthenticated: {
		ownErrors + "ErrUnauthenticated", "Not authenticated", http.StatusUnauthorized,
		"The credentials of the request are not valid. Log in again.",
	},
	unknown: {
		tenantsErrors + "ErrNotFound", "Unknown tenant", http.StatusNotFound,
		"There is no tenant of that name.",
	},
	notAuthorized: {
		ownErrors + "ErrNotAuthorized", "Not authorized", http.StatusForbidden,
		"The request may not use this tenant, or there is none of that name.",
	},
	disagree: {
		ownErrors + "ErrDisagree", "Tenants disagree", http.StatusForbidden,
		"The request names different tenants in different places.",
	},
	suspended: {
		tenantsErrors + "ErrSuspended", "Tenant suspended", http.StatusForbidden,
		"The tenant is suspended.",
	},
	closed: {
		tenantsErrors + "ErrClosed", "Tenant closed", http.StatusForbidden,
		"The tenant is closed.",
	},
	expired: {
		tenantsErrors + "ErrExpired", "Tenant expired", http.StatusForbidden,
		"The tenant has expired.",
	},
	unavailable: {
		ownErrors + "ErrUnavailable", "Temporarily unavailable", http.StatusServiceUnavailable,
		"The tenant cannot be looked up at the moment. Try again later.",
	},
}

// refusal refuses a request for the reason err.
func refusal(k kind, err error) *Error { return &Error{Problem: problems[k], Err: err} }

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
