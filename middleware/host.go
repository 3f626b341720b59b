package middleware

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The limits of RFC 1035, and one for the text of an IDN before it is converted, which is longer.
const (
	maxHost  = 253
	maxLabel = 63
	maxIDN   = 4 * maxHost
)

// errHost is the error for a Host header that is no host.
var errHost = errors.New("the host is not a host name")

// parseHost returns the host name of a Host header in one form: lower case, in ASCII (IDNs as
// xn--...), without a port and without the dot of the root. It is "" where there is no name that a
// tenant can have: no host at all, an address, or a name with an underscore, as machines in a
// network of containers have.
func parseHost(hostport string) (string, error) {
	switch {
	case hostport == "":
		return "", nil
	// idna takes broken text for a letter.
	case len(hostport) > maxIDN || !utf8.ValidString(hostport):
		return "", errHost
	case hostport[0] == '[':
		return "", checkIPv6(hostport)
	}
	host, port, hasPort := strings.Cut(hostport, ":")
	if hasPort && !validPort(port) {
		return "", errHost
	}
	host, err := toASCII(host)
	if err != nil {
		return "", errHost
	}
	host = strings.TrimSuffix(host, ".")
	if !validHost(strings.ReplaceAll(host, "_", "x")) {
		return "", errHost
	}
	if endsInNumber(host) || strings.Contains(host, "_") {
		return "", nil
	}
	return host, nil
}

// checkIPv6 returns an error unless hostport is [address] or [address]:port.
func checkIPv6(hostport string) error {
	address, port, closed := strings.Cut(hostport[1:], "]")
	if ip, err := netip.ParseAddr(address); err != nil || !ip.Is6() || !closed {
		return errHost
	}
	if port != "" && (port[0] != ':' || !validPort(port[1:])) {
		return errHost
	}
	return nil
}

// validPort reports whether port is one. RFC 3986 allows an empty one.
func validPort(port string) bool {
	if port == "" {
		return true
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

// toASCII returns host in lower case and ASCII.
func toASCII(host string) (string, error) {
	lower := strings.ToLower(host)
	encoded := strings.Contains(lower, "xn--")
	if isASCII(host) && !encoded {
		return lower, nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", err
	}
	// A label that stands for one in plain letters, as xn--acme- does for acme, would be a second
	// name of the same host. No browser sends one, nor letters beyond ASCII beside encoded ones.
	if encoded && ascii != lower {
		return "", errHost
	}
	return ascii, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// validHost reports whether host is a name of labels of letters, digits and hyphens (RFC 1123,
// section 2.1).
func validHost(host string) bool {
	if len(host) > maxHost {
		return false
	}
	start := 0
	for i := 0; i <= len(host); i++ {
		if i < len(host) && host[i] != '.' {
			if !isHostByte(host[i]) {
				return false
			}
			continue
		}
		label := host[start:i]
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}

func isHostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
}

// endsInNumber reports whether host is an IPv4 address in one of the forms that clients understand,
// such as 127.0.0.1, 127.1 and 0x7f000001: its last label is a number (WHATWG URL, "ends in a
// number"). No top-level domain is.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	digits, isHex := strings.CutPrefix(last, "0x")
	return isHex && strings.Trim(digits, "0123456789abcdef") == ""
}
