package store

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The lengths of DNS (RFC 1035, section 2.3.4), without the root's dot.
const (
	longestLabel  = 63
	longestDomain = 253
)

// problemOfSlug says what keeps a slug from being one label of a host name, "" if nothing does.
// Labels with hyphens in the third and fourth place are reserved (RFC 5891, section 4.2.3.1): those
// with xn show as something else than they are.
func problemOfSlug(slug string) string {
	switch {
	case slug == "":
		return "it is missing: give a label such as \"acme\", for acme.example.com"
	case len(slug) > longestLabel:
		return fmt.Sprintf("it has %d bytes: at most %d are allowed", len(slug), longestLabel)
	case !isLabel(slug):
		return quoted(slug) +
			" is no label of a host name: use the letters a to z, digits, and hyphens between them"
	case len(slug) >= 4 && slug[2:4] == "--":
		return quoted(slug) +
			" has two hyphens in the third and fourth place, which is reserved: take one out"
	}
	return ""
}

// isLabel reports whether label is a label of a host name: letters in lower case, digits, and
// hyphens inside (RFC 1123, section 2.1).
func isLabel(label string) bool {
	if label == "" || len(label) > longestLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, isNotLDH)
}

func isNotLDH(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
}

// domains is idna.Lookup, with hyphens in the third and fourth place: hosting services give names
// such as v2--site.example.app. A label that begins with xn-- has to be Punycode all the same.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false),
	idna.StrictDomainName(true), idna.Transitional(false))

// normalDomain returns a domain in lower case and ASCII, or what is wrong with it.
func normalDomain(domain string) (ascii, problem string) {
	if len(domain) > 4*longestDomain || !utf8.ValidString(domain) {
		return "", fmt.Sprintf("%s is no domain: it is no text, or more than %d bytes long",
			quoted(domain), longestDomain)
	}
	ascii, err := domains.ToASCII(domain)
	ascii = strings.TrimSuffix(ascii, ".")
	labels := strings.Split(ascii, ".")
	last := labels[len(labels)-1]
	switch {
	case err != nil || !areLabels(labels):
		return "", quoted(domain) +
			" is no domain: give the host alone, as in \"projects.acme.com\", without scheme, " +
			"port or path"
	case len(ascii) > longestDomain:
		return "", fmt.Sprintf("%s is %d bytes long in ASCII: at most %d are allowed",
			quoted(domain), len(ascii), longestDomain)
	case len(labels) < 2:
		return "", quoted(domain) +
			" has no dot: give the whole domain, as in \"projects.acme.com\""
	// What ends in a number is an IPv4 address (WHATWG URL, section 3.5).
	case last[0] >= '0' && last[0] <= '9':
		return "", quoted(domain) + " is an IP address, or looks like one: give a domain"
	}
	return ascii, ""
}

func areLabels(labels []string) bool {
	return !slices.ContainsFunc(labels, func(label string) bool { return !isLabel(label) })
}
