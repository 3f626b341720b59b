package transfer

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is an exclusive connection to Postgres. It is closed after use, so that no setting of it
// gets back into the pool.
type session struct {
	owner *sql.Conn
	conn  *pgconn.PgConn
}

// cleanupTimeout bounds work that must finish even after the caller's context ended.
const cleanupTimeout = 15 * time.Second

func dial(ctx context.Context, loc Location) (*session, error) {
	pool, _, err := loc.pool()
	if err != nil {
		return nil, err
	}
	owner, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: connecting: %w", err)
	}
	s := &session{owner: owner}
	err = owner.Raw(func(raw any) error {
		conn, ok := raw.(interface{ Conn() *pgx.Conn })
		if !ok {
			return errors.New("gormtenant: moving a tenant on Postgres parents a pool of pgx, " +
				"as postgres.Open makes it")
		}
		s.conn = conn.Conn().PgConn()
		return nil
	})
	if err != nil {
		_ = owner.Close()
		return nil, err
	}
	return s, nil
}

// close ends the session, and the transaction that is open.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if !s.conn.IsClosed() {
		// The server notices only later that a connection was closed. Until then its locks would be
		// held against the next move of the same tenant.
		if s.conn.TxStatus() != 'I' {
			_ = s.exec(ctx, "ROLLBACK")
		}
		_ = s.exec(ctx, "SELECT pg_advisory_unlock_all()")
	}
	_ = s.owner.Raw(func(any) error { return driver.ErrBadConn }) // the pool closes it
	_ = s.owner.Close()
}

// exec runs statements, which have no parameters.
func (s *session) exec(ctx context.Context, statements ...string) error {
	_, err := s.query(ctx, strings.Join(statements, ";\n"))
	return err
}

// query returns the rows of the last statement as text, nil for NULL.
func (s *session) query(ctx context.Context, statements string) ([][][]byte, error) {
	results, err := s.conn.Exec(ctx, statements).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// value returns the first column of the first row as text, "" if there is none.
func (s *session) value(ctx context.Context, statement string) (string, error) {
	rows, err := s.query(ctx, statement)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return string(rows[0][0]), nil
}

// transact runs statements in a transaction of their own.
func (s *session) transact(ctx context.Context, statements ...string) error {
	err := s.exec(ctx, "BEGIN;\n"+strings.Join(statements, ";\n")+";\nCOMMIT")
	if err != nil && !s.conn.IsClosed() && s.conn.TxStatus() != 'I' {
		return errors.Join(err, s.exec(ctx, "ROLLBACK"))
	}
	return err
}

const (
	// lockTimeout is how long a lock may be waited for that others wait behind.
	lockTimeout = 100 * time.Millisecond
	// retryLimit is how long it is tried again for a freeze.
	retryLimit = 30 * time.Second
	// tidyLimit is how long it is tried again for what the tenant does not wait for.
	tidyLimit = 5 * time.Second
)

// lockNotAvailable is the code of the error after lock_timeout
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const lockNotAvailable = "55P03"

// patiently runs statements that need a lock on a table for which others wait meanwhile: in a
// transaction of their own that waits lockTimeout, again and again. When ctx is cancelled it stops
// between two tries, and the session stays.
func (s *session) patiently(
	ctx context.Context, limit time.Duration, oid string, statements ...string,
) error {
	deadline := time.Now().Add(limit)
	for pause := lockTimeout; ; pause = min(pause*2, time.Second) {
		err := s.attempt(ctx, oid, statements)
		if code(err) != lockNotAvailable {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("gormtenant: transactions that were open did not end within %s, "+
				"try again: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// attempt is one try of patiently.
func (s *session) attempt(ctx context.Context, oid string, statements []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	wait := lockTimeout
	if oid != "" {
		// An autovacuum gives way, after deadlock_timeout.
		vacuums, err := s.value(ctx, "SELECT count(*) * (extract(epoch "+
			"FROM current_setting('deadlock_timeout')::interval) * 1000 + 500)::int "+
			"FROM (SELECT FROM pg_locks WHERE locktype = 'relation' AND relation = "+oid+
			" AND database = "+thisDatabase+
			" AND mode = 'ShareUpdateExclusiveLock' AND granted LIMIT 1) AS l")
		if err != nil {
			return err
		}
		if ms, err := time.ParseDuration(vacuums + "ms"); err == nil {
			wait = max(wait, ms)
		}
	}
	return s.transact(ctx, append([]string{fmt.Sprintf("SET LOCAL lock_timeout = %d",
		wait.Milliseconds())}, statements...)...)
}

const thisDatabase = "(SELECT oid FROM pg_database WHERE datname = current_database())"

// code returns the code of an error of the server, "" if it is none.
func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}
