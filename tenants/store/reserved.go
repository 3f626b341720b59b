package store

import (
	"fmt"
	"strings"
)

// reservedWords mean something to browsers, mail servers or people where they are the first label
// of the application's own domain. The roles of RFC 2142 are among them, and the hosts that
// programs look for by themselves: wpad, autoconfig, autodiscover, isatap.
const reservedWords = `
	www web app apps api graphql ws static assets cdn media images
	img files download downloads upload uploads
	admin administrator root system internal console dashboard portal
	auth login logout signin signout signup register oauth oidc saml sso account accounts
	billing pay payment payments checkout shop store
	mail email smtp imap pop mx webmail postmaster hostmaster webmaster
	abuse noc noreply info security
	ns ns1 ns2 dns ftp sftp ssh vpn proxy gateway
	localhost local wpad isatap autoconfig autodiscover
	status health metrics monitoring support help contact about terms privacy
	docs doc wiki developer developers community forum blog news
	dev test staging beta preview prod production tenant tenants null undefined
`

// reserved are names that no tenant may take.
type reserved struct {
	labels  map[string]bool
	domains map[string]bool // and all below them
}

func reservedAlways() reserved {
	r := reserved{labels: map[string]bool{}, domains: map[string]bool{}}
	for _, word := range strings.Fields(reservedWords) {
		r.labels[word] = true
	}
	return r
}

func (r reserved) add(name string) error {
	lower := strings.ToLower(name)
	if problemOfSlug(lower) == "" {
		r.labels[lower] = true
		return nil
	}
	domain, problem := normalDomain(name)
	if problem != "" {
		return fmt.Errorf("gormtenant: store.Reserved(%s): neither a slug nor a domain",
			quoted(name))
	}
	r.domains[domain] = true
	return nil
}

// has reports whether a name is reserved: as a label in any case, or as a domain that is, or is
// below one that is.
func (r reserved) has(name string) bool {
	name = strings.ToLower(name)
	if r.labels[name] {
		return true
	}
	for rest, more := name, true; more; _, rest, more = strings.Cut(rest, ".") {
		if r.domains[rest] {
			return true
		}
	}
	return false
}
