package schemas_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
)

// tenantsInCrowd is how many tenants share the connections of a crowd.
const tenantsInCrowd = 20

// crowd runs statements of many tenants at once over few connections, with all that goes wrong in
// between, and looks at every row. It returns how many statements ran, and how many rows were seen.
func crowd(t *testing.T, s *server, db *sql.DB, goroutines, statements int) (ran, seen int64) {
	t.Helper()
	var count, rows, foreign, failed atomic.Int64
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for count.Load() < int64(statements) {
				w := &soaker{
					db: db, random: random, s: s,
					tenant: s.soaked(random.IntN(tenantsInCrowd)),
				}
				w.ctx = gormtenant.WithTenant(t.Context(), w.tenant)
				if err := w.work(); err != nil {
					failed.Add(1)
					t.Errorf("%v", err)
					return
				}
				count.Add(w.ran)
				rows.Add(w.rows)
				foreign.Add(w.foreign)
			}
		})
	}
	all.Wait()
	require.Zero(t, foreign.Load(), "rows of other tenants were seen")
	require.Zero(t, failed.Load())
	return count.Load(), rows.Load()
}

// soaked returns the ID of a tenant.
func (s *server) soaked(n int) string { return fmt.Sprintf("t%d_%s", n, s.acme) }

// fill makes the tenants of a crowd. Of each second one the table has another column between.
func (s *server) fill(t *testing.T) {
	t.Helper()
	for n := range tenantsInCrowd {
		id := s.soaked(n)
		s.create(t, s.app.User, id)
		more := []string{"", "more int, "}[n%2]
		table := s.of(id) + ".soaked"
		s.do(
			t, "CREATE TABLE "+table+" (id serial PRIMARY KEY, "+more+"n int NOT NULL DEFAULT 0, "+
				"owner text NOT NULL DEFAULT '"+id+"')",
			"INSERT INTO "+table+" (n) SELECT 0 FROM generate_series(1, 5)",
			"ALTER TABLE "+table+" OWNER TO "+s.of(id))
	}
}

// soaker is one piece of work of one tenant.
type soaker struct {
	db                 *sql.DB
	s                  *server
	random             *rand.Rand
	tenant             string
	ctx                context.Context
	ran, rows, foreign int64
}

func (w *soaker) work() error {
	switch n := w.random.IntN(100); {
	case n < 2: // cancelled while it runs, which costs the connection
		ctx, cancel := context.WithTimeout(
			w.ctx, time.Duration(w.random.IntN(2000))*time.Microsecond)
		defer cancel()
		w.ran++
		_, _ = w.db.ExecContext(ctx, "SELECT pg_sleep(0.001), count(*) FROM soaked")
		return nil
	case n < 10: // fails
		w.ran++
		if _, err := w.db.ExecContext(w.ctx, "UPDATE soaked SET n = 1 / (n - n)"); err == nil {
			return errors.New("no error")
		}
		return nil
	case n < 18: // no tenant
		w.ran++
		if rows, err := w.db.QueryContext(
			gormtenant.WithTenant(w.ctx, nil), "SELECT * FROM soaked WHERE id > $1",
			1); err == nil {
			return errors.Join(errors.New("a table without a tenant"), rows.Close())
		}
		return nil
	case n < 26:
		return w.panics()
	case n < 42:
		return w.transaction()
	case n < 50:
		_, err := w.db.ExecContext(w.ctx, "UPDATE soaked SET n = n + $1", 1)
		w.ran++
		return err
	}
	return w.read(w.ctx, w.db, w.tenant)
}

func (w *soaker) read(ctx context.Context, db queryer, tenant string) error {
	w.ran++
	query, args := "SELECT * FROM soaked", []any(nil)
	if w.random.IntN(2) == 0 {
		query, args = "SELECT * FROM soaked WHERE id > $1", []any{w.random.IntN(4)}
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	early := w.random.IntN(4) == 0
	columns, err := rows.Columns()
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for err == nil && rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return errors.Join(err, rows.Close())
		}
		w.rows++
		if values[len(values)-1] != tenant {
			w.foreign++
		}
		if early {
			return rows.Close()
		}
	}
	return errors.Join(err, rows.Err(), rows.Close())
}

func (w *soaker) transaction() error {
	tx, err := w.db.BeginTx(w.ctx, nil)
	if err != nil {
		return err
	}
	other := w.s.soaked(w.random.IntN(tenantsInCrowd))
	err = errors.Join(
		w.read(w.ctx, tx, w.tenant),
		w.exec(tx, "SAVEPOINT one"),
		w.read(gormtenant.WithTenant(w.ctx, other), tx, other),
		w.exec(tx, "ROLLBACK TO SAVEPOINT one"),
		w.read(w.ctx, tx, w.tenant))
	if w.random.IntN(2) == 0 {
		return errors.Join(err, tx.Rollback())
	}
	return errors.Join(err, tx.Commit())
}

func (w *soaker) exec(db queryer, query string) error {
	w.ran++
	_, err := db.ExecContext(w.ctx, query)
	return err
}

func (w *soaker) panics() (err error) {
	tx, err := w.db.BeginTx(w.ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		_ = recover()
		err = errors.Join(err, tx.Rollback())
	}()
	if err := w.read(w.ctx, tx, w.tenant); err != nil {
		return err
	}
	panic("in the application")
}

// direct runs as many statements of many tenants at once on the server itself.
func direct(t *testing.T, statements int) {
	t.Helper()
	s := newServer(t)
	s.fill(t)
	for _, mode := range modes[:2] { // those that keep what they learn
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode, roles: true}.open(t, s)
			db.SetMaxOpenConns(10)
			ran, seen := crowd(t, s, db, 64, statements)
			t.Logf("%d statements, %d rows, none foreign", ran, seen)
		})
	}
}

// pooled runs them through a pooler in transaction mode, where each transaction gets any connection
// of the server.
func pooled(t *testing.T, statements int) {
	t.Helper()
	s := newPooledServer(t)
	s.fill(t)
	for _, w := range ways {
		if !w.pooled || !w.roles {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			db := w.open(t, s)
			db.SetMaxOpenConns(20)
			ran, seen := crowd(t, s, db, 64, statements)
			t.Logf("%d statements, %d rows, none foreign", ran, seen)
		})
	}
}

func TestCrowd_of_tenants_on_few_connections(t *testing.T) {
	t.Parallel()
	direct(t, 1_000)
}

func TestCrowd_of_tenants_through_pgbouncer(t *testing.T) {
	t.Parallel()
	pooled(t, 500)
}

func TestSoak(t *testing.T) {
	soak.Skip(t)
	t.Parallel()
	direct(t, 20_000)
}

func TestSoak_through_pgbouncer(t *testing.T) {
	soak.Skip(t)
	t.Parallel()
	pooled(t, 5_000)
}
