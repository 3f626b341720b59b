package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	const pairs = "host=db.test port=5433 password=secret sslmode=disable"
	const url = "postgres://app:secret@db.test:5433"
	for _, test := range []struct{ name, dsn string }{
		{"url", url + "/prod?sslmode=disable"},
		{"url_without_database", url + "?sslmode=disable"},
		{"url_other_scheme", "postgresql://app:secret@db.test:5433/prod?sslmode=disable"},
		{"url_dbname_parameter", url + "/?sslmode=disable&dbname=prod"},
		{"url_database_parameter", url + "/a?sslmode=disable&database=b"},
		{"url_two_hosts", url + ",b.test:5433/a?sslmode=disable"},
		{"pairs", "user=app " + pairs + " dbname=prod"},
		{"pairs_without_database", "user=app " + pairs},
		{"pairs_other_key", "database=prod user=app " + pairs},
		{"pairs_dbname_comes_last", "user=app " + pairs + " dbname = 'x'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := pgtest.WithDatabase(test.dsn, "fresh")
			require.NoError(t, err)

			config, err := pgx.ParseConfig(got)
			require.NoError(t, err)
			require.Equal(t, "fresh", config.Database)
			require.Equal(t, "db.test", config.Host)
			require.EqualValues(t, 5433, config.Port)
			require.Equal(t, "app", config.User)
			require.Equal(t, "secret", config.Password)
			require.Nil(t, config.TLSConfig)
		})
	}
}

func TestWithDatabase_keeps_password_out_of_error(t *testing.T) {
	t.Parallel()
	_, err := pgtest.WithDatabase("postgres://app:hunter2@host:port/prod", "fresh")
	require.EqualError(t, err, "the DSN is not a valid URL")
}
