package schemas_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/pgsession/pgsessiontest"
)

// The contract of all connections that bring a tenant, in every way to send one.
func TestConnections_keep_the_contract(t *testing.T) {
	t.Parallel()
	servers := map[bool]*server{false: newPooledServer(t), true: newPooledServer(t)}
	servers[false].withoutRoles(t)
	var all []pgsessiontest.Way
	for _, w := range ways {
		s := servers[w.roles]
		way := pgsessiontest.Way{
			Name: w.String(),
			Database: &pgsessiontest.Database{
				Owner: s.owner, App: s.app.User, Acme: s.acme, Zeta: s.zeta, Nobody: undefinedTable,
			},
			Open:   func(t testing.TB) *sql.DB { return w.open(t, s) },
			Pooled: w.pooled,
		}
		if !w.pooled { // behind a pooler they are refused
			way.Leavings = []pgsessiontest.Leaving{
				{Name: "local_path", SQL: "SET LOCAL search_path = " + s.of(s.zeta)},
				{Name: "session_path", SQL: "SET search_path = " + s.of(s.acme) + ", public"},
			}
			if w.roles { // else none is set
				way.Leavings = append(way.Leavings, pgsessiontest.Leaving{
					Name: "session_role", SQL: "SET ROLE " + s.of(s.acme),
				})
			}
		}
		way.After = func(t *testing.T, db *sql.DB, leaving string) {
			require.Equal(t, `"$user", public `+s.app.User, session(t, db), leaving)
		}
		all = append(all, way)
	}
	pgsessiontest.Run(t, all)
}
