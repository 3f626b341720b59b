//go:build !unix

package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// NewPgBouncer skips the test: it starts pgbouncer on Unix only.
func NewPgBouncer(t testing.TB, _ *pgx.ConnConfig, _ int) *pgx.ConnConfig {
	t.Helper()
	t.Skip("pgbouncer is started on Unix only")
	return nil
}
