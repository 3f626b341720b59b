package provision_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestProvision_makes_a_database_of_the_tenants_own(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t, provision.Migrations(notes)), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	defer deprovision(t, p, acme)
	name := itsName(acme)

	conn := connect(t, s.as(t, acme))
	_, err := conn.Exec(t.Context(), "INSERT INTO notes (text) VALUES ('mine')")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE more (id int)")
	require.NoError(t, err)
	var owner string
	require.NoError(
		t, conn.QueryRow(
			t.Context(), "SELECT tableowner FROM pg_tables WHERE tablename = 'notes'").Scan(&owner))
	require.Equal(t, itsRole(acme), owner)
	var usage bool // PostgreSQL 14 leaves the schema to the superuser
	require.NoError(
		t, conn.QueryRow(t.Context(), "SELECT has_schema_privilege('public', 'public', 'USAGE') "+
			"AND current_setting('server_version_num')::int >= 150000").Scan(&usage))
	require.False(t, usage)

	require.Equal(
		t, itsRole(acme), ask[string](
			t, s, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name))
	require.False(
		t, ask[bool](
			t, s, "SELECT has_database_privilege('public', $1, 'CONNECT') OR "+
				"has_database_privilege('public', $1, 'TEMPORARY')", name))
	require.False(
		t, ask[bool](
			t, s, "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR "+
				"rolbypassrls "+
				"FROM pg_roles WHERE rolname = $1", itsRole(acme)))
	require.Regexp(
		t, `^SCRAM-SHA-256\$4096:`, ask[string](
			t, s, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", itsRole(acme)))
	require.Contains(
		t, ask[string](
			t, s, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = "+
				"$1",
			name), acme.ID)
}

func TestProvision_keeps_others_out(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme, zeta := s.provisioner(t), s.tenant("acme"), s.tenant("zeta")
	for _, tenant := range []*tenants.Tenant{acme, zeta} {
		require.NoError(t, p.Provision(t.Context(), tenant))
		defer deprovision(t, p, tenant)
	}
	hostile := "hostile" + s.suffix
	s.exec(t, `CREATE ROLE "`+hostile+`" LOGIN PASSWORD 'x'`)
	defer s.exec(t, `DROP ROLE "`+hostile+`"`)
	connect(t, s.as(t, zeta)) // which it may

	refused := func(user, password, text string) {
		config := s.as(t, acme)
		config.User, config.Password = user, password
		_, err := pgx.ConnectConfig(t.Context(), config)
		require.ErrorContains(t, err, text, user)
	}
	theirs := s.as(t, zeta)
	refused(theirs.User, theirs.Password, "permission denied for database")
	refused(hostile, "x", "permission denied for database")
	refused(itsRole(acme), theirs.Password, "password authentication failed")

	conn := connect(t, theirs)
	_, err := conn.Exec(t.Context(), `SET ROLE "`+itsRole(acme)+`"`)
	require.ErrorContains(t, err, "permission denied")
	_, err = conn.Exec(t.Context(), `DROP DATABASE "`+itsName(acme)+`"`)
	require.ErrorContains(t, err, "must be owner")
}

// Nothing that goes to the server has the password in it, nor does an error.
func TestProvision_tells_nobody_the_password(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	var mu sync.Mutex
	var sent strings.Builder
	proxy.Cut(func(piece []byte) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		sent.Write(piece)
		return 0, false
	})
	p, acme := s.through(t, through), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	defer deprovision(t, p, acme)
	require.NoError(t, p.Rotate(t.Context(), acme))
	secret, err := s.secrets.Get(t.Context(), databaseOf(acme))
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, sent.String(), "CREATE ROLE")
	require.Contains(t, sent.String(), "INSERT INTO")
	require.Len(t, secret.Password, 32)
	require.NotContains(t, sent.String(), secret.Password)
}

func TestProvision_again_changes_nothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme := s.provisioner(t), s.tenant("acme")
	require.NoError(t, p.Provision(t.Context(), acme))
	defer deprovision(t, p, acme)
	before := s.as(t, acme)
	_, err := connect(t, before).Exec(t.Context(), "INSERT INTO notes (text) VALUES ('mine')")
	require.NoError(t, err)

	require.NoError(t, p.Provision(t.Context(), acme))
	require.Equal(t, before.Password, s.as(t, acme).Password)
	var n int
	require.NoError(
		t, connect(t, s.as(t, acme)).QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&n))
	require.Equal(t, 1, n)
}

func TestProvision_at_once(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme, zeta := s.provisioner(t), s.tenant("acme"), s.tenant("zeta")
	var calls errgroup.Group
	for range 4 {
		calls.Go(func() error { return p.Provision(t.Context(), acme) })
		calls.Go(func() error { return p.Provision(t.Context(), zeta) })
	}
	require.NoError(t, calls.Wait())
	connect(t, s.as(t, acme))
	connect(t, s.as(t, zeta))
	deprovision(t, p, acme)
	deprovision(t, p, zeta)
}

