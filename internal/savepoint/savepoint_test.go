package savepoint_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/savepoint"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// trial is a test in a transaction.
type trial struct {
	*testing.T
	tx *sql.Tx
	db *sql.DB // of tx
}

// each runs test in a transaction of an empty database of each kind, with a table of numbers.
func each(t *testing.T, test func(t trial)) {
	t.Helper()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := openSQLite(t)
			if name == "postgres" {
				pool = openPostgres(t)
			}
			tx, err := pool.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			t.Cleanup(func() { _ = tx.Rollback() })
			_, err = tx.Exec("CREATE TABLE numbers (n int)")
			require.NoError(t, err)
			db := savepoint.Open(tx, nil)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			test(trial{t, tx, db})
		})
	}
}

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	pool, err := sql.Open(sqlite.DriverName, filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func openPostgres(t testing.TB) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func insert(t testing.TB, on querier, n int) {
	t.Helper()
	result, err := on.ExecContext(t.Context(), "INSERT INTO numbers VALUES ($1)", n)
	require.NoError(t, err)
	affected, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, affected)
}

func sum(t testing.TB, on querier) (n int) {
	t.Helper()
	require.NoError(
		t, on.QueryRowContext(t.Context(), "SELECT coalesce(sum(n), 0) FROM numbers").Scan(&n))
	return n
}

func TestOpen_is_in_the_transaction(t *testing.T) {
	t.Parallel()
	each(t, func(t trial) {
		insert(t, t.db, 1)
		require.Equal(t, 1, sum(t, t.tx))
		require.NoError(t, t.db.PingContext(t.Context()))
		prepared, err := t.db.PrepareContext(t.Context(), "INSERT INTO numbers VALUES ($1)")
		require.NoError(t, err)
		for range 2 {
			_, err := prepared.ExecContext(t.Context(), 10)
			require.NoError(t, err)
		}
		require.NoError(t, prepared.Close())
		require.Equal(t, 21, sum(t, t.tx))
	})
}

func TestTransactions_are_savepoints(t *testing.T) {
	t.Parallel()
	each(t, func(t trial) {
		kept, err := t.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		insert(t, kept, 1)
		require.NoError(t, kept.Commit())
		undone, err := t.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		insert(t, undone, 10)
		_, err = undone.ExecContext(t.Context(), "INSERT INTO nowhere VALUES (1)")
		require.Error(t, err)
		require.NoError(t, undone.Rollback())
		require.Equal(t, 1, sum(t, t.db))

		ctx, cancel := context.WithCancel(t.Context())
		ended, err := t.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		insert(t, ended, 100)
		cancel()
		require.Error(t, ended.Commit())
		_ = ended.Rollback()
		_, err = t.db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		require.ErrorContains(t, err, "as read-only as it")
		_, err = t.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
		require.ErrorContains(t, err, "its isolation level")
	})
}

// On Postgres the commit of a transaction in which a statement failed undoes it.
func TestTransaction_that_cannot_be_committed(t *testing.T) {
	t.Parallel()
	each(t, func(t trial) {
		inner, err := t.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		insert(t, inner, 1)
		_, err = inner.ExecContext(t.Context(), "INSERT INTO nowhere VALUES (1)")
		require.Error(t, err)
		if inner.Commit() == nil { // SQLite goes on
			require.Equal(t, 1, sum(t, t.db))
			return
		}
		require.Equal(t, 0, sum(t, t.db))
	})
}

// Of two transactions that overlap, the one that was begun first decides over the other.
func TestTransactions_that_overlap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                     string
		commitOuter, commitInner bool
		sum                      int
		err                      string
	}{
		{"both_committed", true, true, 11, ""},
		{"inner_rolled_back_too_late", true, false, 11, "can no longer be rolled back"},
		{
			"inner_committed_too_late", false, true, 0,
			"was rolled back, with one that was begun before it",
		},
		{"both_rolled_back", false, false, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t trial) {
				end := func(tx *sql.Tx, commit bool) error {
					if commit {
						return tx.Commit()
					}
					return tx.Rollback()
				}
				outer, err := t.db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				insert(t, outer, 1)
				inner, err := t.db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				insert(t, inner, 10)
				require.NoError(t, end(outer, test.commitOuter))
				err = end(inner, test.commitInner)
				if test.err == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, test.err)
				}
				require.Equal(t, test.sum, sum(t, t.db))
			})
		})
	}
}

