// Package prefix makes errors whose text begins with the module's name, once, whatever they wrap.
package prefix

import (
	"fmt"
	"strings"
)

// text begins the text of every error of this module.
const text = "gormtenant: "

// Errorf is fmt.Errorf for an error of this module that wraps others, which may be of this module
// too. The text begins with "gormtenant: ", and that is left out of the arguments:
//
//	prefix.Errorf("ask the directory: %w", tenants.ErrUnknownPlan)
//	// gormtenant: ask the directory: the tenant has an unknown plan
//
// errors.Is and errors.As find the arguments of %w.
func Errorf(format string, args ...any) error {
	bare := make([]any, len(args))
	for i, arg := range args {
		if err, ok := arg.(error); ok {
			arg = bareError{err}
		}
		bare[i] = arg
	}
	return fmt.Errorf(text+format, bare...)
}

// bareError is an error whose text has no prefix.
type bareError struct{ err error }

// Error returns the text without the prefix.
func (e bareError) Error() string { return strings.TrimPrefix(e.err.Error(), text) }

// Unwrap returns the error itself.
func (e bareError) Unwrap() error { return e.err }
