package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// DomainRequest is a domain that a tenant says is its own, before that is proved. Nobody is found
// by it, and other tenants may say the same.
type DomainRequest struct {
	TenantID string
	Domain   string // in lower case and ASCII
	// Token is what the tenant shows to prove that the domain is its own. No other request has it.
	Token   string
	AskedAt time.Time
}

// domainRow is a DomainRequest as it is stored.
type domainRow struct {
	TenantID string `gorm:"primaryKey;tenant:-"` // the directory is nobody's
	Domain   string `gorm:"primaryKey"`
	Token    string
	AskedAt  time.Time
}

// TableName returns the name of the table.
func (domainRow) TableName() string { return "gormtenant_domains" }

func (r *domainRow) request() DomainRequest {
	return DomainRequest{r.TenantID, r.Domain, r.Token, kept(r.AskedAt)}
}

type verifyFunc = func(ctx context.Context, request DomainRequest) error

// VerifyDomains makes tenants prove that a domain is theirs before anybody is found by it:
// [Store.AskDomain] gives a token, and [Store.VerifyDomain] asks verify, such as [DNS], whether the
// tenant has shown it. [Store.Create] and [Store.Update] then refuse a domain that is new, with
// [ErrNotVerified]; domains that tenants have stay theirs, and may be taken away.
//
// verify returns nil where the domain is the tenant's. It is called outside of transactions, by
// several goroutines at once, with the context of the call: give that a deadline. Without this
// option the store believes the application: a domain is the tenant's as soon as Create or Update
// says so.
func VerifyDomains(verify func(ctx context.Context, request DomainRequest) error) Option {
	return optionFunc(func(s *Store) error {
		if verify == nil {
			return errors.New("gormtenant: store.VerifyDomains needs a function, such as " +
				"store.DNS(nil)")
		}
		s.verify = verify
		return nil
	})
}

// DNS returns a function for [VerifyDomains] that looks for the token in a TXT record. For the
// domain projects.acme.com the tenant adds to its zone:
//
//	_gormtenant.projects.acme.com. TXT "gormtenant=TOKEN"
//
// nil is net.DefaultResolver. Whoever can answer for that name has the domain, so use a resolver
// whose answers you trust.
func DNS(resolver *net.Resolver) func(ctx context.Context, request DomainRequest) error {
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	return func(ctx context.Context, request DomainRequest) error {
		name := "_gormtenant." + request.Domain
		want := "gormtenant=" + request.Token
		records, err := resolver.LookupTXT(ctx, name+".")
		var unknown *net.DNSError
		switch {
		case errors.As(err, &unknown) && unknown.IsNotFound:
			records = nil
		case err != nil:
			return err
		}
		if !slices.Contains(records, want) {
			return fmt.Errorf("there is no TXT record %s with the text %q: add it, and wait until "+
				"DNS has it", name, want)
		}
		return nil
	}
}

// AskDomain notes that the tenant of that ID says that a domain is its own, and returns the token
// that it is to show. Asked again it returns the same. It takes nothing from anybody: several
// tenants may ask for one domain, and only [Store.VerifyDomain] gives it to one.
//
// The error is a [*FieldError]: [ErrInvalid] for what is no domain, or is reserved, or where there
// are 1,000 already, and [ErrTaken] where the domain is another tenant's. It is tenants.ErrNotFound
// where no tenant has that ID.
func (s *Store) AskDomain(ctx context.Context, id, domain string) (DomainRequest, error) {
	ascii, err := s.askable(domain)
	if err != nil {
		return DomainRequest{}, err
	}
	if problemOfID(id) != "" {
		return DomainRequest{}, tenants.ErrNotFound
	}
	row := domainRow{TenantID: id, Domain: ascii, Token: rand.Text(), AskedAt: kept(s.clock())}
	err = s.session(ctx).Transaction(func(tx *gorm.DB) error {
		if _, err := locked(tx, id); err != nil {
			return err
		}
		var others int64
		err := tx.Model(&nameRow{}).Where("name = ? AND tenant_id <> ? AND released_at IS NULL",
			ascii, id).Count(&others).Error
		if err != nil {
			return err
		}
		if others > 0 {
			return taken("Domains", ascii)
		}
		var asked []domainRow
		if err := tx.Where("tenant_id = ?", id).Find(&asked).Error; err != nil {
			return err
		}
		for _, had := range asked {
			if had.Domain == ascii {
				row = had
				return nil
			}
		}
		if len(asked) >= mostDomains {
			return invalid("Domains", "the tenant has asked for %d: withdraw some first",
				len(asked))
		}
		return tx.Create(&row).Error // nobody else adds one while the tenant is locked
	})
	if err != nil {
		return DomainRequest{}, wrap("asking for a domain", err)
	}
	return row.request(), nil
}

