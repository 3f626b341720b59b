package transfer

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// leases is the table of the freezes in a database on SQLite. Times are in seconds, as SQLite tells
// them.
const leases = "gormtenant_freeze"

const leasesTable = "CREATE TABLE IF NOT EXISTS " + leases +
	" (tenant TEXT PRIMARY KEY, token TEXT NOT NULL, state TEXT NOT NULL, until INTEGER NOT NULL)"

const (
	// leaseSQLite is how long a freeze outlasts the process that made it.
	leaseSQLite = 20 * time.Second
	// renewal is how often it is renewed.
	renewal = 4 * time.Second
)

// frozenSQLite renews the lease. Writers on SQLite come one after the other: who renews a lease
// that has not ended knows that nobody has written meanwhile.
type frozenSQLite struct {
	pool   *sql.DB
	digest string
	token  string // tells this freeze from others
	stop   context.CancelFunc
	done   sync.WaitGroup
}

func freezeSQLite(ctx context.Context, p *Plan, loc Location) (*frozenSQLite, error) {
	e, err := openSQLite(ctx, p, loc, true)
	if err != nil {
		return nil, err
	}
	defer e.close(ctx)
	f := &frozenSQLite{pool: e.pool, digest: p.digest(), token: rand.Text()}
	if err := e.exec(ctx, leasesTable); err != nil {
		return nil, err
	}
	found, err := f.found(ctx, e.conn)
	switch {
	case err != nil:
		return nil, err
	case found.state == kept:
		return nil, ErrMoved
	case found.live && found.state != buried:
		return nil, ErrBusy
	}
	at := places(e.list)
	statements := []string{fmt.Sprintf("INSERT OR REPLACE INTO %s (tenant, token, state, until) "+
		"VALUES ('%s', '%s', '%s', unixepoch('now') + %d)",
		leases, f.digest, f.token, copying, int(leaseSQLite.Seconds()))}
	for _, s := range e.list {
		statements = append(statements, f.triggers(p, s, loc.Shared, at)...)
	}
	if err := e.exec(ctx, append(statements, "COMMIT")...); err != nil {
		return nil, fmt.Errorf("gormtenant: freezing the tenant: %w", err)
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.done.Go(func() { f.renew(renewing) })
	return f, nil
}

// triggers returns those of a table.
func (f *frozenSQLite) triggers(
	p *Plan, s *locatedTable, shared bool, at map[string]string,
) []string {
	w := &whose{p, at, literalSQLite}
	mine := func(row string) string {
		switch {
		case !shared:
			return "1"
		case s.column != "":
			return "(" + strings.Join(w.columns(s.table, row+"."), " OR ") + ")"
		}
		return "(" + strings.Join(w.owned(s.table, row, 0), " OR ") + ")"
	}
	var all []string
	for event, condition := range map[string]string{
		"INSERT": mine("NEW"), "DELETE": mine("OLD"), "UPDATE": mine("OLD") + " OR " + mine("NEW"),
	} {
		name := quoted(prefix + f.digest + "_" + s.name + "_" + strings.ToLower(event))
		all = append(all, "DROP TRIGGER IF EXISTS "+name,
			"CREATE TRIGGER "+name+" BEFORE "+event+" ON "+s.qualifiedName+" FOR EACH ROW WHEN ("+
				condition+") AND EXISTS (SELECT 1 FROM "+leases+
				" WHERE tenant = '"+f.digest+"' AND until > unixepoch('now')) BEGIN "+
				"SELECT RAISE(ABORT, "+literalSQLite(movedText)+") FROM "+leases+" "+
				"WHERE tenant = '"+f.digest+"' AND state = '"+string(kept)+"'; "+
				"SELECT RAISE(ABORT, "+literalSQLite(frozenText)+"); END")
	}
	return all
}

// leased is what is known of a freeze.
type leased struct {
	token string
	state state
	live  bool
}

func (f *frozenSQLite) found(ctx context.Context, conn *sql.Conn) (leased, error) {
	var l leased
	err := conn.QueryRowContext(ctx, "SELECT token, state, until > unixepoch('now') FROM "+leases+
		" WHERE tenant = ?", f.digest).
		Scan(&l.token, &l.state, &l.live)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return l, err
}

func (f *frozenSQLite) renew(ctx context.Context) {
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if errors.Is(f.extend(ctx, "", leaseSQLite), ErrLost) {
				return // and Hold will find out
			}
		}
	}
}

// extend changes a lease that has not ended, and its state unless that is "".
func (f *frozenSQLite) extend(ctx context.Context, s state, by time.Duration) error {
	e, err := beginSQLite(ctx, f.pool)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	result, err := e.conn.ExecContext(ctx, "UPDATE "+leases+" SET state = coalesce(nullif(?1, "+
		"''), state), "+
		"until = CASE WHEN ?1 = 'kept' THEN 9223372036854775807 ELSE max(until, "+
		"unixepoch('now') + ?2) END "+
		"WHERE tenant = ?3 AND token = ?4 AND until > unixepoch('now')", string(s),
		int(by.Seconds()), f.digest, f.token)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrLost, err)
	}
	return e.exec(ctx, "COMMIT")
}

// end ends the renewing.
func (f *frozenSQLite) end() {
	f.stop()
	f.done.Wait()
}

func (f *frozenSQLite) hold(ctx context.Context) (time.Time, error) {
	until := time.Now().Add(lease - time.Second) // SQLite counts whole seconds
	return until, f.extend(ctx, held, lease)
}

func (f *frozenSQLite) keep(ctx context.Context) error {
	if err := f.extend(ctx, kept, 0); err != nil {
		return err
	}
	f.end()
	return nil
}

func (f *frozenSQLite) thaw(ctx context.Context) error {
	f.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	e, err := beginSQLite(ctx, f.pool)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	tables, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
		leases)
	if err != nil || len(tables) == 0 {
		return err
	}
	// Another may have taken over since.
	if l, err := f.found(ctx, e.conn); err != nil || l.token != f.token {
		return err
	}
	if err := e.drop(ctx, f.digest); err != nil {
		return err
	}
	return e.exec(ctx, "COMMIT")
}

// drop drops what a freeze made.
func (e *sqliteSide) drop(ctx context.Context, digest string) error {
	names, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'trigger' "+
		"AND substr(name, 1, length(?1)) = ?1", prefix+digest+"_")
	if err != nil {
		return err
	}
	var statements []string
	for _, name := range names {
		statements = append(statements, "DROP TRIGGER "+quoted(name))
	}
	tables, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
		leases)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		statements = append(statements, "DELETE FROM "+leases+" WHERE tenant = '"+digest+"'")
		others, err := e.count(ctx, leases, "tenant <> '"+digest+"'")
		if err != nil {
			return err
		}
		if others == 0 {
			statements = append(statements, "DROP TABLE "+leases)
		}
	}
	return e.exec(ctx, statements...)
}

func thawSQLite(ctx context.Context, p *Plan, loc Location) error {
	e, err := openSQLite(ctx, p, loc, true)
	if err != nil {
		return err
	}
	defer e.close(ctx)
	if err := e.unfence(ctx, p.digest()); err != nil {
		return err
	}
	return e.exec(ctx, "COMMIT")
}

// unfence drops what a freeze made, if it has ended.
func (e *sqliteSide) unfence(ctx context.Context, digest string) error {
	tables, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
		leases)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		l, err := (&frozenSQLite{digest: digest}).found(ctx, e.conn)
		if err != nil {
			return err
		}
		if l.live && l.state != kept && l.state != buried {
			return ErrBusy
		}
	}
	return e.drop(ctx, digest)
}
