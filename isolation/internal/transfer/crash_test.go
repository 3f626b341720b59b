package transfer_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// killMover ends the sessions that hold the locks of moves.
func killMover(t *testing.T, h *fixture) {
	t.Helper()
	require.NoError(t, h.DB.Exec("SELECT pg_terminate_backend(pid) FROM (SELECT DISTINCT pid "+
		"FROM pg_locks WHERE locktype = 'advisory' "+
		"AND mode = 'ExclusiveLock' AND database = (SELECT oid FROM pg_database "+
		"WHERE datname = current_database())) AS movers").Error)
	soon(t, func() bool {
		var n int64
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "+
			"AND database = (SELECT oid FROM pg_database WHERE datname = "+
			"current_database())").Scan(&n).Error)
		return n == 0
	})
}

func TestMover_lost_while_copying(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		frozen := freeze(t, p, h)
		killMover(t, h)
		require.NoError(t, h.DB.Exec("UPDATE "+h.at("books")+" SET title = 'at once' "+
			"WHERE id = 10").Error)
		_, err := frozen.Hold(t.Context())
		require.ErrorIs(t, err, transfer.ErrLost)
		require.ErrorIs(t, frozen.Keep(t.Context()), transfer.ErrLost)
		require.ErrorIs(t, frozen.Thaw(t.Context()), transfer.ErrLeft)

		// The next one takes over what is left, waiting for who writes past it.
		require.NotZero(t, leftovers(t, h))
		writer := h.DB.Begin()
		require.NoError(t, writer.Exec("UPDATE "+h.at("books")+
			" SET title = 'in flight' WHERE id = 10").Error)
		done := make(chan error)
		go func() {
			var err error
			frozen, err = p.Freeze(t.Context(), h.Location)
			done <- err
		}()
		soon(t, func() bool {
			return transfer.IsFrozen(h.DB.Exec("UPDATE " + h.at("tags") +
				" SET label = 'x' WHERE id = 10").Error)
		})
		require.NoError(t, writer.Commit().Error)
		require.NoError(t, <-done)
		require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE "+h.at("books")+
			" SET title = 'x' WHERE id = 10").Error))
		killMover(t, h)
		require.NoError(t, p.Thaw(t.Context(), h.Location))
		require.NoError(t, p.Thaw(t.Context(), h.Location), "again")
		require.Zero(t, leftovers(t, h))
	})
}

func TestMover_lost_while_the_directory_is_switched(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		frozen := freeze(t, p, h)
		_, err := frozen.Hold(t.Context())
		require.NoError(t, err)
		killMover(t, h)
		write := func() error {
			return h.DB.Exec("UPDATE " + h.at("books") + " SET title = 'x' WHERE id = 10").Error
		}
		require.True(t, transfer.IsFrozen(write()))

		// When the lease is over, the tenant can write.
		var definition string
		require.NoError(t, h.DB.Raw("SELECT regexp_replace(pg_get_functiondef(oid), "+
			"'clock_timestamp\\(\\) < ''[^'']*''', 'clock_timestamp() < ''2000-01-01''') "+
			"FROM pg_proc WHERE proname LIKE 'gormtenant_freeze%'").Scan(&definition).Error)
		require.Contains(t, definition, "2000-01-01")
		require.NoError(t, h.DB.Exec(definition).Error)
		require.NoError(t, write())

		// A process that finds the directory switched makes up for Keep.
		frozen = freeze(t, p, h)
		require.NoError(t, frozen.Keep(t.Context()))
		require.True(t, transfer.IsFrozen(write()))
	})
}

