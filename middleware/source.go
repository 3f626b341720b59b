package middleware

import (
	"fmt"
	"net/http"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// source finds the name of a tenant in a request.
type source struct {
	name string // for errors: the call that made it
	free bool   // the client chooses what it finds
	// find returns "" where the request has nothing for it.
	find func(r *http.Request) (string, *Error)
}

// malformedf refuses a request whose tenant cannot be read.
func malformedf(format string, args ...any) *Error {
	return refusal(malformed, prefix.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...)))
}
