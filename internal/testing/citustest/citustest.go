// Package citustest gives each test a schema of its own on a Citus cluster.
//
// Citus is not among the packages that the tests can install. They run where GORMTENANT_TEST_CITUS
// holds the DSN, a URL, of a superuser on a coordinator with workers, as in
//
//	postgres://postgres:secret@localhost:5432/postgres?sslmode=disable
//
// and are skipped elsewhere, saying so.
package citustest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const envDSN = "GORMTENANT_TEST_CITUS"

// New makes an empty schema for t and returns a DSN that finds names there. The schema is dropped,
// with all that it holds, when t and its sub-tests are over.
func New(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(envDSN)
	if dsn == "" {
		t.Skip("citustest: CITUS TESTS DID NOT RUN: set " + envDSN +
			" to the URL of a superuser on a coordinator with workers")
	}
	name := "gormtenant_test_" + strings.ToLower(rand.Text())
	execute(t, dsn, "CREATE EXTENSION IF NOT EXISTS citus")
	execute(t, dsn, "CREATE SCHEMA "+name)
	t.Cleanup(func() { execute(t, dsn, "DROP SCHEMA "+name+" CASCADE") })
	return With(t, dsn, "search_path", name)
}

// With returns a DSN with one parameter more.
func With(t testing.TB, dsn, parameter, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("citustest: " + envDSN + " is not a valid URL")
	}
	query := u.Query()
	query.Set(parameter, value)
	u.RawQuery = query.Encode()
	return u.String()
}

func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("citustest: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("citustest: %s: %v", statement, err)
	}
}