func TestKeep_waits_for_transactions_that_know_the_function_as_it_was(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		frozen := freeze(t, p, h)
		crossing := h.DB.Begin()
		require.NoError(t, crossing.Exec("UPDATE books SET title = 'x' WHERE id = 100").Error)
		require.NoError(t, crossing.Exec("SAVEPOINT a").Error)
		require.True(t, transfer.IsFrozen(crossing.Exec("UPDATE books SET title = 'x' "+
			"WHERE id = 10").Error))
		require.NoError(t, crossing.Exec("ROLLBACK TO SAVEPOINT a").Error)
		done := make(chan error)
		go func() { done <- frozen.Keep(t.Context()) }()
		soon(t, func() bool {
			var n int64
			require.NoError(t, h.DB.Raw("SELECT count(*) FROM pg_proc "+
				"WHERE prosrc LIKE '%gormtenant: kept%'").Scan(&n).Error)
			return n == 1
		})
		select {
		case err := <-done:
			require.FailNow(t, "Keep let go of the lock", err)
		default:
		}
		err := crossing.Exec("UPDATE books SET title = 'x' WHERE id = 11").Error
		require.True(t, transfer.IsFrozen(err), err)
		require.NoError(t, crossing.Rollback().Error)
		require.NoError(t, <-done)
	})
}

func TestMover_killed(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		child := exec.Command(os.Args[0], "-test.run=^TestMover_to_be_killed$", "-test.v")
		child.Env = append(os.Environ(), "TRANSFER_TEST_DSN="+h.dsn)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		child.Stderr = os.Stderr
		_, err = child.StdinPipe() // open while the child is to live
		require.NoError(t, err)
		require.NoError(t, child.Start())
		lines := bufio.NewScanner(out)
		frozen := false
		for !frozen && lines.Scan() {
			frozen = lines.Text() == "frozen"
			t.Log(lines.Text())
		}
		require.True(t, frozen, "the other process has not frozen the tenant")
		write := func() error {
			return h.DB.Exec("UPDATE books SET title = 'x' " +
				"WHERE id = 10").Error
		}
		err = write()
		require.True(t, transfer.IsFrozen(err), err)
		require.NoError(t, child.Process.Kill())
		_ = child.Wait()
		soon(t, func() bool { return write() == nil })
		require.NoError(t, freeze(t, p, h).Thaw(t.Context()))
		require.Zero(t, leftovers(t, h))
	})
}

// TestMover_to_be_killed is the process that TestMover_killed kills.
func TestMover_to_be_killed(t *testing.T) {
	dsn := os.Getenv("TRANSFER_TEST_DSN")
	if dsn == "" {
		t.Skip("run by another test")
	}
	h := &fixture{Location: transfer.Location{DB: open(t, postgres.Open(dsn)), Shared: true}}
	frozen := freeze(t, plan(t, h, acme), h)
	fmt.Println("frozen")
	// Not select {}: where nothing else runs in a process built without cgo, the runtime ends it
	// for a deadlock, and with it the freeze.
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(frozen)
}

func TestLease_on_SQLite(t *testing.T) {
	t.Parallel()
	onEach(t, []string{liteRows, liteFile}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		write := func() error {
			return h.DB.Exec("UPDATE books SET title = 'x' " +
				"WHERE id = 10").Error
		}
		lapse := func() {
			require.NoError(t, h.DB.Exec("UPDATE gormtenant_freeze "+
				"SET until = 0").Error)
		}

		frozen := freeze(t, p, h)
		require.True(t, transfer.IsFrozen(write()))
		lapse()
		require.NoError(t, write(), "the lease is over")
		_, err := frozen.Hold(t.Context())
		require.ErrorIs(t, err, transfer.ErrLost)
		require.ErrorIs(t, frozen.Keep(t.Context()), transfer.ErrLost)

		other := freeze(t, p, h)
		require.NoError(t, frozen.Thaw(t.Context()), "is not to end the freeze of who came after")
		require.True(t, transfer.IsFrozen(write()))
		lapse()
		require.NoError(t, p.Thaw(t.Context(), h.Location))
		require.Zero(t, leftovers(t, h))
		require.NoError(t, other.Thaw(t.Context()))
		require.NoError(t, write())
	})
}
