// Package pgtest gives each test a PostgreSQL database of its own.
//
//	func TestOrders(t *testing.T) {
//		t.Parallel()
//		db, err := gorm.Open(postgres.Open(pgtest.New(t)))
//		...
//	}
//
// If GORMTENANT_TEST_POSTGRES holds a DSN (a URL or key=value pairs), the databases are made on
// that server; its role needs CREATEDB, and the server has to be version 13 or later. A test
// process that is killed cannot drop what it made there: such databases are left, and are named
// gormtenant_test_*.
//
// Otherwise the first test that asks starts a private server, which the rest of its test binary
// shares. It runs the initdb, pg_ctl and postgres found on PATH or where the usual packages put
// them, keeps its files in the temporary directory, listens on a free port of 127.0.0.1 with a
// random password, trades durability for speed, sorts text by the C locale and is on UTC. The DSN
// is that of its superuser, whom row-level security does not bind: a test of policies has to make
// a role and switch to it. The server and its files go when the test process does, however it
// ends, a moment after it. On a slow disk TMPDIR=/dev/shm makes databases several times as fast.
//
// With no server to be found a test fails. Only with -short, which never starts a server, is it
// skipped instead. Starting a private server works on Unix only.
package pgtest

import (
	"os"
	"sync"
	"testing"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// envDSN names the environment variable that holds the DSN of a server to use as it is.
const envDSN = "GORMTENANT_TEST_POSTGRES"

// shared is the one server of the test binary; tests in other packages have no TestMain in which
// to start and pass on another.
var shared = source{launcher: launcher{
	places:   usualPlaces,
	settings: fastSettings,
	port:     server.FreePort,
}}

// New makes an empty database for t and returns its DSN. The database is dropped when t and its
// sub-tests are over, even if connections to it are still open.
//
//	CREATE DATABASE "gormtenant_test_..." TEMPLATE template0
//	DROP DATABASE IF EXISTS "gormtenant_test_..." WITH (FORCE)
//
// New ends the test with Fatal if there is no server, or with Skip under -short; see the package
// documentation. It may be called by parallel tests, and more than once by a test.
func New(t testing.TB) string {
	t.Helper()
	return shared.newDatabase(t)
}

// source knows the server on which databases are made, and starts it when it is first needed.
type source struct {
	launcher launcher

	once    sync.Once
	cluster *cluster
	err     error
}

// newDatabase is New on this source.
func (s *source) newDatabase(t testing.TB) string {
	t.Helper()

	admin := s.admin(t)
	name := newName()
	if err := createDatabase(t.Context(), admin, name); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := dropDatabase(t.Context(), admin, name); err != nil {
			t.Errorf("pgtest: drop the database: %v", err)
		}
	})

	dsn, err := withDatabase(admin, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return dsn
}

// admin returns a DSN whose role may create databases.
func (s *source) admin(t testing.TB) string {
	t.Helper()

	if dsn := os.Getenv(envDSN); dsn != "" {
		return dsn
	}
	if testing.Short() {
		t.Skip("pgtest: PostgreSQL TESTS DID NOT RUN: -short starts no server; " +
			"run without -short, or set " + envDSN + " to a DSN")
	}
	s.once.Do(func() { s.cluster, s.err = s.launcher.start() })
	if s.err != nil {
		t.Fatalf("pgtest: %v", s.err)
	}
	return s.cluster.dsn
}
