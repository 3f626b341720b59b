package provision_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
)

func TestDeprovision_needs_the_confirmation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	name := itsName(acme)
	for _, text := range []string{
		"", "yes", "DELETE_DATABASE_", "DELETE_DATABASE_" + acme.ID, "DELETE_SCHEMA_" + name,
		"delete_database_" + name,
		"DELETE_DATABASE_" + name + " ", "DELETE_DATABASE_" + strings.ToUpper(name),
	} {
		err := p.Deprovision(t.Context(), acme, text)
		require.ErrorIs(t, err, provision.ErrNotConfirmed, text)
		require.ErrorContains(t, err, `"DELETE_DATABASE_`+name+`"`)
	}
	s.works(t, acme)
	require.NoError(t, p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+name))
	s.nothing(t, acme)
	require.NoError(t, p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+name))
}

func TestDeprovision_ends_the_tenants_sessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme, zeta := s.provisioner(t), s.tenant("acme"), s.tenant("zeta")
	require.NoError(t, p.Provision(t.Context(), acme))
	require.NoError(t, p.Provision(t.Context(), zeta))
	own, others := connect(t, s.as(t, acme)), connect(t, s.as(t, zeta))
	tx, err := own.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE notes")
	require.NoError(t, err)
	elsewhere := s.as(t, acme) // in a database that lets everyone in
	elsewhere.Database = s.root.Database
	outside := connect(t, elsewhere)

	deprovision(t, p, acme)
	require.Error(t, own.Ping(t.Context()))
	require.Error(t, outside.Ping(t.Context()))
	require.NoError(t, others.Ping(t.Context()))
	require.NoError(t, others.Close(t.Context()))
	s.works(t, zeta)
	deprovision(t, p, zeta)
}

// What the role owns elsewhere is not dropped with it; Deprovision says so, and goes on when it is
// gone.
func TestDeprovision_of_a_role_that_has_something_elsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	s.exec(t, "CREATE TABLE shared (id int)", `GRANT SELECT ON shared TO "`+itsRole(acme)+`"`)
	err := p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+itsName(acme))
	require.ErrorContains(t, err, "some objects depend on it")
	require.Equal(t, []string{"role " + itsRole(acme)}, s.left(t))
	s.exec(t, "DROP TABLE shared")
	deprovision(t, p, acme)
	s.nothing(t, acme)
}

// Whoever was thrown out cannot come back before the role is gone.
func TestDeprovision_lets_nobody_in_again(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	acme := s.tenant("acme")
	require.NoError(t, s.provisioner(t).Provision(t.Context(), acme))
	outside := s.as(t, acme)
	outside.Database = s.root.Database
	require.NoError(t, connect(t, outside).Close(t.Context()))
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	tried := make(chan error, 1)
	proxy.Cut(func(piece []byte) (int, bool) {
		if bytes.Contains(piece, []byte("DROP DATABASE")) {
			_, err := pgx.ConnectConfig(t.Context(), outside)
			tried <- err
		}
		return 0, false
	})
	deprovision(t, s.through(t, through), acme)
	require.ErrorContains(t, <-tried, "not permitted to log in")
}
