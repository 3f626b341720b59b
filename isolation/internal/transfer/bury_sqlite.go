package transfer

import (
	"context"
	"fmt"
	"time"
)

// bury leaves triggers where the rows were, which refuse the tenant's writes for a time.
func (e *sqliteSide) bury(ctx context.Context, p *Plan, loc Location, fence time.Duration) error {
	f := &frozenSQLite{digest: p.digest()}
	at := map[string]string{}
	for _, s := range e.list {
		at[s.name] = s.qualifiedName
	}
	if err := e.exec(ctx, leasesTable); err != nil {
		return err
	}
	over, err := e.texts(ctx, "SELECT tenant FROM "+leases+
		" WHERE state = ? AND until <= unixepoch('now')", string(buried))
	if err != nil {
		return err
	}
	for _, digest := range over { // fences of others whose time is over
		if err := e.drop(ctx, digest); err != nil {
			return err
		}
	}
	statements := []string{leasesTable}
	for _, s := range e.list {
		statements = append(statements, f.triggers(p, s, loc.Shared, at)...)
	}
	statements = append(statements, fmt.Sprintf("INSERT OR REPLACE INTO %s "+
		"(tenant, token, state, until) VALUES ('%s', '', '%s', unixepoch('now') + %d)",
		leases, f.digest, buried, int(fence.Seconds())))
	return e.exec(ctx, statements...)
}

// shortenSQLite is [Plan.Shorten] on SQLite.
func shortenSQLite(ctx context.Context, p *Plan, loc Location) (restore, error) {
	pool, _, err := loc.pool()
	if err != nil {
		return nil, err
	}
	change := func(ctx context.Context, until string) (before string, err error) {
		e, err := beginSQLite(ctx, pool)
		if err != nil {
			return "", err
		}
		defer e.close(ctx)
		tables, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' "+
			"AND name = ?", leases)
		if err != nil || len(tables) == 0 {
			return "", err
		}
		found, err := e.texts(ctx, "SELECT until FROM "+leases+" WHERE tenant = ? AND state = ?",
			p.digest(), string(buried))
		if err != nil || len(found) == 0 {
			return "", err
		}
		if err := e.exec1(ctx, "UPDATE "+leases+" SET until = "+until+" WHERE tenant = ?",
			p.digest()); err != nil {
			return "", err
		}
		return found[0], e.exec(ctx, "COMMIT")
	}
	before, err := change(ctx, fmt.Sprintf("min(until, unixepoch('now') + %d)",
		int(lease.Seconds())))
	if err != nil {
		return nil, fmt.Errorf("gormtenant: shortening the fence of removed rows: %w", err)
	}
	return func(ctx context.Context) error {
		if before == "" {
			return nil
		}
		_, err := change(ctx, before)
		return err
	}, nil
}

// arrive lets the rows of a tenant that comes back get past what bury left, in the transaction;
// arrived ends that.
func (e *sqliteSide) arrive(ctx context.Context, digest string) error {
	return e.turn(ctx, digest, "-abs(until)")
}

func (e *sqliteSide) arrived(ctx context.Context, digest string) error {
	return e.turn(ctx, digest, "abs(until)")
}

func (e *sqliteSide) turn(ctx context.Context, digest, until string) error {
	tables, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
		leases)
	if err != nil || len(tables) == 0 {
		return err
	}
	return e.exec1(ctx, "UPDATE "+leases+" SET until = "+until+" WHERE tenant = ? AND state = ?",
		digest, string(buried))
}
