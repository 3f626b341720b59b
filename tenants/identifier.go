package tenants

import (
	"unicode"
	"unicode/utf8"
)

// maxIdentifier is the length of the longest identifier, in bytes. A domain name has at most 253
// (RFC 1035, 2.3.4), a slug 63.
const maxIdentifier = 255

// ValidIdentifier reports whether s could be the ID, the slug or a domain of a tenant at all: UTF-8
// text of 1 to 255 bytes, with no control characters in it. What is not cannot be any tenant's:
// answer [ErrNotFound] and ask nobody. It says nothing about who exists, nor does it tell a good
// slug from a bad one. It allocates nothing.
//
// Identifiers come from users. NUL is an error in Postgres' text and in nothing else, a line break
// writes a second line into a log, and text that is not UTF-8 is not the same text everywhere.
func ValidIdentifier(s string) bool {
	if s == "" || len(s) > maxIdentifier {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return validText(s[i:])
		} else if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// validText is ValidIdentifier for what is not all ASCII.
func validText(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
