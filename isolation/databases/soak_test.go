package databases_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// crowd is many tenants over few pools.
type crowd struct {
	tenants, pools, workers, rounds int

	all     *databases.Pools
	mark    string // of a parameter
	stmt    *sql.Stmt
	written []atomic.Int64
}

func (s *crowd) tenant(i int) string { return fmt.Sprint("tenant-", i) }

// TestPools_soak runs all kinds of statements of all tenants at once, over a tenth of the pools
// that they would need. Not parallel: it counts goroutines.
func TestPools_soak(t *testing.T) {
	soak.Skip(t)
	t.Run("sqlite", func(t *testing.T) {
		s := &crowd{tenants: 500, pools: 50, workers: 64, rounds: 40, mark: "?"}
		if race.Enabled {
			s.tenants, s.pools, s.workers, s.rounds = 150, 15, 32, 60
		}
		s.run(t, onSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		s := &crowd{tenants: 8, pools: 3, workers: 8, rounds: 20, mark: "$1"}
		if race.Enabled {
			s.tenants, s.rounds = 5, 10
		}
		s.run(t, onPostgres(t))
	})
}

func (s *crowd) run(t *testing.T, e *engine) {
	for i := range s.tenants {
		e.createFor(t, s.tenant(i))
	}
	s.written = make([]atomic.Int64, s.tenants)
	before, heap := runtime.NumGoroutine(), heapInUse()
	pools, err := databases.NewPools(
		e.opener, databases.MaxPools(s.pools), databases.MaxConnections(3*s.pools),
		databases.Size(func(_ context.Context, d databases.Database) int {
			return 2 + len(d.Tenant)%3
		}),
		databases.WaitLimit(time.Minute), databases.ConnectTimeout(time.Minute),
		databases.IdleTime(50*time.Millisecond))
	require.NoError(t, err)
	s.all = pools
	s.stmt, err = pools.PrepareContext(t.Context(), "SELECT tenant FROM own WHERE tenant = "+s.mark)
	require.NoError(t, err)
	s.everyone(t, func(ctx context.Context, i int) error {
		if _, err := pools.ExecContext(
			ctx, "CREATE TABLE own (tenant text PRIMARY KEY, n bigint)"); err != nil {
			return err
		}
		_, err := pools.ExecContext(ctx, "INSERT INTO own VALUES ("+s.mark+", 0)", s.tenant(i))
		return err
	})
	began := time.Now()
	var work errgroup.Group
	for range s.workers {
		work.Go(func() error {
			for range s.rounds {
				if err := s.once(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
	took := time.Since(began)
	stats := pools.Stats()
	s.everyone(t, func(ctx context.Context, i int) error {
		return expect(
			pools.QueryRowContext(ctx, "SELECT n FROM own"), fmt.Sprint(s.written[i].Load()))
	})
	require.NoError(t, s.stmt.Close())
	require.NoError(t, pools.Close())
	settle(t, "goroutines", func() bool { return runtime.NumGoroutine() <= before })
	s.all, s.stmt = nil, nil
	const slack = 4 << 20
	settle(t, "memory", func() bool { return heapInUse() < heap+slack })
	t.Logf("%d rounds in %v: %d pools opened; goroutines %d -> %d, heap %d -> %d KiB",
		s.workers*s.rounds, took, stats.Opened, before, runtime.NumGoroutine(), heap>>10,
		heapInUse()>>10)
}

// everyone calls fn for all tenants, of some at once.
func (s *crowd) everyone(t *testing.T, fn func(ctx context.Context, i int) error) {
	var all errgroup.Group
	all.SetLimit(8)
	for i := range s.tenants {
		ctx := as(t, s.tenant(i))
		all.Go(func() error { return fn(ctx, i) })
	}
	require.NoError(t, all.Wait())
}

// settle waits as require.Eventually does, which has goroutines of its own.
func settle(t *testing.T, what string, condition func() bool) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for tries := 10_000; !condition(); tries-- {
		if tries == 0 {
			stacks := make([]byte, 1<<20)
			require.Fail(t, what+" are left", "%s", stacks[:runtime.Stack(stacks, true)])
		}
		<-ticker.C
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what was kept in pools of sync.Pool
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// once does one thing as one tenant. Some tenants have more to do than others.
func (s *crowd) once(ctx context.Context) error {
	i := rand.IntN(s.tenants)
	if rand.IntN(2) == 0 {
		i = rand.IntN(s.tenants/10 + 1)
	}
	tenant := s.tenant(i)
	ctx = gormtenant.WithTenant(ctx, tenant)
	var err error
	switch rand.IntN(8) {
	case 0:
		err = s.write(ctx, i)
	case 1:
		err = s.transaction(ctx, i, tenant)
	case 2:
		err = expect(s.all.QueryRowContext(ctx, "SELECT tenant FROM own"), tenant)
	case 3:
		err = expect(s.stmt.QueryRowContext(ctx, tenant), tenant)
	case 4:
		err = s.connection(ctx, tenant)
	case 5:
		err = s.leave(ctx)
	case 6:
		err = s.rows(ctx, tenant)
	case 7:
		if rand.IntN(10) == 0 {
			err = s.all.CloseTenant(ctx, tenant)
		}
		if stats := s.all.Stats(); stats.Pools > stats.MaxPools ||
			stats.Connections > stats.MaxConnections {
			return fmt.Errorf("above the limits: %+v", stats)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", tenant, err)
	}
	return nil
}

func expect(row *sql.Row, want string) error {
	var got string
	if err := row.Scan(&got); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("found %s, not %s", got, want)
	}
	return nil
}

func (s *crowd) write(ctx context.Context, i int) error {
	_, err := s.all.ExecContext(ctx, "UPDATE own SET n = n + 1")
	if err == nil {
		s.written[i].Add(1)
	}
	return err
}

func (s *crowd) transaction(ctx context.Context, i int, tenant string) error {
	tx, err := s.all.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "UPDATE own SET n = n + 1"); err != nil {
		return err
	}
	if err := expect(tx.StmtContext(ctx, s.stmt).QueryRowContext(ctx, tenant), tenant); err != nil {
		return err
	}
	if rand.IntN(4) == 0 {
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.written[i].Add(1)
	return nil
}

func (s *crowd) connection(ctx context.Context, tenant string) error {
	conn, err := s.all.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return expect(conn.QueryRowContext(ctx, "SELECT tenant FROM own"), tenant)
}

func (s *crowd) rows(ctx context.Context, tenant string) error {
	rows, err := s.all.QueryContext(ctx, "SELECT tenant FROM own")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	runtime.Gosched() // others would evict it now
	for rows.Next() {
		var got string
		if err := rows.Scan(&got); err != nil {
			return err
		}
		if got != tenant {
			return fmt.Errorf("a row of %s", got)
		}
	}
	return rows.Err()
}

// leave gives up at any time, as clients do.
func (s *crowd) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
	defer cancel()
	var err error
	if rand.IntN(2) == 0 {
		err = s.all.QueryRowContext(ctx, "SELECT tenant FROM own").Scan(new(string))
	} else if tx, begin := s.all.BeginTx(ctx, nil); begin == nil {
		err = tx.QueryRowContext(ctx, "SELECT tenant FROM own").Scan(new(string))
		_ = tx.Rollback()
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
