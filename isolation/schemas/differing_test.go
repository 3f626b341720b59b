package schemas_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// differ gives the tenants tables of one name that have other columns, other types and another
// order.
func (s *server) differ(t testing.TB) {
	t.Helper()
	for _, c := range []struct {
		tenant string
		table  string
	}{
		{s.acme, "(id int, ref int, at date, extra text)"},
		{s.zeta, "(at timestamptz, ref text, id uuid)"},
	} {
		name := s.of(c.tenant) + ".things"
		s.do(
			t, "DROP TABLE IF EXISTS "+name, "CREATE TABLE "+name+" "+c.table,
			"ALTER TABLE "+name+" OWNER TO "+s.of(c.tenant))
	}
	s.do(t, "INSERT INTO "+s.of(s.acme)+".things VALUES (1, 5, '2024-02-29', 'x')",
		"INSERT INTO "+s.of(
			s.zeta)+".things VALUES ('2024-02-29 12:00+00', '5', "+
			"'6ba7b810-9dad-11d1-80b4-00c04fd430c8')")
}

// Tenants whose tables differ, as half-way through a migration of all, share texts and connections.
func TestTenants_whose_tables_differ(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		s.differ(t)
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		everything, err := db.PrepareContext(acme, "SELECT * FROM things")
		require.NoError(t, err)
		some, err := db.PrepareContext(zeta, "SELECT * FROM things WHERE ref = $1")
		require.NoError(t, err)
		change, err := db.Prepare("UPDATE things SET ref = $1 WHERE ref = $1")
		require.NoError(t, err)
		for range 4 {
			for _, c := range []struct {
				ctx  context.Context
				want string
			}{
				{acme, "[id ref at extra] [INT4 INT4 DATE TEXT] 1 5 x"},
				{zeta, "[at ref id] [TIMESTAMPTZ TEXT UUID] 5 " +
					"6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
			} {
				number := any(5)
				if c.ctx == zeta {
					number = "5"
				}
				for range 2 {
					require.Equal(
						t, c.want, described(t)(db.QueryContext(c.ctx, "SELECT * FROM things")))
					require.Equal(
						t, c.want, described(t)(
							db.QueryContext(c.ctx, "SELECT * FROM things WHERE ref = $1", number)))
					require.Equal(t, c.want, described(t)(everything.QueryContext(c.ctx)))
					require.Equal(t, c.want, described(t)(some.QueryContext(c.ctx, number)))
					for _, run := range []func() (sql.Result, error){
						func() (sql.Result, error) { return change.ExecContext(c.ctx, number) },
						func() (sql.Result, error) {
							return db.ExecContext(
								c.ctx, "UPDATE things SET ref = $1 WHERE ref = $1", number)
						},
					} {
						result, err := run()
						require.NoError(t, err)
						n, err := result.RowsAffected()
						require.NoError(t, err)
						require.EqualValues(t, 1, n)
					}
				}
			}
		}
	})
}

// described writes the columns, their types and the values that are no times of the one row.
func described(t testing.TB) func(rows *sql.Rows, err error) string {
	return func(rows *sql.Rows, err error) string {
		t.Helper()
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		columns, err := rows.ColumnTypes()
		require.NoError(t, err)
		var names, types []string
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i, column := range columns {
			names, types = append(names, column.Name()), append(types, column.DatabaseTypeName())
			into[i] = &values[i]
		}
		require.True(t, rows.Next())
		require.NoError(t, rows.Scan(into...))
		require.False(t, rows.Next())
		require.NoError(t, rows.Err())
		text := fmt.Sprint(names, " ", types)
		for i, value := range values {
			if types[i] != "DATE" && types[i] != "TIMESTAMPTZ" {
				text += fmt.Sprint(" ", value)
			}
		}
		return text
	}
}

// The tenant's own table changes under a connection that knows it. pgx alone fails once, and where
// a statement was prepared by hand, for good. Here what was not begun is begun again.
func TestTable_changes_under_a_connection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		s.differ(t)
		acme := as(t, s.acme)
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		statement, err := db.PrepareContext(acme, "SELECT * FROM things")
		require.NoError(t, err)
		returning, err := db.PrepareContext(acme, "UPDATE things SET ref = 5 RETURNING *")
		require.NoError(t, err)
		look := func() (columns int) {
			for i, query := range []func() (*sql.Rows, error){
				func() (*sql.Rows, error) { return db.QueryContext(acme, "SELECT * FROM things") },
				func() (*sql.Rows, error) {
					return db.QueryContext(acme, "SELECT * FROM things WHERE ref = $1", 5)
				},
				func() (*sql.Rows, error) { return statement.QueryContext(acme) },
				func() (*sql.Rows, error) { return returning.QueryContext(acme) },
			} {
				rows, err := query()
				require.NoError(t, err, i)
				names, err := rows.Columns()
				require.NoError(t, err)
				require.NoError(t, rows.Close())
				columns = len(names)
			}
			_, err = returning.ExecContext(acme)
			require.NoError(t, err)
			_, err = db.ExecContext(acme, "UPDATE things SET ref = $1 RETURNING *", 5)
			require.NoError(t, err)
			return columns
		}
		table := s.of(s.acme) + ".things"
		require.Equal(t, 4, look())
		s.do(t, "ALTER TABLE "+table+" ADD COLUMN more int")
		require.Equal(t, 5, look())
		s.do(t, "ALTER TABLE "+table+" ALTER COLUMN extra TYPE int USING 7")
		require.Equal(t, 5, look())
		s.do(t, "ALTER TABLE "+table+" DROP COLUMN more")
		require.Equal(t, 4, look())
		s.do(
			t, "ALTER SCHEMA "+s.of(s.acme)+" RENAME TO away_"+s.acme,
			"CREATE SCHEMA "+s.of(s.acme)+" AUTHORIZATION "+s.of(s.acme),
			"CREATE TABLE "+table+" (ref int, a int)",
			"ALTER TABLE "+table+" OWNER TO "+s.of(s.acme))
		require.Equal(t, 2, look())
		s.do(
			t, "DROP SCHEMA "+s.of(s.acme)+" CASCADE",
			"ALTER SCHEMA away_"+s.acme+" RENAME TO "+s.of(s.acme))
		require.Equal(t, 4, look())
	})
}

