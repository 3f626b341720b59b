package provision_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

var errBroken = errors.New("broken on purpose")

// nothing requires that nothing is there of a tenant.
func (s *site) nothing(t *testing.T, tenant *tenants.Tenant, when ...any) {
	t.Helper()
	require.Empty(t, s.left(t), when...)
	_, err := s.secrets.Get(t.Context(), databaseOf(tenant))
	require.ErrorIs(t, err, credentials.ErrNoSecret, when...)
}

// works requires that a tenant can work in its database.
func (s *site) works(t *testing.T, tenant *tenants.Tenant, when ...any) {
	t.Helper()
	conn := connect(t, s.as(t, tenant))
	_, err := conn.Exec(t.Context(), "INSERT INTO notes (text) VALUES ('mine')")
	require.NoError(t, err, when...)
	require.NoError(t, conn.Close(t.Context()))
	require.False(
		t, ask[bool](
			t, s, "SELECT has_database_privilege('public', $1, 'CONNECT')", itsName(tenant)),
		when...)
}

// cuts lets n pieces of what clients say pass, and then cuts the one that says the next off: before
// the server hears it, or once it has.
type cuts struct {
	left  atomic.Int64
	heard bool
	did   atomic.Bool
}

func cutAt(proxy *pgtest.Proxy, n int, heard bool) *cuts {
	c := &cuts{heard: heard}
	c.left.Store(int64(n))
	proxy.Cut(func(piece []byte) (int, bool) {
		if c.left.Add(-1) >= 0 {
			return 0, false
		}
		c.did.Store(true)
		if heard {
			return len(piece), true
		}
		return 0, true
	})
	return c
}

// Wherever the connection is lost, nothing is left, and the next call does it all.
func TestProvision_cut_off_anywhere(t *testing.T) {
	t.Parallel()
	// What the server has done is the same after either; what the client knows is not.
	for _, c := range []struct {
		name  string
		every int
	}{{"before_the_server_hears", 5}, {"before_it_answers", 2}} {
		heard := c.every == 2
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			proxy, through := pgtest.NewProxy(t, s.admin, 0)
			p, acme := s.through(t, through), s.tenant("acme")
			for n, failed := 0, 0; ; n += c.every * stride() {
				cut := cutAt(proxy, n, heard)
				err := p.Provision(t.Context(), acme)
				proxy.Cut(nil)
				if !cut.did.Load() {
					require.NoError(t, err)
					require.GreaterOrEqual(t, failed*c.every*stride(), 10, "the proxy cuts nothing")
					t.Log(n, "cuts")
					break
				}
				if err != nil {
					failed++
					s.nothing(t, acme, n, err)
					if n%4 != 0 {
						continue
					}
					require.NoError(t, p.Provision(t.Context(), acme), n)
				} // else it was the last word of a connection
				s.works(t, acme, n)
				deprovision(t, p, acme)
			}
			s.works(t, acme)
			deprovision(t, p, acme)
		})
	}
}

func TestDeprovision_cut_off_anywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	direct, p, acme := s.provisioner(t), s.through(t, through), s.tenant("acme")
	for n := 0; ; n += stride() {
		require.NoError(t, direct.Provision(t.Context(), acme), n)
		cut := cutAt(proxy, n, n%2 == 0)
		err := p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+itsName(acme))
		proxy.Cut(nil)
		if !cut.did.Load() {
			require.NoError(t, err)
			s.nothing(t, acme)
			return
		}
		if n%3 == 0 && err != nil { // make it whole, rather than finish it
			require.NoError(t, direct.Provision(t.Context(), acme), n)
			s.works(t, acme)
		}
		deprovision(t, p, acme)
		s.nothing(t, acme, n)
	}
}

func TestProvision_whose_migration_fails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	broken := errBroken
	p, acme := s.provisioner(t, provision.Migrations(plain, failing(&broken))), s.tenant("acme")
	require.ErrorIs(t, p.Provision(t.Context(), acme), errBroken)
	s.nothing(t, acme)
	broken = nil
	require.NoError(t, p.Provision(t.Context(), acme))
	s.works(t, acme)
	deprovision(t, p, acme)
}

