package provision_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestNewPostgres_refuses(t *testing.T) {
	t.Parallel()
	admin, err := pgx.ParseConfig(
		"host=eu.test user=admin password=admin dbname=postgres sslmode=disable")
	require.NoError(t, err)
	secrets := credentials.InMemory()
	good := []provision.Server{{Admin: admin}}
	for _, refused := range []struct {
		text    string
		secrets credentials.Secrets
		servers []provision.Server
		options []provision.PostgresOption
	}{
		{"need a server", secrets, nil, nil},
		{"needs a configuration", secrets, []provision.Server{{Name: "eu"}}, nil},
		{"two servers", secrets, []provision.Server{
			{Name: "eu", Admin: admin},
			{Name: "eu", Admin: admin},
		}, nil},
		{"each needs a name", secrets, []provision.Server{
			{Name: "eu", Admin: admin},
			{Admin: admin},
		}, nil},
		{"needs an Admin", secrets, []provision.Server{{Config: admin}}, nil},
		{"the secrets", nil, good, nil},
		{
			"option 2 is nil", secrets, good,
			[]provision.PostgresOption{provision.Application("a"), nil},
		},
		{`Template("")`, secrets, good, []provision.PostgresOption{provision.Template("")}},
	} {
		p, err := provision.NewPostgres(refused.secrets, refused.servers, refused.options...)
		require.ErrorContains(t, err, refused.text)
		require.Nil(t, p)
	}
}

// What Provision makes, pools open with the tenant's own credentials, which they ask for each time.
func TestPools_of_what_was_provisioned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme, zeta := s.provisioner(t), s.tenant("acme"), s.tenant("zeta")
	connect, err := credentials.Connect(s.secrets, credentials.Server{Config: s.root})
	require.NoError(t, err)
	pools := newPools(t, databases.PostgresWith(connect))
	defer func() { require.NoError(t, pools.Close()) }()
	ctx := tenants.NewContext(t.Context(), acme)
	_, err = pools.ExecContext(ctx, "SELECT 1")
	require.ErrorIs(t, err, databases.ErrNoDatabase)

	for _, tenant := range []*tenants.Tenant{acme, zeta} {
		require.NoError(t, p.Provision(t.Context(), tenant))
		defer deprovision(t, p, tenant)
	}
	require.NoError(t, pools.CloseTenant(ctx, acme.ID))
	ctx = tenants.NewContext(t.Context(), zeta)
	require.Equal(
		t, itsRole(zeta), scan[string](t, pools.QueryRowContext(ctx, "SELECT current_user")))
	require.NoError(t, p.Rotate(t.Context(), zeta))
	require.NoError(t, pools.CloseTenant(ctx, zeta.ID))
	require.Equal(
		t, itsName(zeta), scan[string](t, pools.QueryRowContext(ctx, "SELECT current_database()")))
}
