package store

import (
	"errors"
	"fmt"
)

var (
	// ErrTaken is returned by [Store.Create] and [Store.Update] where another tenant has the ID,
	// the slug or a domain, or had it until recently (see [Rest]), and by [Store.Create] and
	// [Store.Place] where another has the schema, database or file of a placement. The error is a
	// [*FieldError].
	ErrTaken = errors.New("gormtenant: the tenant's name is taken")
	// ErrInvalid is returned by [Store.Create] and [Store.Update] for a tenant that cannot be
	// stored. The error is a [*FieldError], unless there is no tenant at all.
	ErrInvalid = errors.New("gormtenant: invalid tenant")
	// ErrConflict is returned by [Store.Update] where the tenant was changed since it was read.
	ErrConflict = errors.New("gormtenant: the tenant was changed since it was read: " +
		"look it up again, and make the change anew")
	// ErrNotVerified is returned under [VerifyDomains] for a domain that is not proved to be the
	// tenant's.
	ErrNotVerified = errors.New("gormtenant: the domain is not verified")
)

// FieldError says which field of a tenant was refused, and why. It holds what the caller gave and
// nothing of another tenant, so that it may be shown to the user.
type FieldError struct {
	// Field is the name of the field of tenants.Tenant: ID, Slug, Name, Domains, Status, Plan,
	// ExpiresAt, Limits, Attributes or Placement.
	Field string
	// Problem says what is wrong, and what to do.
	Problem string
	// Err is [ErrTaken], [ErrInvalid] or [ErrNotVerified].
	Err error
}

// Error returns the kind of error, the field and the problem.
func (e *FieldError) Error() string { return fmt.Sprintf("%v: %s: %s", e.Err, e.Field, e.Problem) }

// Unwrap returns Err, for errors.Is.
func (e *FieldError) Unwrap() error { return e.Err }

func invalid(field, problem string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(problem, args...), Err: ErrInvalid}
}

func taken(field, name string) error {
	return &FieldError{
		Field: field, Problem: fmt.Sprintf("another tenant has %q: choose another", name),
		Err: ErrTaken,
	}
}

// resting is taken for a name that nobody has at the time.
func resting(field, name string) error {
	return &FieldError{
		Field: field, Problem: fmt.Sprintf("another tenant had %q until recently: choose another, "+
			"or try again some weeks later", name),
		Err: ErrTaken,
	}
}

// quoted is text of a user's in an error: it may be long, or no text at all.
func quoted(text string) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