// A migration that panics takes nothing with it.
func TestProvision_whose_migration_panics(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t, provision.Migrations(plain, migrations.Migration{
		Version: "002", Up: func(context.Context, *gorm.DB) error { panic(errBroken) },
	})), s.tenant("acme")
	require.PanicsWithValue(t, errBroken, func() { _ = p.Provision(t.Context(), acme) })
	s.nothing(t, acme)
}

// What tenants may have used is never dropped by Provision.
func TestProvision_keeps_a_database_that_was_open(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	acme := s.tenant("acme")
	require.NoError(t, s.provisioner(t).Provision(t.Context(), acme))
	s.works(t, acme)
	broken := errBroken
	p := s.provisioner(t, provision.Migrations(plain, failing(&broken)))
	defer deprovision(t, p, acme)

	require.ErrorIs(t, p.Provision(t.Context(), acme), errBroken)
	s.works(t, acme)

	name := `"` + itsName(acme) + `"` // closed for maintenance
	s.exec(t, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	broken = nil
	require.ErrorContains(t, p.Provision(t.Context(), acme), "not currently accepting connections")
	s.exec(t, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")
	require.NoError(t, p.Provision(t.Context(), acme))
	var n int
	require.NoError(
		t, connect(t, s.as(t, acme)).QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&n))
	require.Equal(t, 2, n)
}

func TestProvision_whose_context_ends(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	p, acme := s.provisioner(t, provision.Migrations(plain, migrations.Migration{
		Version: "002", Up: func(_ context.Context, db *gorm.DB) error {
			cancel()
			return db.Exec("SELECT pg_sleep(60)").Error
		},
	})), s.tenant("acme")
	require.ErrorIs(t, p.Provision(ctx, acme), context.Canceled)
	s.nothing(t, acme)
}

// A call that waits for the lock stops with its context, and one whose work another has taken over
// meanwhile does not undo it.
func TestProvision_waits_no_longer_than_its_context(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	slow, acme := s.provisioner(t, provision.Migrations(plain, migrations.Migration{
		Version: "002", Up: func(context.Context, *gorm.DB) error {
			close(entered)
			<-leave
			return nil
		},
	})), s.tenant("acme")
	done := make(chan error, 1)
	go func() { done <- slow.Provision(t.Context(), acme) }()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	other := s.provisioner(t)
	go func() { waited <- other.Provision(ctx, acme) }()
	require.Eventually(t, func() bool {
		return ask[bool](
			t, s, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT "+
				"granted AND database = "+
				"(SELECT oid FROM pg_database WHERE datname = current_database()))")
	}, time.Minute, 10*time.Millisecond)
	cancel()
	err := <-waited
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "wait for the lock")
	close(leave)
	require.NoError(t, <-done)
	s.works(t, acme)
	deprovision(t, slow, acme)
}

// lossy are secrets that fail.
type lossy struct {
	credentials.Secrets
	get, put, kept, del error
}

func (l *lossy) Get(ctx context.Context, d databases.Database) (credentials.Secret, error) {
	if l.get != nil {
		return credentials.Secret{}, l.get
	}
	return l.Secrets.Get(ctx, d)
}

func (l *lossy) Put(ctx context.Context, d databases.Database, secret credentials.Secret) error {
	if l.put != nil {
		return l.put
	}
	return errors.Join(l.Secrets.Put(ctx, d, secret), l.kept)
}

func (l *lossy) Delete(ctx context.Context, d databases.Database) error {
	if l.del != nil {
		return l.del
	}
	return l.Secrets.Delete(ctx, d)
}

