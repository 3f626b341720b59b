package route_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/route"
)

// first returns the text of the first note.
func first(t *testing.T, row *sql.Row) string {
	t.Helper()
	var text string
	require.NoError(t, row.Scan(&text))
	return text
}

const firstNote = "SELECT text FROM notes ORDER BY id LIMIT 1"

func TestPool_without_a_tenant(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		db, err := e.pool.GetDBConn()
		require.NoError(t, err)
		conn, err := db.Conn(e.none)
		require.NoError(t, err)
		stmt, err := e.pool.PrepareContext(e.none, firstNote)
		require.NoError(t, err)
		for _, c := range []struct {
			name   string
			attack func() error
		}{
			{"exec", func() error {
				_, err := e.pool.ExecContext(e.none,
					"DELETE FROM notes")
				return err
			}},
			{"query", func() error {
				_, err := e.pool.QueryContext(e.none,
					firstNote)
				return err
			}},
			{"row", func() error {
				return e.pool.QueryRowContext(e.none,
					firstNote).Scan(new(string))
			}},
			{"begin", func() error { _, err := e.pool.BeginTx(e.none, nil); return err }},
			{"db_exec", func() error {
				_, err := db.ExecContext(e.none,
					"DELETE FROM notes")
				return err
			}},
			{"db_begin", func() error { _, err := db.BeginTx(e.none, nil); return err }},
			{"conn_query", func() error {
				return conn.QueryRowContext(e.none,
					firstNote).Scan(new(string))
			}},
			{"statement", func() error { return stmt.QueryRowContext(e.none).Scan(new(string)) }},
			{"raw", func() error {
				return route.Raw(e.none, conn,
					func(any) error { return nil })
			}},
		} {
			require.ErrorIs(t, c.attack(), gormtenant.ErrNoTenant, c.name)
		}
		require.Zero(t, e.picked.Load())
		require.NoError(t, e.pool.Ping())
		require.NoError(t, e.pool.PingContext(e.none))
		require.NoError(t, db.PingContext(e.none))
		require.NoError(t, e.pool.PingContext(e.a))
		require.NoError(t, db.PingContext(e.a))
		require.NoError(t, stmt.Close())
		require.NoError(t, conn.Close())
	})
}

func TestStatement_of_one_tenant_run_by_another(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		stmt, err := e.pool.PrepareContext(e.a, firstNote)
		require.NoError(t, err)
		defer func() { require.NoError(t, stmt.Close()) }()
		for range 3 {
			require.Equal(t, "acme 1", first(t, stmt.QueryRowContext(e.a)))
			require.Equal(t, "zeta 1", first(t, stmt.QueryRowContext(e.b)))
		}
		tx, err := e.pool.BeginTx(e.b, nil)
		require.NoError(t, err)
		require.Equal(t, "zeta 1", first(t, tx.StmtContext(e.b, stmt).QueryRowContext(e.b)))
		require.ErrorIs(t, tx.StmtContext(e.b, stmt).QueryRowContext(e.a).Scan(new(string)),
			gormtenant.ErrOtherTenant)
		require.NoError(t, tx.Commit())
	})
}

// A connection is one tenant's from its first statement on, and another's once it was given back.
func TestConn_belongs_to_its_first_tenant(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		for _, pair := range [][2]context.Context{{e.a, e.b}, {e.b, e.a}} {
			conn, err := e.pool.Conn(e.none)
			require.NoError(t, err)
			mine := first(t, conn.QueryRowContext(pair[0], firstNote))
			id, _ := gormtenant.FromContext(pair[0])
			require.Equal(t, fmt.Sprint(id, " 1"), mine)
			require.ErrorIs(t, conn.QueryRowContext(pair[1], firstNote).Scan(new(string)),
				gormtenant.ErrOtherTenant)
			_, err = conn.BeginTx(pair[1], nil)
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
			tx, err := conn.BeginTx(pair[0], nil)
			require.NoError(t, err)
			require.NoError(t, tx.Rollback())
			require.NoError(t, conn.Close())
		}
	})
}

// What the context's end leaves: nothing of the transaction, and no connection that is taken.
func TestTransaction_whose_context_ends(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		ctx, cancel := context.WithCancel(e.a)
		tx, err := e.pool.BeginTx(ctx, nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(ctx, "INSERT INTO notes (text) VALUES ('lost')")
		require.NoError(t, err)
		cancel()
		require.Error(t, tx.Commit())
		require.Eventually(t, func() bool {
			return e.held.Load() == 0 &&
				e.pools[A].Stats().InUse == 0
		},
			2*time.Minute, time.Millisecond)
		var n int
		require.NoError(t, e.pool.QueryRowContext(e.a, "SELECT count(*) FROM notes").Scan(&n))
		require.Equal(t, 2, n)
	})
}

