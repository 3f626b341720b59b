package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Subdomain is the source of tenants in host names, acme in acme.example.com for the base
// example.com. For development the base may be localhost: browsers take acme.localhost to this
// machine.
//
// The base itself names no tenant, nor does a host outside of it, an address, or a host with an
// underscore, which no tenant can have. What has more
// than one label in front of the base, a.b.example.com, is nobody's: the request is refused with
// tenants.ErrNotFound, whatever other sources say. Name the hosts below the base that are the
// application's own, such as www.example.com, with [OwnHosts]. With more than one base a host
// belongs to the longest that fits.
//
// Clients choose the host, so Subdomain needs a [Claim] or [Middleware.Authorize] beside it.
func Subdomain(base string) Option {
	return optionFunc(func(m *Middleware) error {
		base, err := hostName(base)
		if err != nil {
			return fmt.Errorf("Subdomain(%q): %w", base, err)
		}
		if slices.Contains(m.bases, base) {
			return fmt.Errorf("Subdomain(%q) is given twice", base)
		}
		m.bases = append(m.bases, base)
		return m.addSource(source{
			name: fmt.Sprintf("Subdomain(%q)", base), free: true,
			find: func(r *http.Request) (string, error) { return m.subdomain(r, base) },
		})
	})
}

// Domain is the source of tenants in their own domains, such as projects.acme.com: it asks the
// directory for the whole host. Hosts below the base of a [Subdomain], those of [OwnHosts],
// addresses, and hosts of a single label, such as localhost, name nothing.
//
// Clients choose the host, so Domain needs a [Claim] or [Middleware.Authorize] beside it.
func Domain() Option {
	return optionFunc(func(m *Middleware) error {
		return m.addSource(source{name: "Domain()", free: true, find: m.domain})
	})
}

// OwnHosts are hosts that name no tenant to [Subdomain] and [Domain], because they are the
// application's:
//
//	middleware.OwnHosts("www.example.com", "api.example.com", "eu.api.example.com")
//
// Their requests must name their tenant by another source, or be let through with
// [Middleware.Except].
func OwnHosts(hosts ...string) Option {
	return optionFunc(func(m *Middleware) error {
		if m.ownHosts == nil {
			m.ownHosts = make(map[string]struct{}, len(hosts))
		}
		for _, own := range hosts {
			host, err := hostName(own)
			if err != nil {
				return fmt.Errorf("OwnHosts(%q): %w", own, err)
			}
			m.ownHosts[host] = struct{}{}
		}
		return nil
	})
}

// hostName returns host in the form of parseHost, for hosts in the program.
func hostName(host string) (string, error) {
	name, err := parseHost(host)
	if err != nil || name == "" || strings.Contains(host, ":") {
		return host, errors.New(
			`a host name is needed, such as "example.com": no scheme, port, * or address`)
	}
	return name, nil
}

// subdomain returns the one label of the request's host in front of base.
func (m *Middleware) subdomain(r *http.Request, base string) (string, error) {
	host, err := m.host(r)
	if err != nil || m.baseOf(host) != base || host == base {
		return "", err
	}
	label := host[:len(host)-len(base)-1]
	if strings.Contains(label, ".") {
		return "", &resolve.Error{Kind: resolve.Unknown, Err: fmt.Errorf(
			"%w: the host has more than one label in front of its base", tenants.ErrNotFound)}
	}
	return label, nil
}

// domain returns the request's host where it may be a tenant's own.
func (m *Middleware) domain(r *http.Request) (string, error) {
	host, err := m.host(r)
	if err != nil || m.baseOf(host) != "" || !strings.Contains(host, ".") {
		return "", err
	}
	return host, nil
}

// baseOf returns the longest base that host is or is below of, "" if there is none.
func (m *Middleware) baseOf(host string) string {
	longest := ""
	for _, base := range m.bases {
		if len(base) > len(longest) && isBelow(host, base) {
			longest = base
		}
	}
	return longest
}

// isBelow reports whether host is base or ends in it after a dot: notexample.com is not below
// example.com.
func isBelow(host, base string) bool {
	above, ok := strings.CutSuffix(host, base)
	return ok && (above == "" || strings.HasSuffix(above, "."))
}
