package tenantname

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gormtenant/gormtenant"
)

const (
	// prefix keeps names apart from others', and from public, pg_* and the names of devices.
	prefix = "tenant_"
	// longest is how many bytes of a name Postgres keeps
	// (https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS).
	longest = 63
	// longestID is that of the longest tenant's ID that is given a name, in bytes.
	longestID = 255
)

// Name returns the name of what belongs to the tenant whose ID is text: lower-case ASCII of at most
// 63 bytes, which is a file's name on every system too. No two IDs have the same.
//
// An ID of lower-case letters, digits, _ and - that is short enough is part of its name as it is.
// Any other is there as a digest of 160 bits behind a dot, which none of those has, and behind as
// much of it as can be read.
func Name(text string) (string, error) {
	switch {
	case text == "":
		return "", gormtenant.ErrNoTenant
	case len(text) > longestID:
		return "", fmt.Errorf("%w: it has %d bytes, of which %d can be", gormtenant.ErrInvalidID,
			len(text), longestID)
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return "", fmt.Errorf("%w: it is no text without zero bytes in UTF-8",
			gormtenant.ErrInvalidID)
	}
	if name := prefix + text; len(name) <= longest && strings.IndexFunc(text, unusual) < 0 {
		return name, nil
	}
	tail := digest(text)
	readable := strings.Map(func(r rune) rune {
		if unusual(r) {
			return '_'
		}
		return r
	}, strings.ToLower(text))
	return prefix + readable[:min(len(readable), longest-len(prefix)-len(tail))] + tail, nil
}

// Role returns the name of the role that owns the database of that name. It is not the database's:
// the role of a schema has the schema's name, and a tenant that moves has both for a while.
func Role(name string) string {
	const prefix = "own_"
	if len(prefix)+len(name) <= longest {
		return prefix + name
	}
	tail := digest(name)
	return prefix + strings.ToValidUTF8(name[:longest-len(prefix)-len(tail)], "") + tail
}

// digest is a dot and 160 bits of a text's hash, in lower case.
func digest(text string) string {
	const bytes = 20
	sum := sha256.Sum256([]byte(text))
	return "." + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:bytes]))
}

// unusual reports whether a character is in a name only as part of its digest.
func unusual(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// CheckName says why name, given by the application, cannot be that of a tenant's schema or
// database: nil if it can.
func CheckName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > longest:
		return fmt.Errorf("the name has %d bytes, of which Postgres keeps %d", len(name), longest)
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return errors.New("the name is no text without zero bytes in UTF-8")
	case strings.ContainsAny(name, `/\`) || strings.Trim(name, ". ") != name:
		return errors.New("the name has a slash in it, or begins or ends with a dot or a space")
	case lower == "public", lower == "information_schema", lower == "postgres",
		strings.HasPrefix(lower, "pg_"),
		strings.HasPrefix(lower, "template"):
		return fmt.Errorf("the name %q is the server's own", name)
	}
	return nil
}
