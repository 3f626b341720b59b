package pgsession

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// A statement can leave more in its session than rows: a temporary table, a run-time parameter, a
// role, a prepared statement under a name that pgx believes to be its own. A connection on which
// such a text ran is marked: it is closed instead of handed back to the pool, so that no other
// tenant meets it. As long as it is held, by a transaction or a sql.Conn, no other tenant's
// statement runs on it. Where nothing was marked, nothing is sent.

var _ driver.Validator = (*Conn)(nil)

// IsValid reports whether the connection may be handed back. database/sql closes it otherwise.
func (c *Conn) IsValid() bool { return !c.wire.marked.Load() }

var errLeft = fmt.Errorf("%w: this connection is held, by a transaction or a sql.Conn, and "+
	"another tenant's statement may have left something on it, such as a temporary table, a "+
	"cursor or a setting: use another connection for this tenant", gormtenant.ErrOtherTenant)

var errPooler = errors.New("gormtenant: the statement may leave something in its session, which " +
	"a pooler gives to others: use SET LOCAL, pg_advisory_xact_lock, one statement at a time; " +
	"or connect to the server itself")

// guard refuses a statement that would meet what another tenant's left, and marks the connection if
// this one may leave something.
func (c *Conn) guard(ctx context.Context, query string, settings []Setting) error {
	if c.status() == idle && !c.wire.marked.Load() {
		c.leaver = nil // what lasted until the end of its transaction is gone
	}
	if c.leaver != nil && !slices.Equal(c.leaver, settings) {
		return errLeft
	}
	trace := c.traces.of(query)
	if trace == sqltext.NoTrace {
		return nil
	}
	if trace == sqltext.SessionTrace {
		if c.pooler {
			return errPooler
		}
		c.wire.marked.Store(true)
	}
	// What the application itself does, without a tenant, is for all whom it lets use the
	// connection.
	if _, ok := gormtenant.FromContext(ctx); ok && c.leaver == nil {
		c.leaver = slices.Clone(settings)
	}
	return nil
}

// markFor marks the connection if p, messages that are not of an armed statement, has a text that
// may leave something: what is sent through Conn.Conn.
func (w *wire) markFor(p []byte) {
	for kind, body := range messagesOf(p) {
		switch kind {
		case 'P':
			if _, after, ok := bytes.Cut(body, []byte{0}); ok {
				body = after
			}
			fallthrough
		case 'Q':
			text, _, _ := bytes.Cut(body, []byte{0})
			if sqltext.TraceOf(string(text)) == sqltext.SessionTrace {
				w.marked.Store(true)
			}
		}
	}
}

// isPooled reports whether there is a pooler in front of the server, which gives each transaction
// another session. It makes up the process ID that it tells its clients.
func isPooled(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	results, err := conn.Exec(ctx, "SELECT pg_catalog.pg_backend_pid()").ReadAll()
	var server *pgconn.PgError
	switch {
	case errors.As(err, &server): // such as a pooler's console, which knows no function
		return true, nil
	case err != nil:
		return false, err
	case len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1:
		return true, nil
	}
	return string(results[0].Rows[0][0]) != strconv.FormatUint(uint64(conn.PID()), 10), nil
}