// In a transaction nothing can be begun again: the caller learns it, and the next transaction
// works.
func TestTable_changes_within_a_transaction(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.differ(t)
	acme := as(t, s.acme)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	db.SetMaxOpenConns(1)
	look := func(db queryer) error {
		rows, err := db.QueryContext(acme, "SELECT * FROM things")
		if err == nil {
			err = rows.Close()
		}
		return err
	}
	require.NoError(t, look(db))
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	s.do(t, "ALTER TABLE "+s.of(s.acme)+".things ADD COLUMN more int")
	var server *pgconn.PgError
	require.ErrorAs(t, look(tx), &server)
	require.Equal(t, "0A000", server.Code)
	require.NoError(t, tx.Rollback())
	tx, err = db.BeginTx(acme, nil)
	require.NoError(t, err)
	require.NoError(t, look(tx))
	require.NoError(t, tx.Commit())
}

// A statement that was sent again would have run twice.
func TestStatement_with_an_error_of_its_own_runs_once(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do(t, "CREATE SEQUENCE "+s.of(s.acme)+".runs",
		"ALTER SEQUENCE "+s.of(s.acme)+".runs OWNER TO "+s.of(s.acme),
		"CREATE FUNCTION shared.fail() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM "+
			"nextval('runs'); "+
			"RAISE EXCEPTION 'cached plan must not change result type' USING ERRCODE = '0A000'; "+
			"END $$")
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	for run := range 3 {
		refused(t, as(t, s.acme), db, "0A000", "SELECT fail(), $1::int", 1)
		require.Equal(
			t, fmt.Sprint(run+1), ids(t, as(t, s.acme), db, "SELECT last_value FROM runs"))
	}
}

func TestErrors_point_into_the_callers_text(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		for _, c := range []struct {
			query    string
			position int32
		}{
			{"SELECT id FROM notes WHERE nonsense = 1", 28},
			{"SELECT id FROM notes WHERE /* ö☃😀 */ nonsense = $1", 38},
			{"SELECT id FROM notes WHERE id = $1 AND", 39},
			{"SELECT id FROM notes WHERE id = $1 AND -- ö", 44},
			{"SELECT id FROM notes WHERE id = $1 AND 'ö", 40},
			{"SELECT id FROM notes WHERE id = $1 /* ö", 36},
			{"SELECT id FROM notes WHERE id = $1 AND $$ö", 40},
			{"SELECT id FROM notes WHERE id = $1 AND \"ö", 40},
			{"SELECT id FROM notes WHERE id = $1 AND nonsense -- /* comment", 40},
		} {
			var args []any
			if strings.Contains(c.query, "$1") {
				args = []any{1}
			}
			for range 2 {
				rows, err := db.QueryContext(as(t, s.acme), c.query, args...)
				if err == nil {
					_ = rows.Close()
				}
				if w.pooled && err != nil && strings.Contains(err.Error(), "a pooler gives") {
					continue // what cannot be read may leave something
				}
				var server *pgconn.PgError
				if w.mode == pgx.QueryExecModeSimpleProtocol && !errors.As(err, &server) {
					continue // pgx does not send what it cannot put its arguments into
				}
				require.ErrorAs(t, err, &server, c.query)
				if w.mode == pgx.QueryExecModeSimpleProtocol && len(args) > 0 {
					continue // it is in the text with the arguments put in, as with pgx alone
				}
				require.Equal(t, c.position, server.Position, c.query)
			}
		}
	})
}

// A prepared statement is one, where the extended protocol is used, as it is with pgx alone.
func TestPrepared_statement_is_one(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, mode := range modes {
		if mode == pgx.QueryExecModeSimpleProtocol {
			continue
		}
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode, roles: true}.open(t, s)
			statement, err := db.PrepareContext(
				as(t, s.acme), "UPDATE notes SET id = id; DELETE FROM notes")
			require.NoError(t, err)
			_, err = statement.ExecContext(as(t, s.acme))
			require.ErrorContains(t, err, "42601")
			statement, err = db.PrepareContext(as(t, s.acme), "UPDATE notes SET id = id")
			require.NoError(t, err)
			result, err := statement.ExecContext(as(t, s.acme))
			require.NoError(t, err)
			n, err := result.RowsAffected()
			require.NoError(t, err)
			require.EqualValues(t, 3, n)
		})
	}
}
