package credentials_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	eu, err := pgx.ParseConfig(
		"host=eu.test port=5433 user=admin password=admin dbname=postgres application_name=app " +
			"connect_timeout=9 sslmode=disable")
	require.NoError(t, err)
	us, err := pgx.ParseConfig(
		"host=us.test user=admin password=admin dbname=postgres sslmode=disable")
	require.NoError(t, err)
	secrets := credentials.InMemory()
	acme, zeta := databases.Database{Tenant: "acme", Name: "tenant_acme"},
		databases.Database{Tenant: "zeta", Name: "z", Server: "us"}
	require.NoError(t, secrets.Put(t.Context(), acme, credentials.Secret{User: "a", Password: "1"}))
	require.NoError(t, secrets.Put(t.Context(), zeta, credentials.Secret{User: "z", Password: "2"}))

	connect, err := credentials.Connect(
		secrets, credentials.Server{Name: "eu", Config: eu},
		credentials.Server{Name: "us", Config: us})
	require.NoError(t, err)
	config, err := connect(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, []any{"eu.test", uint16(5433), "tenant_acme", "a", "1", 9 * time.Second},
		[]any{
			config.Host, config.Port, config.Database, config.User, config.Password,
			config.ConnectTimeout,
		})
	require.Equal(t, "app", config.RuntimeParams["application_name"])
	config, err = connect(t.Context(), zeta)
	require.NoError(t, err)
	require.Equal(
		t, []string{"us.test", "z", "z", "2"},
		[]string{config.Host, config.Database, config.User, config.Password})
	require.Positive(t, config.ConnectTimeout)
	require.Equal(t, "admin", us.User)

	_, err = connect(t.Context(), databases.Database{Tenant: "other", Name: "tenant_acme"})
	require.ErrorIs(t, err, databases.ErrNoDatabase)
	require.ErrorIs(t, err, credentials.ErrNoSecret)
	_, err = connect(
		t.Context(), databases.Database{Tenant: "acme", Name: "tenant_acme", Server: "mars"})
	require.ErrorContains(t, err, `"mars"`)

	for _, refused := range []struct {
		text    string
		servers []credentials.Server
	}{
		{"need a server", nil},
		{"needs a configuration", []credentials.Server{{Name: "eu"}}},
		{"two servers", []credentials.Server{{Name: "eu", Config: eu}, {Name: "eu", Config: us}}},
		{"each needs a name", []credentials.Server{{Name: "eu", Config: eu}, {Config: us}}},
	} {
		_, err := credentials.Connect(secrets, refused.servers...)
		require.ErrorContains(t, err, refused.text)
	}
	_, err = credentials.Connect(nil, credentials.Server{Config: eu})
	require.ErrorContains(t, err, "the secrets")
}