// askable returns a domain as it is stored.
func (s *Store) askable(domain string) (string, error) {
	ascii, problem := normalDomain(domain)
	if problem != "" {
		return "", invalid("Domains", "%s", problem)
	}
	return ascii, s.refuseReserved(&tenants.Tenant{Domains: []string{ascii}}, nil)
}

// AskedDomains returns the domains that a tenant has asked for and has not proved, in order. Those
// that are proved are in tenants.Tenant.Domains.
func (s *Store) AskedDomains(ctx context.Context, id string) ([]DomainRequest, error) {
	var rows []domainRow
	err := s.session(ctx).Where("tenant_id = ?", id).Order("domain").Find(&rows).Error
	if err != nil {
		return nil, prefix.Errorf("reading the domains that a tenant has asked for: %w", err)
	}
	requests := make([]DomainRequest, len(rows))
	for i := range rows {
		requests[i] = rows[i].request()
	}
	return requests, nil
}

// WithdrawDomain forgets that a tenant has asked for a domain. Its token is worth nothing then. It
// does nothing where the tenant has not asked.
func (s *Store) WithdrawDomain(ctx context.Context, id, domain string) error {
	ascii, problem := normalDomain(domain)
	if problem != "" {
		return invalid("Domains", "%s", problem)
	}
	err := s.session(ctx).Where("tenant_id = ? AND domain = ?", id, ascii).Delete(&domainRow{}).
		Error
	if err != nil {
		return prefix.Errorf("withdrawing a domain: %w", err)
	}
	return nil
}

// VerifyDomain asks the function of [VerifyDomains] whether the domain that a tenant has asked for
// is its own, and makes it one of the tenant's domains if so. It does nothing where it is one
// already.
//
// The error wraps [ErrNotVerified] and what the function returned where it is not, and
// tenants.ErrNotFound where no tenant has that ID, or has not asked. It is [ErrTaken] where another
// tenant was first, [ErrConflict] where the request was withdrawn meanwhile, tenants.ErrClosed for
// a closed tenant.
func (s *Store) VerifyDomain(ctx context.Context, id, domain string) error {
	if s.verify == nil {
		return errors.New("gormtenant: this store verifies no domains: give store.VerifyDomains " +
			"to store.New")
	}
	ascii, err := s.askable(domain)
	if err != nil {
		return err
	}
	row, err := s.asked(ctx, id, ascii)
	if row == nil || err != nil {
		return err
	}
	if err := s.verify(ctx, row.request()); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotVerified, ascii, err)
	}
	_, err = s.change(ctx, id, func(
		tx *gorm.DB, stored *tenants.Tenant,
	) (*tenants.Tenant, error) {
		if stored.Status == tenants.Closed {
			return nil, tenants.ErrClosed
		}
		gone := tx.Where("tenant_id = ? AND domain = ? AND token = ?", id, ascii, row.Token).
			Delete(&domainRow{})
		if gone.Error != nil {
			return nil, gone.Error
		}
		if gone.RowsAffected == 0 {
			return nil, ErrConflict
		}
		if slices.Contains(stored.Domains, ascii) {
			return nil, nil
		}
		changed := *stored
		changed.Domains = append(slices.Clone(stored.Domains), ascii)
		changed, err := s.validated(changed)
		return &changed, err
	})
	if err != nil {
		return wrap("verifying a domain", err)
	}
	return nil
}

// asked returns the request of a tenant for a domain, nil if it has the domain.
func (s *Store) asked(ctx context.Context, id, domain string) (*domainRow, error) {
	db := s.session(ctx)
	var rows []domainRow
	err := db.Where("tenant_id = ? AND domain = ?", id, domain).Limit(1).Find(&rows).Error
	if err != nil {
		return nil, prefix.Errorf("reading the domain that a tenant has asked for: %w", err)
	}
	if len(rows) == 1 {
		return &rows[0], nil
	}
	var own int64
	err = db.Model(&nameRow{}).Where("tenant_id = ? AND name = ? AND released_at IS NULL", id,
		domain).Count(&own).Error
	switch {
	case err != nil:
		return nil, prefix.Errorf("reading the domains of a tenant: %w", err)
	case own == 0:
		return nil, fmt.Errorf("%w that has asked for %s: call AskDomain first",
			tenants.ErrNotFound, domain)
	}
	return nil, nil
}

// refuseUnverified refuses domains of t that it does not have.
func (s *Store) refuseUnverified(t *tenants.Tenant, had []string) error {
	if s.verify == nil {
		return nil
	}
	if more := without(t.Domains, had); len(more) > 0 {
		return &FieldError{
			Field: "Domains", Err: ErrNotVerified,
			Problem: fmt.Sprintf("%q is not proved to be the tenant's: leave it out, and call "+
				"AskDomain and VerifyDomain", more[0]),
		}
	}
	return nil
}
