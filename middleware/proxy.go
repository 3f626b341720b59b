package middleware

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// TrustProxy makes [Subdomain] and [Domain] read X-Forwarded-Host, or the host of Forwarded (RFC
// 7239), instead of Host where the request comes from one of these addresses: those of the proxies
// in front of this server.
//
//	middleware.TrustProxy(netip.MustParsePrefix("10.0.3.0/24"))
//
// From other addresses the headers are ignored, as they are without this option. The proxy must set
// one of them itself, and not pass on what its client sent; different hosts, in one of them or in
// both, are refused. The address is the request's RemoteAddr: whatever rewrites that from a header,
// such as chi's RealIP, must come after Middleware, or else clients choose whether they are
// trusted. A network of all addresses (/0) is refused when [New] is called. For a proxy on a unix
// socket see [TrustUnixSocket].
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

// TrustUnixSocket is [TrustProxy] for requests that come through a unix socket on which this server
// listens. Who may connect to it is then the trusted proxy: keep others out by the permissions of
// its folder. The server's own address decides, which no header and no client can change.
func TrustUnixSocket() Option {
	return optionFunc(func(m *Middleware) error {
		m.unixSocket = true
		return nil
	})
}

// trusts reports whether r comes from a proxy that was named.
func (m *Middleware) trusts(r *http.Request) bool {
	if m.unixSocket {
		local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if ok && local.Network() == "unix" {
			return true
		}
	}
	if len(m.proxies) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
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
	if m.trusts(r) {
		forwarded, said, err := forwardedHosts(r.Header)
		if err != nil {
			return "", err
		}
		if said {
			hostport = forwarded
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
