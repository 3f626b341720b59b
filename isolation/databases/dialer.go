package databases

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// dialer connects to databases, except to those that failed too short a time ago.
type dialer struct {
	opener   Opener
	timeout  time.Duration
	failures failures
	failed   atomic.Uint64 // attempts
	onFailed func(Database, error)
	noted    func() // is called after a failure was noted
}

// open returns a pool of that size with its first connection, and the opener's connector.
func (d *dialer) open(
	ctx context.Context, database Database, size int, idle time.Duration,
) (*sql.DB, driver.Connector, error) {
	if err := d.failures.current(database); err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	inner, err := d.opener.Open(limited, database)
	if err != nil {
		return nil, nil, d.fail(ctx, database, err)
	}
	db := sql.OpenDB(connector{inner, d, database})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(idle)
	opened := false
	defer func() { // the application's functions may panic
		if !opened {
			_ = db.Close() // the connection's error is the one that matters
		}
	}()
	if err := db.PingContext(limited); err != nil {
		if unavailable := (*UnavailableError)(nil); !errors.As(err, &unavailable) {
			err = d.fail(ctx, database, err)
		}
		return nil, nil, err
	}
	opened = true
	return db, inner, nil
}

// fail notes that a database could not be connected to, unless the caller's own context ended.
func (d *dialer) fail(ctx context.Context, database Database, cause error) error {
	if ended(ctx) {
		return cause
	}
	err := d.failures.add(database, cause)
	d.failed.Add(1)
	d.onFailed(database, cause)
	d.noted()
	return err
}

// ended reports whether a context has ended. Its deadline may have ended a connection before its
// own timer tells.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// connector makes the connections of one pool.
type connector struct {
	driver.Connector
	dialer   *dialer
	database Database
}

// Connect makes a connection in the time that it may take.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	d := c.dialer
	if err := d.failures.current(c.database); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := c.Connector.Connect(limited)
	if err != nil {
		return nil, d.fail(ctx, c.database, err)
	}
	d.failures.forget(c.database)
	return conn, nil
}

// Close closes the opener's connector. sql.DB.Close calls it.
func (c connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
