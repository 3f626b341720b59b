package databases_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	eu, err := pgx.ParseConfig("host=eu.test port=5433 user=admin password=admin dbname=postgres application_name=app connect_timeout=9 sslmode=disable")
	require.NoError(t, err)
	us, err := pgx.ParseConfig("host=us.test user=admin password=admin dbname=postgres sslmode=disable")
	require.NoError(t, err)
	secrets := databases.MemorySecrets()
	acme, zeta := databases.Database{Tenant: "acme", Name: "tenant_acme"}, databases.Database{Tenant: "zeta", Name: "z", Server: "us"}
	require.NoError(t, secrets.Put(t.Context(), acme, databases.Secret{User: "a", Password: "1"}))
	require.NoError(t, secrets.Put(t.Context(), zeta, databases.Secret{User: "z", Password: "2"}))

	connect, err := databases.Connect(secrets, databases.Server{Name: "eu", Config: eu}, databases.Server{Name: "us", Admin: us})
	require.NoError(t, err)
	config, err := connect(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, []any{"eu.test", uint16(5433), "tenant_acme", "a", "1", 9 * time.Second},
		[]any{config.Host, config.Port, config.Database, config.User, config.Password, config.ConnectTimeout})
	require.Equal(t, "app", config.RuntimeParams["application_name"])
	config, err = connect(t.Context(), zeta)
	require.NoError(t, err)
	require.Equal(t, []string{"us.test", "z", "z", "2"}, []string{config.Host, config.Database, config.User, config.Password})
	require.Positive(t, config.ConnectTimeout)
	require.Equal(t, "admin", us.User)

	_, err = connect(t.Context(), databases.Database{Tenant: "other", Name: "tenant_acme"})
	require.ErrorIs(t, err, databases.ErrNoDatabase)
	require.ErrorIs(t, err, databases.ErrNoSecret)
	_, err = connect(t.Context(), databases.Database{Tenant: "acme", Name: "tenant_acme", Server: "mars"})
	require.ErrorContains(t, err, `"mars"`)

	for text, servers := range map[string][]databases.Server{
		"need a server":         nil,
		"needs a configuration": {{Name: "eu"}},
		"two servers":           {{Name: "eu", Config: eu}, {Name: "eu", Config: us}},
		"each needs a name":     {{Name: "eu", Config: eu}, {Config: us}},
	} {
		_, err := databases.Connect(secrets, servers...)
		require.ErrorContains(t, err, text)
		_, err = databases.NewProvisioner(secrets, servers)
		require.ErrorContains(t, err, text)
	}
	_, err = databases.Connect(nil, databases.Server{Config: eu})
	require.ErrorContains(t, err, "the secrets")
	_, err = databases.NewProvisioner(nil, []databases.Server{{Admin: eu}})
	require.ErrorContains(t, err, "the secrets")
	_, err = databases.NewProvisioner(secrets, []databases.Server{{Config: eu}})
	require.ErrorContains(t, err, "needs an Admin")
}

// What Provision makes, pools open with the tenant's own credentials, which they ask for each time.
func TestPools_of_what_was_provisioned(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, acme, zeta := s.provisioner(t), s.tenant("acme"), s.tenant("zeta")
	connect, err := databases.Connect(s.secrets, databases.Server{Config: s.root})
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
	require.Equal(t, itsRole(zeta), scan[string](t, pools.QueryRowContext(ctx, "SELECT current_user")))
	require.NoError(t, p.Rotate(t.Context(), zeta))
	require.NoError(t, pools.CloseTenant(ctx, zeta.ID))
	require.Equal(t, itsName(zeta), scan[string](t, pools.QueryRowContext(ctx, "SELECT current_database()")))
}
