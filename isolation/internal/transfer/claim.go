package transfer

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Claim makes the caller the only one who moves the tenant from a place, until it calls release.
// The error is [ErrBusy] while another call has it, in whatever process. Who dies lets go of it: on
// Postgres as soon as the server notices, on SQLite within claimLease, for which Claim waits. A
// claim blocks nobody's writes.
func (p *Plan) Claim(ctx context.Context, from Location) (release func(), err error) {
	_, dialect, err := from.pool()
	if err != nil {
		return nil, err
	}
	if dialect == onPostgres {
		return claimPostgres(ctx, p, from)
	}
	return claimSQLite(ctx, p, from)
}

// claimPostgres takes an advisory lock, which ends with its connection.
func claimPostgres(ctx context.Context, p *Plan, from Location) (func(), error) {
	s, err := dial(ctx, from)
	if err != nil {
		return nil, err
	}
	err = s.exec(ctx, "SELECT set_config(name, '10', false) FROM pg_settings "+
		"WHERE name IN ('tcp_keepalives_idle', 'tcp_keepalives_interval')",
		"SELECT set_config(name, '0', false) FROM pg_settings "+
			"WHERE name IN ('idle_session_timeout', 'statement_timeout')",
		fmt.Sprintf("SET lock_timeout = %d", unnoticed.Milliseconds()),
		fmt.Sprintf("SELECT pg_advisory_lock(%d)", lockKey("claim", p.tenantID)))
	if err != nil {
		s.close(ctx)
		if code(err) == lockNotAvailable {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("gormtenant: claiming the tenant's move: %w", err)
	}
	return func() { s.close(ctx) }, nil
}

const (
	// claimLease is how long a claim outlasts its process on SQLite.
	claimLease = 10 * time.Second
	// claimRenewal is how often it is renewed.
	claimRenewal = time.Second
)

// claimSQLite is a claim in the table of leases, whose owner is not that of a freeze.
type sqliteClaim struct {
	pool         *sql.DB
	owner, token string
}

func claimSQLite(ctx context.Context, p *Plan, from Location) (func(), error) {
	pool, _, err := from.pool()
	if err != nil {
		return nil, err
	}
	c := &sqliteClaim{pool: pool, owner: p.digest() + "_claim", token: rand.Text()}
	// Who lives renews its lease: then it is another's. Who has died does not, until it ends.
	seen := int64(0)
	for {
		until, err := c.take(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("gormtenant: claiming the tenant's move: %w", err)
		case until == 0:
			return c.renewed(ctx), nil
		case seen != 0 && until != seen:
			return nil, ErrBusy
		}
		seen = until
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(claimRenewal / 2):
		}
	}
}

// take takes the lease, or returns until when another has it.
func (c *sqliteClaim) take(ctx context.Context) (until int64, err error) {
	e, err := beginSQLite(ctx, c.pool)
	if err != nil {
		return 0, err
	}
	defer e.close(ctx)
	if err := e.exec(ctx, leasesTable); err != nil {
		return 0, err
	}
	err = e.conn.QueryRowContext(ctx, "SELECT until FROM "+leases+
		" WHERE tenant = ? AND until > unixepoch('now')", c.owner).Scan(&until)
	if !errors.Is(err, sql.ErrNoRows) {
		return until, err
	}
	if err := e.exec1(ctx, "INSERT OR REPLACE INTO "+leases+" (tenant, token, state, until) "+
		"VALUES (?, ?, 'claimed', unixepoch('now') + ?)", c.owner, c.token,
		int(claimLease.Seconds())); err != nil {
		return 0, err
	}
	return 0, e.exec(ctx, "COMMIT")
}

// renewed renews the lease until release is called.
func (c *sqliteClaim) renewed(ctx context.Context) (release func()) {
	ctx = context.WithoutCancel(ctx)
	renewing, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(claimRenewal)
		defer ticker.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-ticker.C:
				// One that fails is tried again in time.
				_ = c.write(renewing, "UPDATE "+leases+" SET until = max(until + 1, "+
					"unixepoch('now') + ?) WHERE tenant = ? AND token = ?",
					int(claimLease.Seconds()), c.owner, c.token)
			}
		}
	})
	return func() {
		stop()
		done.Wait()
		ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
		defer cancel()
		_ = c.write(ctx, "DELETE FROM "+leases+" WHERE tenant = ? AND token = ?", c.owner, c.token)
	}
}

// write runs a statement, and drops the table of leases once it is empty.
func (c *sqliteClaim) write(ctx context.Context, statement string, args ...any) error {
	e, err := beginSQLite(ctx, c.pool)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	if err := e.exec1(ctx, statement, args...); err != nil {
		return err
	}
	n, err := e.count(ctx, leases, "1 = 1")
	if err != nil {
		return err
	}
	if n == 0 {
		if err := e.exec(ctx, "DROP TABLE "+leases); err != nil {
			return err
		}
	}
	return e.exec(ctx, "COMMIT")
}
