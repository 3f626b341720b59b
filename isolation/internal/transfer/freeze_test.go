package transfer_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// onEach runs a test in places of these kinds, with rows of acme, and of zeta where both can be.
func onEach(t *testing.T, kinds []string, test func(t *testing.T, h *fixture, p *transfer.Plan)) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, kind, "")
			seed(t, h.app, acme, 10, 3)
			if h.Shared {
				seed(t, h.app, zeta, 100, 3)
			}
			test(t, h, plan(t, h, acme))
		})
	}
}

func freeze(t *testing.T, p *transfer.Plan, h *fixture) *transfer.Frozen {
	t.Helper()
	frozen, err := p.Freeze(t.Context(), h.Location)
	require.NoError(t, err)
	return frozen
}

// writes are the ways to write, with keys of a tenant's rows from first on.
func writes(h *fixture, tenant string, first int) map[string]func(tx *gorm.DB) error {
	sqlite := h.DB.Name() == "sqlite"
	statements := map[string]string{
		"insert": "INSERT INTO {tags} (id, tenant_id, label) VALUES (@first + 50, " +
			"@tenant, 'x')",
		"insert_select": "INSERT INTO {tags} (id, tenant_id, label) SELECT id + 60, " +
			"tenant_id, label FROM {tags} WHERE id = @first",
		"upsert": "INSERT INTO {tags} (id, tenant_id, label) VALUES (@first, @tenant, " +
			"'x') ON CONFLICT (id) DO UPDATE SET label = 'y'",
		"update":           "UPDATE {books} SET title = 'x' WHERE id = @first",
		"delete":           "DELETE FROM {samples} WHERE id = @first",
		"join_row_insert":  "INSERT INTO {book_tags} (book_id, tag_id) VALUES (@first, @first + 1)",
		"join_row_update":  "UPDATE {book_tags} SET tag_id = @first WHERE book_id = @first + 1",
		"join_row_delete":  "DELETE FROM {book_tags} WHERE book_id = @first",
		"self_join_delete": "DELETE FROM {author_friends} WHERE friend_id = @first + 1",
	}
	if !sqlite {
		statements["merge"] = "MERGE INTO {tags} AS t USING (SELECT CAST(@first AS bigint) AS " +
			"id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET label = 'z'"
	}
	all := map[string]func(tx *gorm.DB) error{}
	for name, statement := range statements {
		for _, table := range tables {
			statement = replace(statement, "{"+table+"}", h.at(table))
		}
		all[name] = func(tx *gorm.DB) error {
			return tx.Exec(statement, map[string]any{"first": first, "tenant": tenant}).Error
		}
	}
	return all
}

func TestFreeze_refuses_every_write_of_the_tenant_and_no_other(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema, liteRows, liteFile}, func(t *testing.T, h *fixture,
		p *transfer.Plan,
	) {
		frozen := freeze(t, p, h)
		before := h.bytes(t, "1 = 1")
		for name, write := range writes(h, acme, 10) {
			err := write(h.DB)
			require.True(t, transfer.IsFrozen(err), "%s: %v", name, err)
			require.ErrorContains(t, err, "gormtenant: the tenant is being moved, "+
				"try again in a moment")
		}
		require.Equal(t, before, h.bytes(t, "1 = 1"))
		require.False(t, transfer.IsFrozen(h.DB.Exec("SELECT nonsense").Error))
		if h.Shared {
			for name, write := range writes(h, zeta, 100) {
				require.NoError(t, write(h.DB), name)
			}
			require.NotEqual(t, before, h.bytes(t, "1 = 1"))
			require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE tags SET tenant_id = 'acme' "+
				"WHERE id = 100").Error), "a row given to the tenant")
			require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE tags SET tenant_id = 'other' "+
				"WHERE id = 10").Error), "a row taken from the tenant")
		}
		if h.DB.Name() == "postgres" {
			require.True(t, transfer.IsFrozen(h.DB.Exec("TRUNCATE "+h.at("tags")+" CASCADE").Error))
		}
		require.NoError(t, frozen.Thaw(t.Context()))
		require.Zero(t, leftovers(t, h))
		for name, write := range writes(h, acme, 10) {
			require.NoError(t, write(h.DB), name)
		}
	})
}