// A query that is being read does not keep others from running.
func TestRows_are_read_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t trial) {
		for n := range 5 {
			insert(t, t.db, n)
		}
		rows, err := t.db.QueryContext(
			t.Context(), "SELECT n, 'x' AS text, NULL AS empty FROM numbers ORDER BY n")
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.Equal(t, []string{"n", "text", "empty"}, columns)
		_, err = rows.ColumnTypes()
		require.NoError(t, err)
		for want := 0; rows.Next(); want++ {
			var n int
			var text string
			var nothing *string
			require.NoError(t, rows.Scan(&n, &text, &nothing))
			require.Equal(t, want, n)
			require.Equal(t, "x", text)
			require.Nil(t, nothing)
			insert(t, t.db, 100)
		}
		require.NoError(t, rows.Err())
		require.False(t, rows.NextResultSet())
		require.Equal(t, 510, sum(t, t.db))
	})
}

func TestValues_of_Postgres_stay_what_they_are(t *testing.T) {
	t.Parallel()
	tx, err := openPostgres(t).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	db := savepoint.Open(tx, nil)
	t.Cleanup(func() { _ = db.Close() })
	query := "SELECT 1::bigint, 2::smallint, 1.5::float8, 2.50::numeric, true, 'x'::text, " +
		"'\\x01'::bytea, now(), '{1,2}'::int[], " +
		"'{\"a\": 1}'::jsonb, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid, NULL::int"
	read := func(on querier) (values []any) {
		values = make([]any, 12)
		into := make([]any, len(values))
		for i := range into {
			into[i] = &values[i]
		}
		require.NoError(t, on.QueryRowContext(t.Context(), query).Scan(into...))
		return values
	}
	require.Equal(t, read(tx), read(db))
	types := func(on querier) (all []string) {
		rows, err := on.QueryContext(t.Context(), query)
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		columns, err := rows.ColumnTypes()
		require.NoError(t, err)
		for _, c := range columns {
			all = append(all, c.DatabaseTypeName()+" "+c.ScanType().String())
		}
		return all
	}
	require.Equal(t, types(tx), types(db))
	var day time.Time // arguments are the driver's matter
	require.NoError(
		t, db.QueryRowContext(
			t.Context(), "SELECT $1::date WHERE 2 = ANY($2::int[])", time.Unix(0, 0),
			[]int{1, 2}).Scan(
			&day))
}

func TestOpen_by_several_goroutines(t *testing.T) {
	t.Parallel()
	each(t, func(t trial) {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				for range 10 {
					_, err := t.db.ExecContext(t.Context(), "INSERT INTO numbers VALUES ($1)", 1)
					var n int
					errs[i] = errors.Join(
						errs[i], err, t.db.QueryRowContext(
							t.Context(), "SELECT count(*) FROM numbers").Scan(&n))
				}
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, 80, sum(t, t.db))
	})
}

func TestSeen_before_each_statement(t *testing.T) {
	t.Parallel()
	tx, err := openSQLite(t).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var all []string
	db := savepoint.Open(tx, func(query string, args []any) {
		all = append(all, query)
		require.Len(t, args, len(all)-1)
	})
	_, err = db.Exec("CREATE TABLE numbers (n int)")
	require.NoError(t, err)
	inner, err := db.Begin()
	require.NoError(t, err)
	_, err = inner.Exec("INSERT INTO numbers VALUES (@n)", sql.Named("n", 1))
	require.NoError(t, err)
	require.NoError(t, inner.Commit())
	require.Equal(
		t, []string{"CREATE TABLE numbers (n int)", "INSERT INTO numbers VALUES (@n)"}, all)
	require.NoError(t, db.Close())
	require.NoError(t, tx.Commit())
}