func TestRows_whose_context_ends(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		db, err := e.pool.GetDBConn()
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(e.a)
		rows, err := db.QueryContext(ctx, "SELECT text FROM notes ORDER BY id")
		require.NoError(t, err)
		require.True(t, rows.Next())
		cancel()
		require.Eventually(t, func() bool {
			return e.held.Load() == 0 &&
				e.pools[A].Stats().InUse == 0
		},
			2*time.Minute, time.Millisecond)
	})
}

// The types, the values and the arguments are those of the database itself.
func TestRows_are_the_driver_s_own(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		query := "SELECT id, text, NULL AS empty, 1.5 AS number, CAST(text AS " +
			map[string]string{"sqlite": "blob", "postgres": "bytea"}[e.name] +
			") AS bytes FROM notes WHERE text LIKE '%1' AND 1 = " +
			map[string]string{"sqlite": "?", "postgres": "$1"}[e.name]
		db, err := e.pool.GetDBConn()
		require.NoError(t, err)
		type answer struct {
			types  string
			values []any
		}
		read := func(query func(context.Context, string, ...any) (*sql.Rows, error), text string,
			id any,
		) (got answer) {
			rows, err := query(e.a, text, id)
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			require.True(t, rows.Next())
			types, err := rows.ColumnTypes()
			require.NoError(t, err)
			for _, c := range types {
				length, sized := c.Length()
				precision, scale, decimal := c.DecimalSize()
				nullable, known := c.Nullable()
				got.types += fmt.Sprintln(c.Name(), c.DatabaseTypeName(), c.ScanType(), length,
					sized,
					precision, scale, decimal, nullable, known)
			}
			got.values = make([]any, len(types))
			targets := make([]any, len(types))
			for i := range targets {
				targets[i] = &got.values[i]
			}
			require.NoError(t, rows.Scan(targets...))
			require.False(t, rows.Next())
			require.NoError(t, rows.Err())
			return got
		}
		want := read(e.pools[A].QueryContext, query, 1)
		require.Equal(t, want, read(e.pool.QueryContext, query, 1))
		require.Equal(t, want, read(db.QueryContext, query, 1))
		require.Equal(t, want, read(db.QueryContext, query, sql.NullInt64{Int64: 1, Valid: true}))

		//nolint:rowserrcheck,sqlclosecheck // Both fail.
		_, plain := e.pools[A].QueryContext(e.a, query, struct{ X int }{1})
		//nolint:rowserrcheck,sqlclosecheck // See above.
		_, routed := db.QueryContext(e.a, query, struct{ X int }{1})
		require.Error(t, plain)
		require.ErrorContains(t, routed, plain.Error())
	})
}

func TestRaw(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, e *env) {
		conn, err := e.pool.Conn(e.a)
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		require.NoError(t, route.Raw(e.a, conn, func(driverConn any) error {
			_, pgx := driverConn.(*stdlib.Conn)
			require.Equal(t, e.name == "postgres", pgx)
			return nil
		}))
		require.ErrorIs(t, route.Raw(e.b, conn, func(any) error { return nil }),
			gormtenant.ErrOtherTenant)
	})
}

// Connections that are lost are replaced, however many there are.
func TestConnections_that_are_gone(t *testing.T) {
	t.Parallel()
	e := newEnv(t, "postgres", true)
	const idle = 4
	e.pools[A].SetMaxIdleConns(idle)
	db, err := e.pool.GetDBConn()
	require.NoError(t, err)
	for _, use := range []func() error{
		func() error { return db.QueryRowContext(e.a, firstNote).Scan(new(string)) },
		func() error { _, err := db.ExecContext(e.a, "SELECT 1"); return err },
		func() error {
			tx, err := db.BeginTx(e.a, nil)
			if err != nil {
				return err
			}
			return tx.Commit()
		},
	} {
		conns := make([]*sql.Conn, idle)
		for i := range conns {
			conns[i], err = db.Conn(e.a)
			require.NoError(t, err)
			require.NoError(t, conns[i].PingContext(e.a))
			require.NoError(t, route.Raw(e.a, conns[i], func(driverConn any) error {
				return driverConn.(*stdlib.Conn).Conn().PgConn().Conn().Close()
			}))
		}
		for _, conn := range conns {
			require.NoError(t, conn.Close())
		}
		require.Equal(t, idle, e.pools[A].Stats().Idle)
		require.NoError(t, use())
	}
	require.Zero(t, e.held.Load())
}
