package main

import (
	"bytes"
	"context"
	_ "embed"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

//go:embed setup.sql
var setup string

// The file and the program are all the set-up that there is, as they stand. Only names that are the
// whole server's are changed, since a server may be given to several tests.
func TestProduction(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	super, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	suffix := "_" + config.Database[len(config.Database)-10:]
	words := regexp.MustCompile(`\b(owner|app|admin|provisioner)\b`)
	_, err = super.Exec(t.Context(), words.ReplaceAllString(setup, "${1}"+suffix))
	require.NoError(t, err)
	dash := "-" + suffix[1:]
	ids := []string{"acme" + dash, "globex" + dash, "initech" + dash}
	var roles []string
	for _, name := range []string{"owner", "app", "admin", "provisioner"} {
		roles = append(roles, name+suffix)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, name := range ids {
			_, _ = super.Exec(ctx, `DROP DATABASE IF EXISTS "tenant_`+name+`" WITH (FORCE)`)
			roles = append(roles, `"tenant_`+name+`"`, `"own_tenant_`+name+`"`)
		}
		_, _ = super.Exec(ctx, "GRANT CONNECT, TEMPORARY ON DATABASE postgres, template1 TO PUBLIC")
		for _, statement := range []string{"DROP OWNED BY @ CASCADE", "DROP ROLE @"} {
			for _, role := range roles {
				_, _ = super.Exec(ctx, strings.ReplaceAll(statement, "@", role))
			}
		}
		require.Zero(t, left(t, super, suffix[1:]))
		require.NoError(t, super.Close(ctx))
	})
	secrets := filepath.Join(t.TempDir(), "secrets")
	environment := func(name string) string {
		role, found := strings.CutSuffix(strings.ToLower(name), "_url")
		if !found {
			return secrets // SECRETS
		}
		_, err := super.Exec(t.Context(), "ALTER ROLE "+role+suffix+" PASSWORD 'secret'")
		require.NoError(t, err)
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		u.User = url.UserPassword(role+suffix, "secret")
		if role == "provisioner" {
			u.Path = "/postgres"
		}
		return u.String()
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), ids, environment, &out))
	want, err := os.ReadFile(filepath.Join("testdata", "production.golden"))
	require.NoError(t, err)
	require.Equal(t, string(want), strings.ReplaceAll(out.String(), dash, ""))

	// What the set-up promises.
	for _, refused := range []struct{ role, statement string }{
		{"app", "CREATE TEMP TABLE t (id int)"},
		{"app", "CREATE TABLE t (id int)"},
		{"app", "UPDATE gormtenant_tenants SET status = 'active'"},
		{"app", `SELECT * FROM "tenant_globex` + dash + `".projects`},
		{"admin", "CREATE TABLE t (id int)"},
	} {
		conn, err := pgx.Connect(t.Context(), environment(refused.role+"_URL"))
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), refused.statement)
		require.ErrorContains(t, err, "permission denied", "%s: %s", refused.role,
			refused.statement)
		require.NoError(t, conn.Close(t.Context()))
	}
}

// left counts the roles that were left.
func left(t *testing.T, super *pgx.Conn, suffix string) (n int) {
	t.Helper()
	err := super.QueryRow(context.WithoutCancel(t.Context()),
		"SELECT count(*) FROM pg_roles WHERE rolname LIKE '%' || $1", suffix).Scan(&n)
	require.NoError(t, err)
	return n
}
