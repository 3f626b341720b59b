package rls_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// A query of a tenant reads the tenant's part of the index, under the policy alone and with the
// plugin's own condition beside it.
func TestPlan_uses_the_index_of_the_tenant(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, statement := range []string{
		"CREATE TABLE big (id int PRIMARY KEY, tenant_id text NOT NULL, n int NOT NULL)",
		"INSERT INTO big SELECT n, 't' || n % 1000, n % 7 FROM generate_series(1, 1000000) n",
		"CREATE INDEX big_tenant ON big (tenant_id)",
		"ANALYZE big",
		"ALTER TABLE big ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"CREATE POLICY tenants ON big USING (" + policy + ") WITH CHECK (" + policy + ")",
		"GRANT SELECT ON big TO " + s.app.User + ", " + s.admin.User,
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err, statement)
	}
	db := s.open(t, modes["cache_statement"], rls.Admin(s.admin))
	tenant := gormtenant.WithTenant(t.Context(), "t7")
	const whole, own = "SELECT * FROM big WHERE n = 3", "SELECT * FROM big WHERE n = 3 " +
		"AND tenant_id = 't7'"
	for _, plan := range []struct {
		name, query string
		ctx         context.Context
	}{
		{"no policy, the plugin's condition", own, gormtenant.Unscoped(tenant, "to compare")},
		{"the policy alone", whole, tenant},
		{"both", own, tenant},
	} {
		name, query, ctx := plan.name, plan.query, plan.ctx
		rows, err := db.QueryContext(ctx, "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) "+query)
		require.NoError(t, err)
		var lines []string
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			lines = append(lines, line)
		}
		require.NoError(t, rows.Err())
		text := strings.Join(lines, "\n")
		t.Log(name + "\n" + text)
		require.Contains(t, text, "Index Cond: (tenant_id = ")
		require.NotContains(t, text, "Seq Scan")
	}
}