func TestFreeze_waits_for_a_transaction_that_has_written(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		writer := h.DB.Begin()
		require.NoError(t, writer.Exec("UPDATE "+h.at("books")+
			" SET title = 'in flight' WHERE id = 10").Error)
		done := make(chan error)
		var frozen *transfer.Frozen
		go func() {
			var err error
			frozen, err = p.Freeze(context.WithoutCancel(t.Context()), h.Location)
			done <- err
		}()
		// The table before is frozen already.
		soon(t, func() bool {
			return transfer.IsFrozen(h.DB.Exec("UPDATE " + h.at("authors") +
				" SET name = 'x' WHERE id = 10").Error)
		})
		waitsForBooks(t, h)
		require.NoError(t, writer.Exec("UPDATE "+h.at("books")+
			" SET slug = 'also' WHERE id = 10").Error)
		require.NoError(t, writer.Commit().Error)
		require.NoError(t, <-done)
		var slug string
		require.NoError(t, h.DB.Raw("SELECT slug FROM "+h.at("books")+
			" WHERE id = 10").Scan(&slug).Error)
		require.Equal(t, "also", slug)
		require.NoError(t, frozen.Thaw(t.Context()))
	})
}

func TestFreeze_holds_for_transactions_that_read_as_of_before(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		reader := h.DB.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		var n int64
		require.NoError(t, reader.Raw("SELECT count(*) FROM "+h.at("countries")).Scan(&n).Error)
		frozen := freeze(t, p, h)
		err := reader.Exec("UPDATE " + h.at("books") + " SET title = 'x' WHERE id = 10").Error
		require.True(t, transfer.IsFrozen(err), err)
		require.NoError(t, reader.Rollback().Error)

		// Nor can a join row slip through whose owners such a transaction does not see.
		if h.Shared {
			reader = h.DB.Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead})
			require.NoError(t, reader.Raw("SELECT count(*) FROM countries").Scan(&n).Error)
			require.NoError(t, frozen.Thaw(t.Context()))
			require.NoError(t, h.DB.Exec("INSERT INTO tags (id, tenant_id, label) VALUES (90, "+
				"'acme', 'unseen')").Error)
			require.NoError(t, h.DB.Exec("INSERT INTO books (id, tenant_id, slug, author_id) "+
				"VALUES (90, 'acme', 'unseen', 10)").Error)
			frozen = freeze(t, p, h)
			err = reader.Exec("INSERT INTO book_tags (book_id, tag_id) VALUES (90, 90)").Error
			require.True(t, transfer.IsFrozen(err), err)
			require.NoError(t, reader.Rollback().Error)
		}
		require.NoError(t, frozen.Thaw(t.Context()))
	})
}

func TestFreeze_gives_up_without_a_trace(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		writer := h.DB.Begin()
		require.NoError(t, writer.Exec("UPDATE books SET title = 'in flight' WHERE id = 100").Error)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := p.Freeze(ctx, h.Location)
			done <- err
		}()
		soon(t, func() bool { return leftovers(t, h) > 1 })
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Zero(t, leftovers(t, h))
		require.NoError(t, h.DB.Exec("UPDATE authors SET name = 'x' WHERE id = 10").Error)
		require.NoError(t, writer.Commit().Error)
	})
}

// waitsForBooks returns when a freeze waits for those who have written to books.
func waitsForBooks(t *testing.T, h *fixture) {
	t.Helper()
	soon(t, func() bool {
		var n int64
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM pg_locks WHERE NOT granted "+
			"AND mode = 'ShareRowExclusiveLock' AND relation = ?::regclass", h.at("books")).
			Scan(&n).Error)
		return n > 0
	})
}

func TestThaw_does_not_wait_for_readers(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		frozen := freeze(t, p, h)
		reader := h.DB.Begin()
		var n int64
		require.NoError(t, reader.Raw("SELECT count(*) FROM books").Scan(&n).Error)
		done := make(chan error)
		go func() { done <- frozen.Thaw(t.Context()) }()
		soon(t, func() bool {
			return h.DB.Exec("UPDATE books SET title = 'x' "+
				"WHERE id = 10").Error == nil
		})
		require.ErrorIs(t, <-done, transfer.ErrLeft)
		require.NoError(t, reader.Commit().Error)

		// Triggers that do nothing keep no count of who writes past them: the tables are waited for
		// all the same.
		writer := h.DB.Begin()
		require.NoError(t, writer.Exec("UPDATE books SET title = 'y' WHERE id = 10").Error)
		go func() {
			var err error
			frozen, err = p.Freeze(context.WithoutCancel(t.Context()), h.Location)
			done <- err
		}()
		waitsForBooks(t, h)
		require.NoError(t, writer.Commit().Error)
		require.NoError(t, <-done)
		require.NoError(t, frozen.Thaw(t.Context()))
		require.Zero(t, leftovers(t, h))
	})
}

