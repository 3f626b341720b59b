// Package mysqltest gives each test a MariaDB or MySQL database of its own.
//
//	func TestOrders(t *testing.T) {
//		t.Parallel()
//		db, err := gorm.Open(mysql.Open(mysqltest.New(t)))
//		...
//	}
//
// If GORMTENANT_TEST_MYSQL holds a DSN, as github.com/go-sql-driver/mysql takes it, the databases
// are made on that server; its account may create databases. A test process that is killed cannot
// drop what it made there: such databases are left, and are named gormtenant_test_*.
//
// Otherwise the first test that asks starts a private MariaDB, which the rest of its test binary
// shares. It runs the mariadb-install-db and mariadbd found on PATH or where the usual packages put
// them, keeps its files in the temporary directory, listens on a free port of 127.0.0.1 with a
// random password, trades durability for speed, and is on UTC. The server and its files go when the
// test process does, however it ends, a moment after it.
//
// With no server to be found a test fails. Only with -short, which never starts a server, is it
// skipped instead. Starting a private server works on Unix only.
package mysqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// envDSN names the environment variable that holds the DSN of a server to use as it is.
const envDSN = "GORMTENANT_TEST_MYSQL"

// shared is the one server of the test binary; tests in other packages have no TestMain in which
// to start and pass on another.
var shared = source{launcher: launcher{
	places:   usualPlaces,
	settings: fastSettings,
	port:     server.FreePort,
}}

// New makes an empty database for t and returns its DSN, with parseTime, which GORM needs. The
// database is dropped when t and its sub-tests are over.
//
//	CREATE DATABASE gormtenant_test_... CHARACTER SET utf8mb4
//	DROP DATABASE IF EXISTS gormtenant_test_...
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

	once   sync.Once
	server *server.Server // kept, because its lifeline is
	dsn    string
	err    error
}

// newDatabase is New on this source.
func (s *source) newDatabase(t testing.TB) string {
	t.Helper()

	config, err := mysql.ParseDSN(s.admin(t))
	if err != nil {
		t.Fatal("mysqltest: the DSN in " + envDSN + " is not valid") // err may quote its password
	}
	name := "gormtenant_test_" + strings.ToLower(rand.Text())
	admin := config.FormatDSN()
	err = execute(t.Context(), admin, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	if err != nil {
		t.Fatalf("mysqltest: create a database: %v", err)
	}
	t.Cleanup(func() {
		// The context of the test is already cancelled.
		ctx := context.WithoutCancel(t.Context())
		if err := execute(ctx, admin, "DROP DATABASE IF EXISTS "+name); err != nil {
			t.Errorf("mysqltest: drop the database: %v", err)
		}
	})
	config.DBName, config.ParseTime = name, true
	return config.FormatDSN()
}

// admin returns a DSN whose account may create databases.
func (s *source) admin(t testing.TB) string {
	t.Helper()

	if dsn := os.Getenv(envDSN); dsn != "" {
		return dsn
	}
	if testing.Short() {
		t.Skip("mysqltest: MYSQL TESTS DID NOT RUN: -short starts no server; " +
			"run without -short, or set " + envDSN + " to a DSN")
	}
	s.once.Do(func() { s.dsn, s.server, s.err = s.launcher.start() })
	if s.err != nil {
		t.Fatalf("mysqltest: %v", s.err)
	}
	return s.dsn
}

// statementTimeout bounds the making and the dropping of a database, which take well under a
// second unless the server is gone or out of reach.
const statementTimeout = time.Minute

// execute executes one statement on a connection of its own.
func execute(ctx context.Context, dsn, statement string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()

	pool, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	_, err = pool.ExecContext(ctx, statement)
	return err
}
