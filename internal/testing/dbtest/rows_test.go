package dbtest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// recorder is a test whose failure is looked at.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

func (r *recorder) FailNow() { r.failed = true }

// leaks are statements that change what belongs to B, in a database where both tenants' rows are.
var leaks = []struct{ name, sql string }{
	{"update", "UPDATE projects SET name = 'x' WHERE id = 11"},
	{"update_of_everyones_rows", "UPDATE tags SET label = 'x'"},
	{"update_to_null", "UPDATE projects SET name = NULL WHERE id = 12"},
	{"update_of_null_to_nothing", "UPDATE projects SET country_code = '' WHERE id = 12"},
	{"update_of_a_time", "UPDATE tasks SET updated_at = '2020-01-01' WHERE id = 11"},
	{"soft_delete", "UPDATE notes SET deleted_at = '2020-01-01' WHERE id = 11"},
	{"row_that_moves_to_a", "UPDATE projects SET tenant_id = 'acme' WHERE id = 11"},
	{"row_that_moves_to_b", "UPDATE projects SET tenant_id = 'zeta' WHERE id = 1"},
	{"row_that_moves_to_nobody", "UPDATE profiles SET tenant_id = 'none' WHERE id = 11"},
	{"key", "UPDATE projects SET owner_id = 1 WHERE id = 11"},
	{"insert", "INSERT INTO tags (id, tenant_id, label) VALUES (13, 'zeta', 'x')"},
	{"delete", "DELETE FROM user_friends WHERE user_id = 11"},
	{"join_row_from_a", "INSERT INTO project_tags (project_id, tag_id) VALUES (1, 11)"},
	{"join_row_to_a", "INSERT INTO project_tags (project_id, tag_id) VALUES (11, 1)"},
	{"shared_table", "UPDATE countries SET name = 'x'"},
}

func TestAttack_fails_over_a_change_of_another_tenants_rows(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, e *dbtest.Env) {
		for _, leak := range leaks {
			r := &recorder{TB: t}
			_, err := e.Attack(r, func() error { return e.Plain.Exec(leak.sql).Error })
			require.NoError(t, err, leak.name)
			require.True(t, r.failed, leak.name)
			_, err = e.Attack(t, func() error { return nil })
			require.NoError(t, err, "the rows are seeded again after %s", leak.name)
		}
	})
}

func TestAttack_tells_what_became_of_the_attackers_rows(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, e *dbtest.Env) {
		failure := errors.New("failure")
		before := e.Rows(t, dbtest.A)
		for _, c := range []struct {
			name, sql string
			changed   bool
		}{
			{"nothing", "UPDATE projects SET name = 'x' WHERE 1 = 0", false},
			{"update", "UPDATE projects SET name = 'x' WHERE id = 1", true},
			{"delete", "DELETE FROM project_tags WHERE project_id = 1", true},
			{"rows_of_a_third_tenant", "UPDATE tags SET tenant_id = 'none' WHERE id = 1", true},
			{
				"new_rows_of_a_third_tenant",
				"INSERT INTO tags (id, tenant_id) VALUES (21, 'none')",
				false,
			},
		} {
			mine, err := e.Attack(t, func() error {
				require.Equal(t, before, e.Rows(t, dbtest.A), "seeded again before %s", c.name)
				require.NoError(t, e.Plain.Exec(c.sql).Error)
				return failure
			})
			require.ErrorIs(t, err, failure)
			require.Equal(t, before, mine.Before, c.name)
			require.Equal(t, c.changed, mine.Before != mine.After, c.name)
		}
		e.Seed(t)
		require.Equal(t, "2", e.Text(t, "SELECT count(*) FROM tags WHERE tenant_id = 'acme'"))
		require.Equal(t, "0", e.Text(t, "SELECT count(*) FROM tags WHERE tenant_id = 'none'"))
	})
}

func TestAttack_that_ends_its_test_does_not_spoil_the_next(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, e *dbtest.Env) {
		require.Panics(t, func() {
			_, _ = e.Attack(t, func() error {
				require.NoError(t, e.Plain.Exec("DELETE FROM projects").Error)
				panic("an assertion that failed")
			})
		})
		_, err := e.Attack(t, func() error {
			require.Equal(t, "4", e.Text(t, "SELECT count(*) FROM projects"))
			return nil
		})
		require.NoError(t, err)
	})
}
