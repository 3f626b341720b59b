package schemas_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// With roles the server refuses what names another tenant's schema.
func TestQualified_names(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		acme, zeta := as(t, s.acme), as(t, s.zeta)
		db := w.open(t, s)
		theirs := s.of(s.zeta) + ".notes"
		if !w.roles { // this is open, and documented
			require.Equal(t, "11 12 13", ids(t, acme, db, "SELECT id FROM "+theirs+" ORDER BY id"))
			return
		}
		for _, query := range []string{
			"SELECT id FROM " + theirs, "SELECT n.id FROM notes n, " + theirs + " o",
			"SELECT id FROM notes UNION SELECT id FROM " + theirs,
			"UPDATE " + theirs + " SET body = 'x'", "DELETE FROM " + theirs, "TRUNCATE " + theirs,
			"DROP TABLE " + theirs,
			"INSERT INTO " + theirs + " VALUES (5)",
			"CREATE TABLE " + s.of(s.zeta) + ".mine (id int)",
			"CREATE VIEW peek AS SELECT * FROM " + theirs, "LOCK TABLE " + theirs,
			"COPY " + theirs + " TO STDOUT",
			"ALTER SCHEMA " + s.of(s.zeta) + " OWNER TO " + s.of(s.acme),
			"DROP SCHEMA " + s.of(s.zeta) + " CASCADE",
			"GRANT ALL ON " + theirs + " TO " + s.of(s.acme),
			"SET search_path = " + s.of(s.zeta) +
				"; SELECT id FROM notes WHERE id > 10; SELECT 1/0",
		} {
			_, err := db.ExecContext(acme, query)
			require.Error(t, err, query)
			for _, ctx := range []string{"acme", "nobody"} {
				c := acme
				if ctx == "nobody" {
					c = t.Context()
				}
				refused(t, c, db, "SQLSTATE 42", "SELECT id FROM "+theirs+" WHERE id > $1", 1)
				statement, err := db.PrepareContext(c, "SELECT id FROM "+theirs+" WHERE id > $1")
				require.NoError(t, err)
				_, err = statement.QueryContext(c, 1)
				require.ErrorContains(t, err, denied)
				require.NoError(t, statement.Close())
			}
		}
		require.Equal(t, "11 12 13", ids(t, zeta, db, all))
		require.Equal(t, "n1", ids(t, zeta, db, "SELECT body FROM notes WHERE id = 11"))
	})
}

// A statement prepared by one tenant that names the schema of another works for that one only.
func TestQualified_name_in_one_statement_for_two_tenants(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		if !w.roles {
			return
		}
		db := w.open(t, s)
		db.SetMaxOpenConns(1)
		statement, err := db.Prepare(
			"SELECT id FROM " + s.of(s.zeta) + ".notes WHERE id > $1 ORDER BY id")
		require.NoError(t, err)
		for range 5 {
			rows, err := statement.QueryContext(as(t, s.zeta), 11)
			require.NoError(t, err)
			require.Equal(t, "12 13", scanned(t, rows))
			_, err = statement.QueryContext(as(t, s.acme), 11)
			require.ErrorContains(t, err, denied)
		}
	})
}

// A tenant that has no role yet is told so by the server, and finds nothing.
func TestTenant_without_a_schema(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *server, w way) {
		db := w.open(t, s)
		state := undefinedTable
		if w.roles {
			state = "22023"
		}
		for range 2 {
			refused(t, as(t, "nobody"), db, state, all)
			refused(t, as(t, "nobody"), db, state, "SELECT id FROM notes WHERE id > $1", 1)
			require.Equal(
				t, "2 3", ids(
					t, as(t, s.acme), db, "SELECT id FROM notes WHERE id > $1 ORDER BY id", 1))
		}
	})
}

// A text of several statements that ends its transaction goes on with what the session has by
// itself, as the set-up in the package's documentation left it: nothing.
func TestText_that_ends_its_transaction(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do(t, "ALTER ROLE "+s.app.User+" SET search_path = ''")
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode, roles: true}.open(t, s)
			db.SetMaxOpenConns(1)
			for _, query := range []string{
				"COMMIT; SELECT id FROM notes",
				"ROLLBACK; DELETE FROM notes",
			} {
				_, err := db.ExecContext(as(t, s.acme), query)
				require.ErrorContains(t, err, undefinedTable)
			}
			for _, query := range []string{"COMMIT; SELECT id FROM " + s.of(s.zeta) +
				".notes", "COMMIT; DELETE FROM " + s.of(s.acme) + ".notes"} {
				_, err := db.ExecContext(as(t, s.acme), query)
				require.ErrorContains(t, err, denied)
			}
			require.Equal(t, "1 2 3", ids(t, as(t, s.acme), db, all))
		})
	}
}
