package resolve

import (
	"context"
	"errors"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Why there is no tenant, besides tenants.ErrNotFound (nobody has that name) and
// tenants.ErrSuspended, ErrClosed and ErrExpired (see [tenants.Tenant.Usable]). They are wrapped in
// an [*Error]; test for them with errors.Is.
var (
	// ErrNoTenantNamed is returned for a request that names no tenant.
	ErrNoTenantNamed = errors.New("gormtenant: the request names no tenant")

	// ErrMalformed is returned for a request whose tenant cannot be read, or can be read in two
	// ways.
	ErrMalformed = errors.New("gormtenant: the request names its tenant in a form that cannot " +
		"be relied on")

	// ErrUnauthenticated is returned for a request whose claim to a tenant is not valid, and for
	// one that names a tenant and has no credentials.
	ErrUnauthenticated = errors.New("gormtenant: the request's claim to a tenant is not valid")

	// ErrNotAuthorized is returned for a request that names a tenant to which it may not belong.
	ErrNotAuthorized = errors.New("gormtenant: the request may not use the tenant it names")

	// ErrDisagree is returned for a request that names different tenants.
	ErrDisagree = errors.New("gormtenant: the request names different tenants")

	// ErrUnavailable is returned for a request whose tenant could not be found out. A function of
	// the application's that could not find out wraps it itself.
	ErrUnavailable = errors.New("gormtenant: the tenant could not be found out")
)

// Error is the refusal of a request: what the client may know of it, and why it really was.
type Error struct {
	// Kind is what the client may be told. Its texts are constant: they hold nothing of any tenant,
	// nor of the request.
	Kind Kind
	// Err is the reason. It is for the log, not for the client: it may hold whatever the directory
	// or the application's functions put into their errors, and under [HideUnknown] it says what
	// Kind hides.
	Err error
}

// Error returns the reason.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the reason, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Refuse returns the refusal of a request for cause, for [Candidate.Err]. It is of the given kind,
// and wraps the error of that kind and cause; but where cause wraps [ErrUnavailable],
// [ErrUnauthenticated] or [ErrNotAuthorized] that decides, and the error of a context is
// Unavailable.
func Refuse(kind Kind, cause error) *Error {
	switch {
	case errors.Is(cause, ErrUnavailable):
		return &Error{Kind: Unavailable, Err: cause}
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, context.Canceled):
		kind = Unavailable
	case errors.Is(cause, ErrUnauthenticated):
		return &Error{Kind: Unauthenticated, Err: cause}
	case errors.Is(cause, ErrNotAuthorized):
		return &Error{Kind: NotAuthorized, Err: cause}
	}
	return &Error{Kind: kind, Err: prefix.Errorf("%w: %w", kind.reason(), cause)}
}

// Kind tells the refusals apart that a client may tell apart.
type Kind int

// The kinds of refusals. The zero value is none of them.
const (
	NoTenantNamed   Kind = iota + 1 // ErrNoTenantNamed
	Malformed                       // ErrMalformed
	Unauthenticated                 // ErrUnauthenticated
	Unknown                         // tenants.ErrNotFound
	NotAuthorized                   // ErrNotAuthorized
	Disagree                        // ErrDisagree
	Suspended                       // tenants.ErrSuspended
	Closed                          // tenants.ErrClosed
	Expired                         // tenants.ErrExpired
	Unavailable                     // ErrUnavailable
)

// kinds are constant. No text may say anything of a tenant but that it is, or is not, served.
var kinds = [...]struct {
	reason        error
	title, detail string
}{
	0: {ErrUnavailable, "Refused", "The request is refused."},
	NoTenantNamed: {
		ErrNoTenantNamed, "No tenant named",
		"The request does not say which tenant it is for.",
	},
	Malformed: {
		ErrMalformed, "Tenant malformed",
		"The request names its tenant in a form that cannot be read, or names it more than once.",
	},
	Unauthenticated: {
		ErrUnauthenticated, "Not authenticated",
		"The credentials of the request are missing or not valid. Log in.",
	},
	Unknown: {
		tenants.ErrNotFound, "Unknown tenant",
		"There is no tenant of that name.",
	},
	NotAuthorized: {
		ErrNotAuthorized, "Not authorized",
		"The request may not use this tenant, or there is none of that name.",
	},
	Disagree: {
		ErrDisagree, "Tenants disagree",
		"The request names different tenants in different places.",
	},
	Suspended: {tenants.ErrSuspended, "Tenant suspended", "The tenant is suspended."},
	Closed:    {tenants.ErrClosed, "Tenant closed", "The tenant is closed."},
	Expired:   {tenants.ErrExpired, "Tenant expired", "The tenant has expired."},
	Unavailable: {
		ErrUnavailable, "Temporarily unavailable",
		"The tenant cannot be looked up at the moment. Try again later.",
	},
}

// known returns k, or 0 for what is no kind.
func (k Kind) known() Kind {
	if k < 0 || int(k) >= len(kinds) {
		return 0
	}
	return k
}

// reason returns the error that refusals of this kind wrap.
func (k Kind) reason() error { return kinds[k.known()].reason }

// String returns a title, such as "Unknown tenant". It may be shown to the client.
func (k Kind) String() string { return kinds[k.known()].title }

// Detail returns a sentence for people. It may be shown to the client.
func (k Kind) Detail() string { return kinds[k.known()].detail }