func TestProvision_whose_secrets_fail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	acme, kept := s.tenant("acme"), s.secrets
	for _, c := range []struct {
		name    string
		failing *lossy
	}{
		{"to_read", &lossy{get: errBroken}},
		{"to_keep", &lossy{put: errBroken}},
		{"to_answer", &lossy{kept: errBroken}},
	} {
		c.failing.Secrets = kept
		s.secrets = c.failing
		require.ErrorIs(t, s.provisioner(t).Provision(t.Context(), acme), errBroken, c.name)
		s.secrets = kept
		s.nothing(t, acme, c.name)
	}
	s.secrets = &lossy{Secrets: kept, del: errBroken}
	broken := errBroken
	err := s.provisioner(t, provision.Migrations(plain, failing(&broken))).Provision(
		t.Context(), acme)
	require.ErrorContains(t, err, "its credentials are left")
	require.Empty(t, s.left(t))
	s.secrets = kept
	require.NoError(t, s.provisioner(t).Provision(t.Context(), acme)) // with those that are left
	s.works(t, acme)

	s.secrets = &lossy{Secrets: kept, del: errBroken}
	err = s.provisioner(t).Deprovision(t.Context(), acme, "DELETE_DATABASE_"+itsName(acme))
	require.ErrorIs(t, err, errBroken)
	s.secrets = kept
	deprovision(t, s.provisioner(t), acme)
	s.nothing(t, acme)
}

// A process that has lost its secrets, or another application that names its tenants alike, does
// not change the password of a database that is in use.
func TestProvision_without_the_secret_of_a_database_that_is(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	defer func() { deprovision(t, p, acme) }()
	old := s.as(t, acme)

	s.secrets = credentials.InMemory()
	p = s.provisioner(t)
	require.ErrorIs(t, p.Provision(t.Context(), acme), credentials.ErrNoSecret)
	connect(t, old)
	_, err := s.secrets.Get(t.Context(), databaseOf(acme))
	require.ErrorIs(t, err, credentials.ErrNoSecret)

	require.NoError(t, p.Rotate(t.Context(), acme))
	s.works(t, acme)
	require.NoError(t, p.Provision(t.Context(), acme))
}

// Rotate that is cut off is mended by Provision.
func TestRotate_cut_off(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.ErrorContains(t, p.Rotate(t.Context(), acme), "call Provision")
	require.NoError(t, p.Provision(t.Context(), acme))
	defer deprovision(t, p, acme)
	for n := 0; ; n++ {
		cut := cutAt(proxy, n, false)
		err := s.through(t, through).Rotate(t.Context(), acme)
		if !cut.did.Load() {
			require.NoError(t, err)
			s.works(t, acme)
			return
		}
		require.NoError(t, p.Provision(t.Context(), acme), n)
		s.works(t, acme, n)
	}
}

// Postgres was killed while it dropped the database.
func TestProvision_of_a_database_that_is_half_dropped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	s.exec(t, "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '"+itsName(acme)+"'")
	require.NoError(t, p.Provision(t.Context(), acme))
	s.works(t, acme)
	s.exec(t, "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '"+itsName(acme)+"'")
	deprovision(t, p, acme)
	s.nothing(t, acme)
}

// The call that has taken over what another was cut off from finishes it, and the other leaves it
// alone.
func TestProvision_taken_over_by_another_call(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	acme, kept := s.tenant("acme"), s.secrets
	second := s.provisioner(t)
	s.secrets = &hooked{Secrets: kept, put: func() {
		s.exec(
			t, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename "+
				"= '"+s.admin.User+"'")
		require.NoError(t, second.Provision(t.Context(), acme))
	}}
	require.ErrorContains(t, s.provisioner(t).Provision(t.Context(), acme), "make its role")
	s.works(t, acme)
	deprovision(t, second, acme)
}

// hooked are secrets that call put when they have kept one.
type hooked struct {
	credentials.Secrets
	put func()
}

func (h *hooked) Put(ctx context.Context, d databases.Database, secret credentials.Secret) error {
	defer h.put()
	return h.Secrets.Put(ctx, d, secret)
}

// At no time can others connect, though PUBLIC may when a database is made.
func TestProvision_opens_no_door_meanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	acme := s.tenant("acme")
	inside := s.root.Copy()
	inside.Database = itsName(acme)
	tried := make(chan error, 1)
	proxy.Cut(func(piece []byte) (int, bool) {
		if bytes.Contains(piece, []byte("REVOKE ALL ON DATABASE")) {
			_, err := pgx.ConnectConfig(t.Context(), inside)
			tried <- err
			return len(piece), true
		}
		return 0, false
	})
	require.Error(t, s.through(t, through).Provision(t.Context(), acme))
	require.ErrorContains(t, <-tried, "not currently accepting connections")
	s.nothing(t, acme)
}
