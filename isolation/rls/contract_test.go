package rls_test

import (
	"database/sql"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/pgsession/pgsessiontest"
)

// The contract of all connections that bring a tenant, in every way to send one.
func TestConnections_keep_the_contract(t *testing.T) {
	t.Parallel()
	s := newServer(t).withPooler(t)
	s.mayLeave(t)
	database := &pgsessiontest.Database{
		Owner: s.owner, App: s.app.User, Acme: "acme", Zeta: "zeta",
	}
	var all []pgsessiontest.Way
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		all = append(all, pgsessiontest.Way{
			Name: name, Database: database,
			Open:   func(t testing.TB) *sql.DB { return ways[name].open(t, s) },
			Pooled: ways[name].pooled,
			Leavings: []pgsessiontest.Leaving{
				{Name: "local_setting", SQL: "SET LOCAL app.tenant_id = 'zeta'"},
			},
			After: func(t *testing.T, db *sql.DB, leaving string) {
				if !ways[name].pooled {
					require.Empty(t, onItsOwn(t, db), leaving)
				}
			},
		})
	}
	pgsessiontest.Run(t, all)
}

// onItsOwn returns the tenant that the session has by itself, which pgx's own connection shows.
func onItsOwn(t *testing.T, db *sql.DB) (tenant string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, conn.Raw(func(driver any) error {
		bare := driver.(interface{ Conn() *pgx.Conn }).Conn()
		return bare.QueryRow(t.Context(),
			"SELECT coalesce(current_setting('app.tenant_id', true), '')").Scan(&tenant)
	}))
	return tenant
}
