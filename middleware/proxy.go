package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const forwardedHost = "X-Forwarded-Host"

// TrustProxy makes [Subdomain] and [Domain] read X-Forwarded-Host instead of Host where the request
// comes from one of these addresses: those of the proxies in front of this server.
//
//	middleware.TrustProxy(netip.MustParsePrefix("10.0.3.0/24"))
//
// From other addresses the header is ignored, as it is without this option. The proxy must set the
// header itself, and not pass on what its client sent; a list of different hosts is refused. The
// address is the request's RemoteAddr: whatever rewrites that from a header, such as chi's RealIP,
// must come after Middleware, or else clients choose whether they are trusted. A network of all
// addresses (/0) is refused when [New] is called.
func TrustProxy(proxies ...netip.Prefix) Option {
	return optionFunc(func(m *Middleware) error {
		if len(proxies) == 0 {
			return errors.New("TrustProxy needs the addresses of the proxies, " +
				`as in netip.MustParsePrefix("10.0.3.0/24")`)
		}
		for _, proxy := range proxies {
			if !proxy.IsValid() || proxy.Bits() == 0 || proxy.Addr().Is4In6() {
				return fmt.Errorf("TrustProxy(%v): name the network of your proxies; it can be "+
					"neither every address nor an IPv4 network that is written as IPv6", proxy)
			}
			m.proxies = append(m.proxies, proxy.Masked())
		}
		return nil
	})
}

// trusts reports whether the peer at the address remote is a proxy that was named.
func (m *Middleware) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	address := peer.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(m.proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// host returns the name of the host that the client asked for, as parseHost does. It is also "" for
// a host of the application's own.
func (m *Middleware) host(r *http.Request) (string, error) {
	if namesTwoHosts(r) {
		return "", malformedf("the request has two hosts")
	}
	hostport := r.Host
	if len(m.proxies) > 0 {
		if forwarded := r.Header[forwardedHost]; len(forwarded) > 0 && m.trusts(r.RemoteAddr) {
			var one bool
			if hostport, one = single(forwarded); !one {
				return "", malformedf("%s has different values, or none", forwardedHost)
			}
		}
	}
	host, err := parseHost(hostport)
	if err != nil {
		return "", malformedf("%w", err)
	}
	if _, own := m.ownHosts[host]; own {
		return "", nil
	}
	return host, nil
}

// namesTwoHosts reports whether r has another host than r.Host: in the header Host, which HTTP/2
// allows beside :authority, or in a target that is a whole URL, which net/http takes r.Host from
// and something in front has then changed. Others that read the request may believe those.
func namesTwoHosts(r *http.Request) bool {
	if r.URL.Host != "" && !strings.EqualFold(r.URL.Host, r.Host) {
		return true
	}
	return slices.ContainsFunc(r.Header["Host"], func(host string) bool {
		return !strings.EqualFold(host, r.Host)
	})
}