func TestFreeze_excludes_another_of_the_same_tenant(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema, liteRows, liteFile}, func(t *testing.T, h *fixture,
		p *transfer.Plan,
	) {
		frozen := freeze(t, p, h)
		_, err := p.Freeze(t.Context(), h.Location)
		require.ErrorIs(t, err, transfer.ErrBusy)
		require.ErrorIs(t, p.Thaw(t.Context(), h.Location), transfer.ErrBusy)
		require.ErrorIs(t, p.Remove(t.Context(), h.Location), transfer.ErrBusy)
		if h.Shared {
			other := freeze(t, plan(t, h, zeta), h)
			require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE books SET title = 'x' "+
				"WHERE id = 100").Error))
			require.NoError(t, other.Thaw(t.Context()))
			require.NoError(t, h.DB.Exec("UPDATE books SET title = 'x' WHERE id = 100").Error)
		}
		require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE "+h.at("books")+
			" SET title = 'x' WHERE id = 10").Error))
		require.NoError(t, frozen.Thaw(t.Context()))
		require.NoError(t, freeze(t, p, h).Thaw(t.Context()))
	})
}

// A tenant can be moved again at once, even if the server has not noticed that the connection of
// the move before is closed.
func TestFreeze_holds_no_lock_after_its_end(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		config, err := pgx.ParseConfig(h.dsn)
		require.NoError(t, err)
		proxy, through := pgtest.NewProxy(t, config, 0)
		pool := stdlib.OpenDB(*through)
		t.Cleanup(func() { _ = pool.Close() })
		place := h.Location
		place.DB = open(t, postgres.New(postgres.Config{Conn: pool}))
		for _, end := range []func(*transfer.Frozen) error{
			func(f *transfer.Frozen) error { return f.Thaw(t.Context()) },
			func(f *transfer.Frozen) error { return f.Keep(t.Context()) },
			func(*transfer.Frozen) error { return p.Thaw(t.Context(), h.Location) },
		} {
			frozen, err := p.Freeze(t.Context(), place)
			if errors.Is(err, transfer.ErrMoved) {
				frozen, err = nil, nil
			}
			require.NoError(t, err)
			held := make(chan struct{})
			proxy.Cut(func(piece []byte) (int, bool) {
				if piece[0] == 'X' { // Terminate
					<-held
				}
				return len(piece), false
			})
			require.NoError(t, end(frozen))
			require.Zero(t, advisoryLocks(t, h))
			close(held)
		}
	})
}

// advisoryLocks counts those that sessions hold in the database.
func advisoryLocks(t *testing.T, h *fixture) (n int64) {
	t.Helper()
	require.NoError(t, h.DB.Raw("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "+
		"AND database = (SELECT oid FROM pg_database WHERE datname = "+
		"current_database())").Scan(&n).Error)
	return n
}

func TestKeep_keeps_writes_out_for_good(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, pgSchema, liteRows, liteFile}, func(t *testing.T, h *fixture,
		p *transfer.Plan,
	) {
		frozen := freeze(t, p, h)
		until, err := frozen.Hold(t.Context())
		require.NoError(t, err)
		require.Greater(t, time.Until(until), time.Second)
		_, err = frozen.Hold(t.Context())
		require.NoError(t, err, "again")
		require.NoError(t, frozen.Keep(t.Context()))
		for name, write := range writes(h, acme, 10) {
			err := write(h.DB)
			require.True(t, transfer.IsFrozen(err), "%s: %v", name, err)
		}
		_, err = p.Freeze(t.Context(), h.Location)
		require.ErrorIs(t, err, transfer.ErrMoved)
		require.True(t, transfer.IsFrozen(h.DB.Exec("UPDATE "+h.at("books")+
			" SET title = 'x' WHERE id = 10").Error))
		require.NoError(t, p.Thaw(t.Context(), h.Location))
		require.NoError(t, h.DB.Exec("UPDATE "+h.at("books")+" SET title = 'x' "+
			"WHERE id = 10").Error)
		require.Zero(t, leftovers(t, h))
	})
}
