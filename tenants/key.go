package tenants

import (
	"context"
	"strings"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Key returns a key for what is the tenant's outside of the database: an entry of a cache, a file,
// a message queue. It is the ID of the tenant of ctx and the parts, with slashes between them:
//
//	key, err := tenants.Key(ctx, "invoices", number+".pdf") // "acme/invoices/17.pdf"
//
// Two keys are the same only if the tenant and all parts are, whatever characters they hold, also
// where upper and lower case are the same, as in some file systems. Other characters than a to z,
// digits, - and _, and dots at an end of a part, are written as % and two digits for each byte; an
// empty part is ~. So a key is a relative path that does not leave the tenant's directory. It may
// be longer than a file name may be.
//
// The error is gormtenant.ErrNoTenant where ctx has no tenant, also under gormtenant.Unscoped, and
// gormtenant.ErrInvalidID for an ID that cannot be written as text.
func Key(ctx context.Context, parts ...string) (string, error) {
	id, err := gormtenant.Require(ctx)
	if err != nil {
		return "", prefix.Errorf("a key of a tenant: %w", err)
	}
	text, err := tenantname.TextOf(id)
	if err != nil {
		return "", prefix.Errorf("a key of a tenant: %w", err)
	}
	var key strings.Builder
	writePart(&key, text)
	for _, part := range parts {
		_ = key.WriteByte('/')
		writePart(&key, part)
	}
	return key.String(), nil
}

// writePart writes a part of a key so that nothing in it means anything.
func writePart(key *strings.Builder, part string) {
	const hex = "0123456789abcdef"
	if part == "" {
		_ = key.WriteByte('~')
	}
	for i := range len(part) {
		c := part[i]
		inside := i > 0 && i < len(part)-1
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' ||
			c == '.' && inside {
			_ = key.WriteByte(c)
			continue
		}
		_, _ = key.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
}
