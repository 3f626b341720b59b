package transfer

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// pass lets the transaction get past triggers that ask for the parameter.
func (e *postgresSide) pass(ctx context.Context, p *Plan, parameter string) error {
	return e.exec(ctx, "SELECT set_config('"+parameter+"', '"+p.digest()+"', true)")
}

// bury leaves the fence of a place whose rows are gone for a time, and drops those whose time is
// over. It ends the session.
func (f *frozenPostgres) bury(ctx context.Context, fence time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout+retryLimit)
	defer cancel()
	defer f.close(ctx)
	until, err := f.value(ctx, fmt.Sprintf("SELECT clock_timestamp() + interval '%d s'",
		int(fence.Seconds())))
	if err == nil {
		err = f.transact(ctx, f.function(buried, until))
	}
	if err != nil {
		return fmt.Errorf("gormtenant: leaving the fence of the removed rows: %w", err)
	}
	return f.sweep(ctx)
}

// shortenPostgres is [Plan.Shorten] on Postgres.
func shortenPostgres(ctx context.Context, p *Plan, loc Location) (restore, error) {
	s, err := dial(ctx, loc)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	f := &frozenPostgres{session: s, fence: &fence{digest: p.digest(), schema: loc.Schema}}
	if f.schema == "" {
		if f.schema, err = s.value(ctx, "SELECT current_schema()"); err != nil {
			return nil, err
		}
	}
	f.lock = lockKey("freeze", p.tenantID, f.schema)
	source, err := s.value(ctx, "SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure("+
		pgsession.Literal(f.name()+"()")+")")
	found := buriedUntil.FindStringSubmatch(source)
	if err != nil || found == nil {
		return func(context.Context) error { return nil }, err
	}
	soon, err := s.value(ctx, fmt.Sprintf("SELECT least(%s, clock_timestamp() + interval '%d s')",
		pgsession.Literal(found[2])+"::timestamptz", int(lease.Seconds())))
	if err == nil {
		err = s.transact(ctx, f.function(buried, soon))
	}
	if err != nil {
		return nil, fmt.Errorf("gormtenant: shortening the fence of removed rows: %w", err)
	}
	return func(ctx context.Context) error {
		s, err := dial(ctx, loc)
		if err != nil {
			return err
		}
		defer s.close(ctx)
		return s.transact(ctx, f.function(buried, found[2]))
	}, nil
}

// buriedUntil finds until when a fence is, and the lock of those who change it, in the text of its
// function.
var buriedUntil = regexp.MustCompile(marker + string(buried) + ` (-?\d+)\n(?s:.*)` +
	`clock_timestamp\(\) < '([^']+)'`)

// sweep drops the fences of the schema whose time is over.
func (f *frozenPostgres) sweep(ctx context.Context) error {
	rows, err := f.query(ctx, "SELECT proname, prosrc FROM pg_proc "+
		"WHERE pronamespace = "+pgsession.Literal(quoted(f.schema))+"::regnamespace "+
		"AND starts_with(proname, "+pgsession.Literal(prefix)+") AND strpos(prosrc, "+
		pgsession.Literal(marker+string(buried))+") > 0 ORDER BY 1")
	if err != nil {
		return err
	}
	for _, row := range rows {
		found := buriedUntil.FindSubmatch(row[1])
		if found == nil {
			continue
		}
		lock, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			continue
		}
		old := &frozenPostgres{session: f.session, fence: &fence{
			digest: strings.TrimPrefix(string(row[0]), prefix), schema: f.schema, lock: lock,
		}}
		if err := old.sweepOne(ctx, string(found[2])); err != nil {
			return err
		}
	}
	return nil
}

// sweepOne drops a fence if its time is over, and it is still the same that was found: its tenant
// may be on its way back.
func (f *frozenPostgres) sweepOne(ctx context.Context, until string) error {
	free, err := f.value(ctx, fmt.Sprintf("SELECT clock_timestamp() >= %s::timestamptz "+
		"AND pg_try_advisory_lock(%d)", pgsession.Literal(until), f.lock))
	if err != nil || free != "t" {
		return err
	}
	defer func() { _ = f.exec(ctx, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", f.lock)) }()
	same, err := f.value(ctx, "SELECT strpos(prosrc, "+pgsession.Literal(until)+") > 0 "+
		"FROM pg_proc WHERE oid = to_regprocedure("+pgsession.Literal(f.name()+"()")+")")
	if err != nil || same != "t" {
		return err
	}
	if err := f.dismantle(ctx); err != nil && code(err) != lockNotAvailable {
		return err
	}
	return nil // what was locked is dropped the next time
}
