package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// What a trigger is called for, as in pg_trigger.tgtype.
const (
	onInsert = 1 << 2
	onDelete = 1 << 3
	onUpdate = 1 << 4
)

// quiet says how the triggers of the application are switched off and back. A row that is moved is
// as it was, and nobody has written it: what they would change or note down is wrong. Only a
// superuser may do it by session_replication_role, and that takes foreign keys along; the owner of
// a table may do it for the table, in the transaction, under a lock that keeps other writers out.
type quiet struct {
	roots     []string // the tables to lock
	off, back []string
}

// triggersOf finds the triggers that are called for any of these events.
func (e *postgresSide) triggersOf(ctx context.Context, events int) (quiet, error) {
	var q quiet
	trees, err := e.members(ctx, e.list)
	if err != nil {
		return q, err
	}
	var oids []string
	var all []member
	var roots []int // of which table each of all is a member
	for i, tree := range trees {
		// A change at a parent is one at its partitions, so those come after it.
		for _, m := range tree {
			oids = append(oids, m.oid)
			all, roots = append(all, m), append(roots, i)
		}
	}
	rows, err := e.query(ctx, "SELECT m.number - 1, quote_ident(tgname), tgenabled "+
		"FROM unnest(ARRAY["+strings.Join(oids, ", ")+"]::oid[]) WITH ORDINALITY "+
		"AS m (oid, number) JOIN pg_trigger ON tgrelid = m.oid WHERE NOT tgisinternal "+
		"AND tgtype & "+strconv.Itoa(events)+" <> 0 AND NOT starts_with(tgname, "+
		pgsession.Literal(prefix)+") ORDER BY m.number, tgname")
	if err != nil {
		return q, err
	}
	fire := map[int]bool{} // which trees have one that is on
	for _, row := range rows {
		number, err := strconv.Atoi(string(row[0]))
		if err != nil {
			return q, err
		}
		name, state := string(row[1]), string(row[2])
		if state == "O" || state == "A" {
			fire[roots[number]] = true
		}
		alter := func(what string) string {
			return "ALTER TABLE " + all[number].qualifiedName + " " + what + " TRIGGER " + name
		}
		q.off = append(q.off, alter("DISABLE"))
		q.back = append(q.back, alter(map[string]string{
			"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE",
		}[state]))
	}
	for i, t := range e.list {
		if fire[i] {
			q.roots = append(q.roots, t.qualifiedName)
		}
	}
	if len(q.roots) == 0 {
		return quiet{}, nil
	}
	return q, nil
}

// needed reports whether there is anything to switch off.
func (q quiet) needed() bool { return len(q.roots) > 0 }

// silence switches the triggers off. Others cannot write to these tables until the transaction
// ends: it begins late, and is given up again where a transaction that is open would hold them up
// for longer than lockTimeout, which is shorter than the time after which the server looks for
// deadlocks.
func (e *postgresSide) silence(ctx context.Context, q quiet) error {
	if !q.needed() {
		return nil
	}
	lock := "LOCK TABLE " + strings.Join(q.roots, ", ") + " IN SHARE ROW EXCLUSIVE MODE"
	deadline := time.Now().Add(retryLimit)
	for pause := lockTimeout; ; pause = min(pause*2, time.Second) {
		err := e.exec(ctx, "SAVEPOINT silence", fmt.Sprintf("SET LOCAL lock_timeout = %d",
			lockTimeout.Milliseconds()), lock, "SET LOCAL lock_timeout = 0")
		if err == nil {
			break
		}
		if code(err) != lockNotAvailable || time.Now().After(deadline) {
			return fmt.Errorf("gormtenant: switching triggers of the application off: %w", err)
		}
		if err := e.exec(ctx, "ROLLBACK TO SAVEPOINT silence"); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	if err := e.exec(ctx, q.off...); err != nil {
		return fmt.Errorf("gormtenant: switching triggers of the application off: %w", err)
	}
	return nil
}

// unsilence switches them back on, as they were.
func (e *postgresSide) unsilence(ctx context.Context, q quiet) error {
	if !q.needed() {
		return nil
	}
	// A table with a constraint that is still to be looked at cannot be altered.
	back := append([]string{"SET CONSTRAINTS ALL IMMEDIATE"}, q.back...)
	if err := e.exec(ctx, back...); err != nil {
		return fmt.Errorf("gormtenant: switching triggers of the application back on: %w", err)
	}
	return nil
}
