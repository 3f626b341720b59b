package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// prefix begins the name of all that a freeze leaves in a database.
const prefix = "gormtenant_freeze_"

// digest stands for the tenant in names that others can read.
func (p *Plan) digest() string {
	sum := sha256.Sum256([]byte(p.tenantID))
	return hex.EncodeToString(sum[:10])
}

// lockKey is the key of an advisory lock.
func lockKey(parts ...string) int64 {
	sum := sha256.Sum256([]byte("gormtenant\x00" + strings.Join(parts, "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // any 64 bits will do
}

// quoted writes the name of a table or a column, in both dialects.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literalSQLite writes text for SQLite.
func literalSQLite(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func list(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoted(c.name)
	}
	return strings.Join(names, ", ")
}
