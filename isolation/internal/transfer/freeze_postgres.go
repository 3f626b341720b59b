package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// frozenPostgres is the session that holds the lock.
type frozenPostgres struct {
	*session
	*fence
	plan    *Plan
	shared  bool
	follows bool // changes are noted
	spots   []*locatedTable
	trees   [][]member // of each of the spots
	tables  []string   // the OIDs of all members
}

// fenced takes the lock of a tenant's move, and says in which state the place is, "" if in none.
func fenced(ctx context.Context, p *Plan, loc Location) (*frozenPostgres, state, error) {
	s, err := dial(ctx, loc)
	if err != nil {
		return nil, "", err
	}
	f := &frozenPostgres{session: s, plan: p, shared: loc.Shared, fence: &fence{
		digest: p.digest(), tenantID: p.tenantID, schema: loc.Schema,
	}}
	found, err := f.enter(ctx, p)
	if err != nil {
		s.close(ctx)
		return nil, "", err
	}
	return f, found, nil
}

func (f *frozenPostgres) enter(ctx context.Context, p *Plan) (state, error) {
	// A host that is gone must not hold the lock for hours.
	err := f.exec(ctx, "SELECT set_config(name, '10', false) FROM pg_settings "+
		"WHERE name IN ('tcp_keepalives_idle', 'tcp_keepalives_interval')",
		"SELECT set_config(name, '3', false) FROM pg_settings WHERE name = 'tcp_keepalives_count'",
		"SELECT set_config(name, '0', false) FROM pg_settings "+
			"WHERE name IN ('idle_session_timeout', 'statement_timeout')",
		"SET standard_conforming_strings = on")
	if err != nil {
		return "", err
	}
	if f.schema == "" {
		if f.schema, err = f.value(ctx, "SELECT current_schema()"); err != nil {
			return "", err
		}
	}
	// Nobody but movers takes the first lock, and the server may not have noticed yet that one of
	// them has died.
	err = f.takeLock(ctx, lockKey("move", p.tenantID), unnoticed)
	if code(err) == lockNotAvailable {
		return "", ErrBusy
	}
	if err != nil {
		return "", err
	}
	// Those who write past what a dead mover left hold the second one.
	f.lock = lockKey("freeze", p.tenantID, f.schema)
	if err = f.takeLock(ctx, f.lock, retryLimit); err != nil {
		return "", fmt.Errorf("gormtenant: locking out the tenant's writes: %w", err)
	}
	source, err := f.value(ctx, "SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure("+
		pgsession.Literal(f.name()+"()")+")")
	if err != nil || source == "" {
		return "", err
	}
	_, line, _ := strings.Cut(source, marker)
	line, _, _ = strings.Cut(line, "\n")
	line, _, _ = strings.Cut(line, " ")
	return state(line), nil
}

// unnoticed is how long the server may take to notice that a process has died.
const unnoticed = time.Second

// takeLock takes an advisory lock, which the session then has.
func (f *frozenPostgres) takeLock(ctx context.Context, key int64, wait time.Duration) error {
	return f.exec(ctx, fmt.Sprintf("SET lock_timeout = %d", wait.Milliseconds()),
		fmt.Sprintf("SELECT pg_advisory_lock(%d)", key), "RESET lock_timeout")
}

func freezePostgres(ctx context.Context, p *Plan, loc Location) (*frozenPostgres, error) {
	f, found, err := fenced(ctx, p, loc)
	if err != nil {
		return nil, err
	}
	if found == kept {
		f.close(ctx)
		return nil, ErrMoved
	}
	if err := f.freeze(ctx, p, loc); err != nil {
		if f.conn.IsClosed() {
			f.close(ctx)
			return nil, err
		}
		return nil, errors.Join(err, f.thaw(ctx))
	}
	return f, nil
}

func (f *frozenPostgres) freeze(ctx context.Context, p *Plan, loc Location) error {
	// A statement that is cancelled costs the connection, and what is half done stays.
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := f.transact(work, f.function(copying, "")); err != nil {
		return fmt.Errorf("gormtenant: making the function that freezes the tenant: %w", err)
	}
	spots, err := f.locate(work, p, loc)
	if err != nil {
		return err
	}
	if !f.follows {
		if err := f.stopLog(work); err != nil { // of a mover that died
			return err
		}
	}
	return f.installAll(ctx, work, spots)
}

// stopLog makes what notes changes note nothing, if it is there.
func (f *frozenPostgres) stopLog(ctx context.Context) error {
	there, err := f.value(ctx, "SELECT to_regprocedure("+pgsession.Literal(f.logName()+"()")+")")
	if err != nil || there == "" {
		return err
	}
	return f.transact(ctx, f.logOff())
}

