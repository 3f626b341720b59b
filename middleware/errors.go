package middleware

import "github.com/gormtenant/gormtenant/tenants/resolve"

// Why a request is refused, besides tenants.ErrNotFound (nobody has that name) and
// tenants.ErrSuspended, ErrClosed and ErrExpired (see [tenants.Tenant.Usable]).
// [Middleware.Resolve] returns them wrapped in an [*Error]; test for them with errors.Is. They are
// those of package resolve.
var (
	// ErrNoTenantNamed is returned for a request in which no source found the name of a tenant.
	// 400.
	ErrNoTenantNamed = resolve.ErrNoTenantNamed

	// ErrMalformed is returned for a request whose tenant cannot be read, or can be read in two
	// ways: a header or query parameter with two values, two hosts, a host that is none, a path
	// that means something else once it is decoded, an identifier that is empty, too long or no
	// text. 400.
	ErrMalformed = resolve.ErrMalformed

	// ErrUnauthenticated is returned for a request whose [Claim] failed, as for a token that is
	// forged or has expired; the error of the claim is wrapped too. It is also returned for a
	// request that names a tenant without any credentials. 401.
	ErrUnauthenticated = resolve.ErrUnauthenticated

	// ErrNotAuthorized is returned for a request that names a tenant to which it may not belong:
	// [Middleware.Authorize] said no, whose error is wrapped too, or nothing says yes. 403.
	ErrNotAuthorized = resolve.ErrNotAuthorized

	// ErrDisagree is returned for a request whose sources name different tenants. 403.
	ErrDisagree = resolve.ErrDisagree

	// ErrUnavailable is returned for a request whose tenant could not be found out: the directory
	// failed, ran out of time or answered nonsense. Its error is wrapped too. A claim or an
	// Authorize that could not find out either wraps ErrUnavailable itself. 503.
	ErrUnavailable = resolve.ErrUnavailable
)

// Error is the refusal of a request: what the client may know of it, and why it really was.
type Error struct {
	// Problem is the answer. Its texts are constant: they hold nothing of any tenant, nor of the
	// request.
	Problem Problem
	// Err is the reason. It is for the log, not for the client: it may hold whatever the directory,
	// the claim or Authorize put into their errors, and under [HideUnknown] it says what Problem
	// hides.
	Err error
}

// Error returns the reason.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the reason, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }
