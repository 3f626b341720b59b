package schemas_test

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// For what happens in its own time.
const (
	patience = 2 * time.Minute
	tick     = 5 * time.Millisecond
)

// The connection is lost somewhere in the flight that prepares a statement, or in the one that runs
// it. The caller gets an error, the statement ran whole and in its tenant's schema, or not at all,
// and the pool goes on to work.
func TestConnection_lost_on_the_way(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		if !w.roles {
			return // what is sent is as long, but for the role
		}
		target := s.app
		if w.pooled {
			target = s.pooled
		}
		proxy, config := pgtest.NewProxy(t, target, 0)
		through := &server{app: config, pooled: config}
		db := w.open(t, through)
		acme := as(t, s.acme)
		for flight := range 2 {
			for at := 0; at < 400; at += 90 {
				// by itself pgx would ping the connection now and then
				conn, err := db.Conn(t.Context())
				require.NoError(t, err)
				run(t, acme, conn, "SELECT 1")
				before, others := s.bodies(t, s.acme), s.bodies(t, s.zeta)
				lost, n := false, 0
				proxy.Cut(func([]byte) (int, bool) {
					lost = n == flight
					n++
					return at, lost
				})
				_, err = conn.ExecContext(
					acme, fmt.Sprintf("UPDATE notes SET body = body || $1 /* %d %d */", flight, at),
					"+")
				proxy.Cut(nil)
				_ = conn.Close()
				if !lost { // this mode has one flight
					require.NoError(t, err)
					continue
				}
				require.Error(t, err)
				require.NotErrorIs(t, err, driver.ErrBadConn, "it would be tried again")
				require.Contains(
					t, []string{before, strings.ReplaceAll(before, ",", "+,")}, s.bodies(t, s.acme),
					"half done")
				require.Equal(t, others, s.bodies(t, s.zeta))
				require.Equal(t, "1 2 3", ids(t, acme, db, all))
			}
		}
	})
}

// bodies returns the notes of a tenant, as the owner sees them once no statement of the app is
// under way.
func (s *server) bodies(t *testing.T, tenant string) (text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var busy int
		require.NoError(
			t, s.owner.QueryRow(
				"SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state <> 'idle'",
				s.app.User).Scan(&busy))
		return busy == 0
	}, patience, tick)
	require.NoError(
		t, s.owner.QueryRow(
			"SELECT string_agg(body, ',' ORDER BY id) || ',' FROM "+s.of(tenant)+".notes").Scan(
			&text))
	return text
}
