package rls_test

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

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// tenantsInCrowd is how many tenants share the connections.
const tenantsInCrowd = 20

// crowd runs statements of many tenants at once over few connections, with all that goes wrong in
// between, and looks at every row. It returns how many statements ran, and how many rows were seen.
func crowd(t *testing.T, s *server, db *sql.DB, goroutines, statements int) (ran, seen int64) {
	t.Helper()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS soaked",
		"CREATE TABLE soaked (id serial PRIMARY KEY, tenant_id text NOT NULL, " +
			"n int NOT NULL DEFAULT 0)",
		fmt.Sprintf("INSERT INTO soaked (tenant_id) SELECT 't' || n %% %d "+
			"FROM generate_series(1, %d) n", tenantsInCrowd, 5*tenantsInCrowd),
		"ALTER TABLE soaked ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"CREATE POLICY tenants ON soaked USING (" + policy + ") WITH CHECK (" + policy + ")",
		"GRANT SELECT, UPDATE ON soaked TO " + s.app.User,
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err)
	}
	var count, rows, foreign, failed atomic.Int64
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for count.Load() < int64(statements) {
				w := &soaker{db: db, random: random, tenant: fmt.Sprintf("t%d",
					random.IntN(tenantsInCrowd))}
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

// soaker is one piece of work of one tenant.
type soaker struct {
	db                 *sql.DB
	random             *rand.Rand
	tenant             string
	ctx                context.Context
	ran, rows, foreign int64
}

func (w *soaker) work() error {
	switch n := w.random.IntN(100); {
	case n < 2: // cancelled while it runs, which costs the connection
		ctx, cancel := context.WithTimeout(w.ctx,
			time.Duration(w.random.IntN(2000))*time.Microsecond)
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
		return w.read(gormtenant.WithTenant(w.ctx, nil), w.db, "nobody")
	case n < 26: // panics in a transaction
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
	query, args := "SELECT tenant_id FROM soaked", []any(nil)
	if w.random.IntN(2) == 0 {
		query, args = "SELECT tenant_id FROM soaked WHERE id > $1", []any{w.random.IntN(50)}
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	early := w.random.IntN(4) == 0
	for rows.Next() {
		var got string
		if err := rows.Scan(&got); err != nil {
			return errors.Join(err, rows.Close())
		}
		w.rows++
		if got != tenant {
			w.foreign++
		}
		if early {
			return rows.Close()
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (w *soaker) transaction() error {
	tx, err := w.db.BeginTx(w.ctx, nil)
	if err != nil {
		return err
	}
	other := fmt.Sprintf("t%d", w.random.IntN(tenantsInCrowd))
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
	db := s.open(t, pgx.QueryExecModeCacheStatement)
	db.SetMaxOpenConns(10)
	ran, seen := crowd(t, s, db, 64, statements)
	t.Logf("%d statements, %d rows, none foreign", ran, seen)
}

// pooled runs them through a pooler in transaction mode, where each transaction gets any connection
// of the server.
func pooled(t *testing.T, statements int) {
	t.Helper()
	s := newServer(t).withPooler(t)
	for name, way := range ways {
		if !way.pooled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			db := way.open(t, s)
			db.SetMaxOpenConns(20)
			ran, seen := crowd(t, s, db, 64, statements)
			t.Logf("%d statements, %d rows, none foreign", ran, seen)
		})
	}
}

func TestCrowd_of_tenants_on_few_connections(t *testing.T) {
	t.Parallel()
	direct(t, 5_000)
}

func TestCrowd_of_tenants_through_pgbouncer(t *testing.T) {
	t.Parallel()
	pooled(t, 1_000)
}

func TestSoak(t *testing.T) {
	soak.Skip(t)
	t.Parallel()
	direct(t, 200_000)
}

func TestSoak_through_pgbouncer(t *testing.T) {
	soak.Skip(t)
	t.Parallel()
	pooled(t, 10_000)
}

func TestCheck_finds_a_pooler_with_cached_statements(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	config := s.withPooler(t).pooled
	// pgx's own cache of prepared statements would fail before Check could ask; one connection is
	// enough.
	require.ErrorContains(t, rls.Check(opened(t, dsn(config, ""))),
		"there is a pooler in front of the server")
	require.NoError(t, rls.Check(opened(t, dsn(config, "&default_query_exec_mode=exec"))))
}