// installAll creates the triggers that are not there, and waits for those who have written.
func (f *frozenPostgres) installAll(ctx, work context.Context, spots []*locatedTable) error {
	var err error
	f.spots, f.tables = spots, nil
	if f.setting, err = f.policySetting(work, f.spots); err != nil {
		return err
	}
	if f.trees, err = f.members(work, f.spots); err != nil {
		return err
	}
	for _, tree := range f.trees {
		for _, m := range tree {
			f.tables = append(f.tables, m.oid)
		}
	}
	has, err := f.installed(work)
	if err != nil {
		return err
	}
	for i, s := range f.spots {
		if err := f.install(ctx, s, f.trees[i], has); err != nil {
			return err
		}
	}
	return nil
}

// installed is a trigger on a table.
type installed struct{ oid, name string }

// installed returns the triggers that are there already.
func (f *frozenPostgres) installed(ctx context.Context) (map[installed]bool, error) {
	there, err := f.query(ctx, "SELECT tgrelid, tgname FROM pg_trigger "+
		"WHERE tgfoid IN ("+f.functions()+") AND tgenabled <> 'D'")
	if err != nil {
		return nil, err
	}
	has := map[installed]bool{}
	for _, row := range there {
		has[installed{string(row[0]), string(row[1])}] = true
	}
	return has, nil
}

// install creates the triggers of a table's members that are not there. It does so in one
// transaction for each table: together they would hold others up for longer, and could wait for one
// that waits for them.
func (f *frozenPostgres) install(
	ctx context.Context, s *locatedTable, members []member, has map[installed]bool,
) error {
	at := places(f.spots)
	// The lock waits for those who have written, also to partitions and children, and is what
	// CREATE TRIGGER takes itself.
	statements := []string{"LOCK TABLE " + members[0].qualifiedName +
		" IN SHARE ROW EXCLUSIVE MODE"}
	for _, m := range members {
		triggers := f.triggers(f.plan, s, m, f.shared, at)
		if f.follows {
			triggers = append(triggers, f.logTriggers(f.plan, s, m, f.shared)...)
		}
		for _, t := range triggers {
			if one := (installed{m.oid, t.name}); !has[one] {
				has[one] = true // a child may have two parents
				statements = append(statements, t.create)
			}
		}
	}
	if err := f.patiently(ctx, retryLimit, s.oid, statements...); err != nil {
		return fmt.Errorf("gormtenant: freezing %s: %w", s.name, err)
	}
	return nil
}

func (f *frozenPostgres) hold(ctx context.Context) (time.Time, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := f.sameMembers(ctx, work); err != nil {
		return time.Time{}, err
	}
	until := time.Now().Add(lease)
	if err := f.change(work, held); err != nil {
		return time.Time{}, err
	}
	if err := f.settle(ctx, until.Add(-lease/2)); err != nil {
		return time.Time{}, err
	}
	return until, nil
}

func (f *frozenPostgres) keep(ctx context.Context) error {
	if f.conn.IsClosed() {
		return ErrLost
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := f.change(work, kept); err != nil {
		return err
	}
	if err := f.settle(ctx, time.Time{}); err != nil {
		return err
	}
	if err := f.stopLog(work); err != nil {
		return err
	}
	f.close(ctx)
	return nil
}

// change puts the function into another state. It does so on the session that holds the lock: if
// that works, nobody can have written since Freeze.
func (f *frozenPostgres) change(ctx context.Context, s state) error {
	until, err := f.value(ctx, fmt.Sprintf("SELECT clock_timestamp() + interval '%d s'",
		int(lease.Seconds())))
	if err == nil {
		err = f.transact(ctx, f.function(s, until))
	}
	if f.conn.IsClosed() {
		return errors.Join(ErrLost, err)
	}
	return err
}

// settle waits until those transactions have ended that may have read the function before it
// changed: a transaction looks for changes of the catalog when it takes a lock on a table, and not
// again while it has it. Those that begin later are of no concern.
func (f *frozenPostgres) settle(ctx context.Context, deadline time.Time) error {
	const pause = 20 * time.Millisecond
	query := "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND database = " +
		thisDatabase +
		" AND relation IN (" + strings.Join(f.tables, ", ") + ") AND granted " +
		"AND pid <> pg_backend_pid() " +
		"AND mode IN ('RowShareLock', 'RowExclusiveLock', 'ShareRowExclusiveLock', " +
		"'ExclusiveLock', 'AccessExclusiveLock')"
	before := ""
	for {
		work, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		rows, err := f.query(work, query+before)
		cancel()
		if err != nil {
			return errors.Join(ErrLost, err)
		}
		if len(rows) == 0 {
			return nil
		}
		names := make([]string, len(rows))
		for i, row := range rows {
			names[i] = pgsession.Literal(string(row[0]))
		}
		before = " AND virtualtransaction IN (" + strings.Join(names, ", ") + ")"
		if !deadline.IsZero() && time.Now().After(deadline) {
			return fmt.Errorf("gormtenant: transactions that were open did not end within %s, "+
				"try again", lease/2)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
