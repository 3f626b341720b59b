package resolve

import (
	"context"
	"errors"

	"github.com/gormtenant/gormtenant/tenants"
)

// Candidate is one thing that a request said about its tenant. The zero value says nothing.
type Candidate struct {
	// Source says where the name was found, for errors and logs.
	Source string
	// Name is the ID of a tenant or, unless ID is set, its slug or a domain. "" names no tenant,
	// whatever else the candidate says.
	Name string
	// Vouches says that the name comes from what the application has verified, such as a token, and
	// so that the request belongs to the tenant. What a client may choose must not vouch.
	Vouches bool
	// ID says that the name must be the ID of the tenant. A slug or a domain that is found by it is
	// [tenants.ErrNotFound].
	ID bool
	// Err refuses the request, because the name could not be read, or what vouches for it is not
	// valid. An [*Error] refuses as it says; any other error as [Refuse] has it, with
	// Unauthenticated where the candidate vouches and Malformed where it does not.
	Err error
}

// refusal returns how Err refuses, nil if it does not.
func (c *Candidate) refusal() *Error {
	if c.Err == nil {
		return nil
	}
	var refused *Error // here, as it is allocated
	if errors.As(c.Err, &refused) {
		return refused
	}
	if c.Vouches {
		return Refuse(Unauthenticated, c.Err)
	}
	return Refuse(Malformed, c.Err)
}

// Claim returns what a verified token or session says: the ID of a tenant, for which it vouches.
// "" is a token of no particular tenant.
func Claim(source, id string) Candidate {
	return Candidate{Source: source, Name: id, Vouches: true, ID: true}
}

// ClaimSlug is [Claim] for a token that holds a slug or a domain. These change hands: when a tenant
// is renamed and another one takes the old slug, tokens that were issued before let their bearers
// in with the other. Use it only where tokens live shorter than a released name rests (see
// store.Rest), or where slugs never change.
func ClaimSlug(source, slug string) Candidate {
	return Candidate{Source: source, Name: slug, Vouches: true}
}

// Named returns what the client chose itself: an ID, a slug or a domain that it does not vouch for.
func Named(source, name string) Candidate { return Candidate{Source: source, Name: name} }

// Request is what is known of one request, message or connection.
type Request struct {
	// Candidates are what the request says about its tenant, in the order in which errors name
	// them. All of them that name a tenant must name the same one.
	Candidates []Candidate
	// Authenticated says that the request has credentials, whatever tenant they are of. Where
	// nothing vouches for the tenant it is refused with NotAuthorized then, which logging in
	// does not change, and otherwise with Unauthenticated.
	Authenticated bool
	// Authorize reports whether the request may use the tenant that it names, if it is not nil. It
	// is called also where a candidate vouches, and before the tenant's status is looked at: only
	// those who belong to a tenant learn that it is suspended. Its error refuses the request with
	// NotAuthorized, or as [Refuse] has it. It must only read t, which is shared.
	Authorize func(ctx context.Context, t *tenants.Tenant) error
}
