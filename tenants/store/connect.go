package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The intervals between attempts to connect.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 5 * time.Second
)

// connect returns a connection that listens.
func (l *Listener) connect(ctx context.Context) (*pgx.Conn, error) {
	return within(ctx, l.serverTimeout, func(ctx context.Context) (*pgx.Conn, error) {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return nil, fmt.Errorf("gormtenant: connecting to listen for changes of tenants: %w",
				err)
		}
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			hangUp(ctx, conn)
			return nil, fmt.Errorf("gormtenant: listening for changes of tenants: %w", err)
		}
		return conn, nil
	})
}

// reconnect tries until it has a connection, and makes the cache forget what may have changed since
// the last one was lost. It returns nil when ctx is done.
func (l *Listener) reconnect(ctx context.Context) *pgx.Conn {
	for backoff := firstBackoff; ; backoff = min(2*backoff, mostBackoff) {
		timer := time.NewTimer(jittered(backoff))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		began := time.Now()
		conn, err := l.connect(ctx)
		if err == nil {
			l.cache.InvalidateAll()
			l.heard(began)
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		l.onError(err)
	}
}

// jittered is something from half of d to d: not all processes come back to the server at once.
func jittered(d time.Duration) time.Duration {
	return d/2 + mathrand.N(d/2) //nolint:gosec // nothing is kept secret by it
}

// hangUp closes a connection, also when ctx is done.
func hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // of a connection that is given up
}

// probe is the channel of the notification that a listener sends to itself.
const probe = "gormtenant_probe"

// prove finds out whether notifications arrive, from another connection: a pooler that gives each
// transaction another connection to the server accepts LISTEN, and nothing ever comes.
func (l *Listener) prove(ctx context.Context, conn *pgx.Conn) error {
	token := rand.Text()
	_, err := within(ctx, l.serverTimeout, func(ctx context.Context) (any, error) {
		if _, err := conn.Exec(ctx, "LISTEN "+probe); err != nil {
			return nil, err
		}
		if err := l.send(ctx, "NOTIFY "+probe+", '"+token+"'"); err != nil {
			return nil, err
		}
		if err := l.await(ctx, conn, token); err != nil {
			return nil, err
		}
		return conn.Exec(ctx, "UNLISTEN "+probe)
	})
	if err != nil {
		return fmt.Errorf("gormtenant: listening for changes of tenants: %w", err)
	}
	return nil
}

// send runs a statement on a connection of its own.
func (l *Listener) send(ctx context.Context, statement string) error {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	_, err = conn.Exec(ctx, statement)
	return err
}

// errDeaf is returned where notifications do not arrive.
var errDeaf = errors.New("a first notification did not arrive: the connection goes through a " +
	"pooler, such as pgbouncer in transaction mode: give store.Listen the server's own address")

// await waits for a payload.
func (l *Listener) await(ctx context.Context, conn *pgx.Conn, payload string) error {
	limited, cancel := context.WithTimeout(ctx, l.serverTimeout/2)
	defer cancel()
	for {
		notification, err := conn.WaitForNotification(limited)
		if err != nil && pgconn.Timeout(err) && ctx.Err() == nil {
			return errDeaf
		}
		if err != nil || notification.Payload == payload {
			return err
		}
	}
}
