package tenants

import (
	"fmt"
	"strings"
)

// EachError is what [Each] returns where not everything was done. It names tenants by their IDs: it
// is for the operator, not for a tenant.
type EachError struct {
	// Done is how many tenants fn returned nil for.
	Done int
	// Failed are those that it failed for, in the lister's order.
	Failed []TenantError
	// Resume is what to give to [After] so that a later call leaves nothing out: every tenant up to
	// it and including it is done, or was left out, by [Only] or as one that is not served. Some of
	// those after it may be done too; fn is then called for them again. "" is the start.
	Resume string
	// Err is why Each stopped before the end of the list: the end of its context, or the lister's
	// error. It is nil where the list was read to its end.
	Err error
}

// maxListed is how many failures the text of an EachError tells of.
const maxListed = 5

// Error says how much was done, why no more was, what the first failures were, and where to resume.
func (e *EachError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "gormtenant: tenants.Each: %d done, %d failed", e.Done, len(e.Failed))
	for i, failed := range e.Failed {
		if i == maxListed {
			fmt.Fprintf(&text, "; and %d more", len(e.Failed)-i)
			break
		}
		text.WriteString("; " + firstLine(failed))
	}
	if e.Err != nil {
		text.WriteString("; " + firstLine(e.Err))
	}
	if e.Resume == "" {
		text.WriteString("; run it again from the start")
	} else {
		fmt.Fprintf(&text, "; resume with tenants.After(%q)", e.Resume)
	}
	return text.String()
}

// Unwrap returns Err, if there is one, and all of Failed, for errors.Is and errors.As.
func (e *EachError) Unwrap() []error {
	errs := make([]error, 0, 1+len(e.Failed))
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	for _, failed := range e.Failed {
		errs = append(errs, failed)
	}
	return errs
}

// TenantError is the failure of [Each] for one tenant.
type TenantError struct {
	ID  string // the tenant's
	Err error  // what fn returned, or a [*PanicError]
}

// Error returns the ID and the cause.
func (e TenantError) Error() string { return fmt.Sprintf("tenant %q: %v", e.ID, e.Err) }

// Unwrap returns the cause.
func (e TenantError) Unwrap() error { return e.Err }

// firstLine leaves out the stack of a panic.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
