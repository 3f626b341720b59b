package schemas_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// Wherever a call loses its connection, it has done all or nothing, and the same call again has
// done it.
func TestCalls_that_are_cut_off(t *testing.T) {
	t.Parallel()
	oldTables := sqlStep("0001", "CREATE TABLE projects (id int PRIMARY KEY)")
	newTables := sqlStep("0002", "CREATE TABLE tasks (id int REFERENCES projects)")
	for _, test := range []struct {
		name string

		setUp func(s *schemas.Provisioner, id string) error
		call  func(s *schemas.Provisioner, id, suffix string) error
	}{
		{"create", nil, func(
			s *schemas.Provisioner, id, _ string,
		) error {
			return s.Provision(t.Context(), id)
		}},
		{
			"migrate",
			func(s *schemas.Provisioner, id string) error { return s.Provision(t.Context(), id) },
			func(s *schemas.Provisioner, id, _ string) error {
				_, err := s.Migrate(t.Context(), &tenants.Tenant{ID: id})
				return err
			},
		},
		{
			"rename",
			func(s *schemas.Provisioner, id string) error { return s.Provision(t.Context(), id) },
			func(s *schemas.Provisioner, id, suffix string) error {
				return s.Rename(t.Context(), id, "renamed_"+suffix)
			},
		},
		{
			"drop",
			func(s *schemas.Provisioner, id string) error { return s.Provision(t.Context(), id) },
			func(s *schemas.Provisioner, id, _ string) error {
				return s.Deprovision(t.Context(), id, schemas.Confirmation("tenant_"+id))
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			acme := h.id("acme")
			proxy, through := pgtest.NewProxy(t, h.owner, 0)
			s, err := schemas.NewProvisioner(
				openAs(t, through), schemas.Login(h.app.User), schemas.Roles(),
				schemas.Migrations(oldTables, newTables))
			require.NoError(t, err)
			old := h.schemas(t, schemas.Roles(), schemas.Migrations(oldTables))
			renamed := h.schemas(t, schemas.Names(func(string) (string, error) {
				return "renamed_" + h.suffix, nil
			}), schemas.Roles())

			after, cuts := "", 0
			for n, uncut := -1, false; !uncut; n++ {
				if test.setUp != nil {
					require.NoError(t, test.setUp(old, acme))
				}
				before, left := h.catalog(t), n
				proxy.Cut(func(piece []byte) (int, bool) {
					if n < 0 { // done, but the answer is lost
						return len(piece), bytes.Contains(piece, []byte("commit\x00"))
					}
					left--
					return 0, left < 0
				})
				err := test.call(s, acme, h.suffix)
				proxy.Cut(nil)
				uncut = n >= 0 && left >= 0
				// When its lock is free, the server has noticed.
				h.do(
					t, "SELECT pg_advisory_lock(hashtextextended('gormtenant schema "+
						"tenant_"+acme+"', 0)), pg_advisory_unlock_all()")
				now := h.catalog(t)
				switch {
				case n < 0:
					require.Error(t, err)
					after = now
				case err != nil:
					cuts++
					require.Equal(t, before, now)
				default:
					require.Equal(t, after, now)
				}
				require.NoError(t, test.call(s, acme, h.suffix))
				require.Equal(t, after, h.catalog(t))
				require.NoError(
					t, s.Deprovision(t.Context(), acme, schemas.Confirmation("tenant_"+acme)))
				require.NoError(
					t, renamed.Deprovision(
						t.Context(), acme, schemas.Confirmation("renamed_"+h.suffix)))
			}
			require.Greater(t, cuts, 5)
		})
	}
}
