package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant"
)

// Tenant is a customer of the application. A tenant that a [Directory] or a [Cache] returned is
// shared with others: read it, and change it through its store only.
type Tenant struct {
	// ID is what the rows of the tenant carry in their tenant column. It never changes.
	ID string
	// Slug names the tenant in URLs, as in acme.example.com: a DNS label in lower case. It is
	// unique, and no tenant's slug is another's ID or domain.
	Slug string
	// Name is for people.
	Name string
	// Domains are the tenant's own, such as projects.acme.com, in lower case and ASCII (IDNs as
	// xn--...). Each is one tenant's only.
	Domains []string
	// Status reports whether the tenant is served. The zero value is not served.
	Status Status
	// Plan names the limits that the tenant has bought, one of the application's [Plans].
	Plan string
	// ExpiresAt is when the tenant ceases to be served, as at the end of a trial. nil means never.
	ExpiresAt *time.Time
	// Limits override those of the plan, name by name.
	Limits Limits
	// Attributes are the application's own, such as a region, a colour or the ID that a payment
	// provider gave: text by name. They mean nothing to this library.
	Attributes map[string]string
	// Placement is where the tenant's rows are. The zero value is in the shared tables. To change
	// it for a tenant that has rows, move them: see package isolation.
	Placement Placement
	// Moving is the target of a move that is under way or was interrupted; nil if there is none.
	Moving *Placement
	// Left are former placements that still hold old rows of the tenant.
	Left []Placement
	// CreatedAt and UpdatedAt are kept by the store.
	CreatedAt, UpdatedAt time.Time
}

// Status reports whether a tenant is served.
type Status string

// The statuses of a tenant.
const (
	Active    Status = "active"
	Suspended Status = "suspended" // for now: unpaid bills, abuse
	Closed    Status = "closed"    // for good; the data may still be there
)

var (
	// ErrNotFound is returned by a [Directory] that has no tenant of that ID, slug or domain.
	ErrNotFound = errors.New("gormtenant: no such tenant")
	// ErrSuspended is returned by [Tenant.Usable] for a tenant that is suspended.
	ErrSuspended = errors.New("gormtenant: the tenant is suspended")
	// ErrClosed is returned by [Tenant.Usable] for a tenant that is closed.
	ErrClosed = errors.New("gormtenant: the tenant is closed")
	// ErrExpired is returned by [Tenant.Usable] for a tenant whose time is over.
	ErrExpired = errors.New("gormtenant: the tenant has expired")

	// errUnknownStatus is made once, since it is returned to every request of such a tenant.
	errUnknownStatus = fmt.Errorf("%w: its status is none of active, suspended and closed",
		ErrSuspended)
)

// Usable returns nil if the tenant is to be served at the time now: it is [Active] and has not
// expired. Otherwise the error is ErrSuspended, ErrClosed or ErrExpired. An unknown status is
// treated as suspended. A tenant expires at ExpiresAt, not after it. A nil tenant is ErrNotFound.
// Usable allocates nothing; call it for each request.
func (t *Tenant) Usable(now time.Time) error {
	switch {
	case t == nil:
		return ErrNotFound
	case t.Status == Closed:
		return ErrClosed
	case t.Status == Suspended:
		return ErrSuspended
	case t.Status != Active:
		return errUnknownStatus
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return ErrExpired
	}
	return nil
}

// Directory finds tenants. It is asked by several goroutines at once.
type Directory interface {
	// Lookup returns the tenant whose ID, slug or domain the identifier is. Where there is none the
	// error is [ErrNotFound]; every other error says that it could not be found out. Identifiers
	// come from users: they may be empty, long, or no text at all.
	Lookup(ctx context.Context, identifier string) (*Tenant, error)
}

// contextKey is the key of the tenant that NewContext puts into a context.
type contextKey struct{}

// NewContext returns a context that carries t, and whose statements run as t: it is also
// gormtenant.WithTenant(ctx, t.ID). If t is nil or has no ID the context has no tenant, whatever
// ctx had: its statements fail with gormtenant.ErrNoTenant.
func NewContext(ctx context.Context, t *Tenant) context.Context {
	if t == nil {
		return gormtenant.WithTenant(ctx, nil)
	}
	return gormtenant.WithTenant(context.WithValue(ctx, contextKey{}, t), t.ID)
}

// FromContext returns the tenant that [NewContext] put into ctx. ok is false when there is none,
// and when gormtenant.WithTenant or Unscoped made ctx run as another since.
func FromContext(ctx context.Context) (t *Tenant, ok bool) {
	t, ok = ctx.Value(contextKey{}).(*Tenant)
	if !ok {
		return nil, false
	}
	if id, scoped := gormtenant.FromContext(ctx); !scoped || id != any(t.ID) {
		return nil, false
	}
	return t, true
}