// What exists and is not the tenant's is an error, and stays as it is.
func TestProvision_does_not_touch_what_is_not_the_tenants(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		make, drop []string
	}{
		{"role", []string{`CREATE ROLE "ROLE"`}, []string{`DROP ROLE "ROLE"`}},
		{"superuser", []string{`CREATE ROLE "ROLE" SUPERUSER`}, []string{`DROP ROLE "ROLE"`}},
		{"database", []string{`CREATE DATABASE "NAME"`}, []string{`DROP DATABASE "NAME"`}},
		{
			"role_of_another",
			[]string{
				`CREATE ROLE "ROLE"`,
				`COMMENT ON ROLE "ROLE" IS 'gormtenant: {"tenant":"zeta"}'`,
			},
			[]string{`DROP ROLE "ROLE"`},
		},
		{"role_of_nobody", []string{
			`CREATE ROLE "ROLE"`,
			`COMMENT ON ROLE "ROLE" IS 'gormtenant: {"tenant":""}'`,
		}, []string{`DROP ROLE "ROLE"`}},
		{
			"role_of_another_application",
			[]string{
				`CREATE ROLE "ROLE"`,
				`COMMENT ON ROLE "ROLE" IS 'gormtenant: {"tenant":"ID","application":"other"}'`,
			},
			[]string{`DROP ROLE "ROLE"`},
		},
		{
			"role_of_the_tenant_and_database_of_another",
			[]string{
				`CREATE ROLE "ROLE"`,
				`COMMENT ON ROLE "ROLE" IS 'gormtenant: {"tenant":"ID"}'`,
				`CREATE DATABASE "NAME"`,
			},
			[]string{`DROP DATABASE "NAME"`, `DROP ROLE "ROLE"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			p, acme := s.provisioner(t), s.tenant("acme")
			fill := strings.NewReplacer(
				"NAME", itsName(acme), `"ROLE"`, `"`+itsRole(acme)+`"`, "ID", acme.ID)
			for _, statement := range test.make {
				s.exec(t, fill.Replace(statement))
			}
			before := s.left(t)
			require.ErrorIs(t, p.Provision(t.Context(), acme), provision.ErrNotOurs)
			require.ErrorIs(
				t, p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+itsName(acme)),
				provision.ErrNotOurs)
			require.ErrorIs(t, p.Rotate(t.Context(), acme), provision.ErrNotOurs)
			require.Equal(t, before, s.left(t))
			require.Zero(
				t, ask[int](
					t, s, "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = "+
						"m.roleid WHERE rolname = $1", itsRole(acme)))
			_, err := s.secrets.Get(t.Context(), databaseOf(acme))
			require.ErrorIs(t, err, credentials.ErrNoSecret)
			for _, statement := range test.drop {
				s.exec(t, fill.Replace(statement))
			}
		})
	}
}

func TestProvision_does_not_touch_the_admins_own(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.provisioner(t)
	evil := s.tenant("evil")
	evil.Placement.Name = s.admin.Database
	require.ErrorIs(t, p.Provision(t.Context(), evil), provision.ErrNotOurs)
	require.ErrorIs(
		t, p.Deprovision(t.Context(), evil, "DELETE_DATABASE_"+s.admin.Database),
		provision.ErrNotOurs)
}

var hostileIDs = []string{
	`a"; DROP DATABASE postgres; --`, `a'; DROP ROLE postgres; --`, `\'; SELECT 1; --`,
	"../../etc/passwd", "ACME", "münchen",
	"$1 NAME %s {}", strings.Repeat("x", 255), "a\nb",
}

func TestProvision_of_hostile_IDs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.provisioner(t)
	for i, id := range hostileIDs {
		tenant := s.tenant("")
		tenant.ID = id
		tenant.Placement.Name = `"'; %s $1 ` + strconv.Itoa(i) + s.suffix // and a hostile name
		require.NoError(t, p.Provision(t.Context(), tenant), id)
		connect(t, s.as(t, tenant))
		other := *tenant
		other.ID = "other"
		require.ErrorIs(t, p.Provision(t.Context(), &other), provision.ErrNotOurs, id)
		deprovision(t, p, tenant)
		require.Empty(t, s.left(t), id)
	}
	for _, c := range []struct {
		id   string
		want error
	}{
		{"", gormtenant.ErrNoTenant},
		{"a\x00b", gormtenant.ErrInvalidID},
		{"a\xff", gormtenant.ErrInvalidID},
		{strings.Repeat("x", 300), gormtenant.ErrInvalidID},
	} {
		tenant := &tenants.Tenant{ID: c.id, Placement: tenants.Placement{Level: tenants.Database}}
		require.ErrorIs(t, p.Provision(t.Context(), tenant), c.want)
	}
}

func TestProvision_refuses_other_placements(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.provisioner(t)
	for _, c := range []struct {
		text      string
		placement tenants.Placement
	}{
		{"level rows", tenants.Placement{}},
		{"level schema", tenants.Placement{Level: tenants.Schema}},
		{"server's own", tenants.Placement{Level: tenants.Database, Name: "postgres"}},
		{`server "mars"`, tenants.Placement{Level: tenants.Database, Server: "mars"}},
		{"has a slash", tenants.Placement{Level: tenants.Database, Name: "../x"}},
		{`"planet": it m`, tenants.Placement{Level: "planet"}},
	} {
		require.ErrorContains(
			t, p.Provision(t.Context(), &tenants.Tenant{ID: "acme", Placement: c.placement}),
			strings.TrimPrefix(c.text, "has "))
	}
	require.Error(t, p.Provision(t.Context(), nil))
}

func TestProvision_of_a_server_that_is_down(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	down := s.admin.Copy()
	down.Port = 1
	err := s.through(t, down).Provision(t.Context(), s.tenant("acme"))
	require.ErrorContains(t, err, "connect as admin")
	require.NotContains(t, err.Error(), s.admin.Password+"@")
}

func TestProvision_in_a_context_that_has_ended(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.provisioner(t).Provision(ctx, s.tenant("acme")), context.Canceled)
	_, err := s.secrets.Get(t.Context(), databaseOf(s.tenant("acme")))
	require.ErrorIs(t, err, credentials.ErrNoSecret)
}
