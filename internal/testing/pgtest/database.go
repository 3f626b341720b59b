package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementTimeout bounds the making and the dropping of a database, which take well under a
// second unless the server is gone or out of reach.
const statementTimeout = time.Minute

// newName returns a database name that no other test process, here or on another machine that
// uses the same server, will think of.
func newName() string {
	return "gormtenant_test_" + strings.ToLower(rand.Text())
}

// createDatabase copies template0, because nobody can be connected to that one: a copy of
// template1 fails while anybody is.
//
// It leaves STRATEGY, which PostgreSQL 14 does not know, to the server. With fsync off on a disk,
// wal_log and file_copy take the same time, that of creating some 300 files. In memory file_copy
// saves half of 40 ms, but on a server with fsync on it costs two checkpoints.
func createDatabase(ctx context.Context, admin, name string) error {
	return execute(ctx, admin, "CREATE DATABASE "+quote(name)+" TEMPLATE template0")
}

// dropDatabase ends the sessions that the test left open, then drops the database. It works
// within a clean-up too, where the context of the test is already cancelled.
func dropDatabase(ctx context.Context, admin, name string) error {
	return execute(context.WithoutCancel(ctx), admin,
		"DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

// execute executes one statement on a connection of its own. A pool would keep goroutines that
// a test looking for leaked ones would find.
func execute(ctx context.Context, dsn, statement string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()

	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()

	_, err = conn.Exec(ctx, statement)
	return err
}

func quote(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

// withDatabase returns dsn with its database replaced. Both forms of a libpq connection string
// are understood, see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // the last of two equal keys counts
	}

	u, err := url.Parse(dsn)
	if err != nil {
		// The error of url.Parse repeats the URL, and with it the password.
		return "", errors.New("the DSN is not a valid URL")
	}
	u.Path = "/" + name
	// A parameter of that name would win over the path.
	if query := u.Query(); query.Has("dbname") || query.Has("database") {
		query.Del("dbname")
		query.Del("database")
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}
