package schemas

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// nameOf returns the schema of the tenant whose ID is text.
func (c *config) nameOf(ctx context.Context, text string) (string, error) {
	if text == "" {
		return "", gormtenant.ErrNoTenant
	}
	name, given := tenantname.Schema(ctx, text)
	switch {
	case given:
	case c.names == nil:
		var err error
		if name, err = tenantname.Name(text); err != nil {
			return "", err
		}
	default:
		var err error
		if name, err = c.names(text); err != nil {
			return "", fmt.Errorf("gormtenant: schemas.Names: %w", err)
		}
	}
	if err := check(name); err != nil {
		return "", fmt.Errorf("gormtenant: the tenant's schema: %w", err)
	}
	if name == c.shared {
		return "", fmt.Errorf(
			"gormtenant: the tenant's schema cannot be %q, which all tenants share", name)
	}
	return name, nil
}

// roleOf returns the role that a schema belongs to. No two schemas of an application have the same:
// a role's name of 63 bytes is one that was shortened.
func (c *config) roleOf(schema string) string {
	if c.application == "" {
		return schema
	}
	const longest = 63 // bytes, as a schema's name
	name := c.application + "." + schema
	if len(name) < longest {
		return name
	}
	sum := sha256.Sum256([]byte(schema))
	tail := "." + hex.EncodeToString(sum[:16])
	readable := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '_'
		}
		return r
	}, schema)
	room := longest - len(c.application) - 1 - len(tail)
	if len(readable) < room {
		readable += strings.Repeat("_", room-len(readable))
	}
	return c.application + "." + readable[:room] + tail
}

const (
	// temporary ends every path. If a path does not name it, a session's temporary tables come
	// first and hide others.
	temporary = `"pg_temp"`
	// noSchema is a path with no table of the application on it. No table can be made either: it
	// would go to the first schema.
	noSchema = `"pg_catalog", ` + temporary
	// noRole sets the role back to the one that logged in.
	noRole = "none"
)

// pathOf returns the path that has a schema in front of rest.
func pathOf(schema, rest string) string {
	return `"` + strings.ReplaceAll(schema, `"`, `""`) + `", ` + rest
}

// markOf returns the mark of a schema: see pgsession.Setting.
func markOf(schema string) string {
	if strings.IndexFunc(schema, unusual) < 0 {
		return schema
	}
	return "=" + hex.EncodeToString([]byte(schema))
}

// noMark stands for no schema: no schema has it as its mark.
const noMark = "="

func unusual(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' &&
		r != '-' && r != '.'
}
