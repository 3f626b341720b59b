package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// change is a raw text that changes rows.
type change struct {
	name, text string
	args       []any
	only       string
}

var changes = []change{
	{name: "update_all", text: "UPDATE projects SET budget = budget + 1"},
	{
		name: "update_where", text: "UPDATE projects SET budget = ? WHERE budget > ?",
		args: []any{7, 50},
	},
	{name: "update_or", text: "UPDATE projects SET budget = 7 WHERE 1 = 0 OR 1 = 1"},
	{name: "update_of_anothers_key", text: "UPDATE projects SET budget = 7 WHERE id = 11"},
	{name: "update_alias", text: "UPDATE projects AS p SET budget = 7 WHERE p.id < 100"},
	{
		name: "update_with_subquery",
		text: "UPDATE projects SET budget = (SELECT count(*) FROM tasks WHERE " +
			"tasks.project_id = projects.id)",
	},
	{
		name: "update_in_subquery",
		text: "UPDATE tasks SET title = 'x' WHERE project_id IN (SELECT id FROM projects)",
	},
	{
		name: "update_from",
		text: "UPDATE tasks SET title = p.name FROM projects p WHERE p.id = tasks.project_id",
	},
	{name: "update_returning", text: "UPDATE projects SET budget = 9 WHERE id > 0 RETURNING id"},
	{name: "update_comment", text: "UPDATE projects SET budget = 9 WHERE 1 = 1 -- all"},
	{name: "delete_all", text: "DELETE FROM tasks"},
	{name: "delete_where", text: "DELETE FROM tasks WHERE id IN (1, 11)"},
	{
		name: "delete_exists",
		text: "DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM project_tags x WHERE x.tag_id " +
			"= tags.id)",
	},
	{
		name: "delete_using",
		text: "DELETE FROM tasks USING projects p WHERE p.id = tasks.project_id",
		only: "postgres",
	},
	{name: "delete_join_rows", text: "DELETE FROM project_tags"},
	{
		name: "cte_update",
		text: "WITH big AS (SELECT id FROM projects WHERE budget > 1) UPDATE projects SET " +
			"budget = 1 WHERE id IN (SELECT id FROM big)",
	},
	{
		name: "cte_delete_returning",
		text: "WITH gone AS (DELETE FROM tasks RETURNING id) SELECT count(*) FROM gone",
		only: "postgres",
	},
	{
		name: "shared_table",
		text: "UPDATE countries SET name = (SELECT name FROM projects ORDER BY id LIMIT 1)",
	},
	{
		name: "insert_with_the_tenant",
		text: "INSERT INTO tags (id, tenant_id, label) VALUES (?, ?, 'new')", args: []any{77, A},
	},
}

func TestChanges_do_what_they_do_in_a_database_of_the_tenants_own(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		solo := Alone(t, e.Name)
		for _, c := range changes {
			if c.only != "" && c.only != e.Name {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				alone := solo.Plain
				solo.Seed(t)
				e.Seed(t)
				theirs := e.Rows(t, B)
				want := alone.Exec(c.text, c.args...)
				require.NoError(t, want.Error)
				got := e.As().Exec(c.text, c.args...)
				require.NoError(t, got.Error)
				require.Equal(t, want.RowsAffected, got.RowsAffected)
				for _, table := range []string{
					"countries", "users", "projects", "tasks", "tags",
					"notes", "project_tags",
				} {
					text := "SELECT * FROM " + table + " ORDER BY 1, 2"
					require.Equal(t, answer(t, alone, text), answer(t, e.As(), text), table)
				}
				if c.name != "shared_table" {
					require.Equal(t, theirs, e.Rows(t, B), "the rows of B")
				}
				require.Error(t, e.DB.Exec(c.text, c.args...).Error, "without a tenant")
			})
		}
	})
}

// forbidden are texts that no condition can limit, or that would change hands.
var forbidden = []change{
	{name: "insert_without_a_tenant", text: "INSERT INTO tags (id, label) VALUES (78, 'new')"},
	{
		name: "insert_for_another",
		text: "INSERT INTO tags (id, tenant_id, label) VALUES (78, ?, 'new')", args: []any{B},
	},
	{
		name: "insert_for_another_as_text",
		text: "INSERT INTO tags (id, tenant_id, label) VALUES (78, 'zeta', 'new')",
	},
	{
		name: "insert_select",
		text: "INSERT INTO tags (id, tenant_id, label) SELECT id + 100, 'acme', name FROM " +
			"projects",
	},
	{
		name: "upsert",
		text: "INSERT INTO tags (id, tenant_id, label) VALUES (11, ?, 'x') ON CONFLICT (id) " +
			"DO UPDATE SET label = 'x'", args: []any{
			A,
		},
	},
	{
		name: "upsert_takes_over",
		text: "INSERT INTO tags (id, tenant_id, label) VALUES (11, ?, 'x') ON CONFLICT (id) " +
			"DO UPDATE SET tenant_id = 'acme'", args: []any{
			A,
		},
	},
	{
		name: "replace", text: "REPLACE INTO tags (id, tenant_id, label) VALUES (11, ?, 'x')",
		args: []any{A}, only: "sqlite",
	},
	{
		name: "insert_or_replace",
		text: "INSERT OR REPLACE INTO tags (id, tenant_id, label) VALUES (11, ?, 'x')",
		args: []any{A}, only: "sqlite",
	},
	{name: "change_of_the_tenant", text: "UPDATE projects SET tenant_id = 'zeta'"},
	{name: "change_of_the_tenant_quoted", text: `UPDATE projects SET "tenant_id" = 'zeta'`},
	{
		name: "change_of_the_tenant_upper_case",
		text: "UPDATE projects SET budget = 1, TENANT_ID = 'zeta'",
	},
	{name: "truncate", text: "TRUNCATE tasks", only: "postgres"},
	{name: "copy", text: "COPY tasks TO STDOUT", only: "postgres"},
	{name: "do_block", text: "DO $$ BEGIN DELETE FROM tasks; END $$", only: "postgres"},
	{
		name: "merge",
		text: "MERGE INTO tags USING projects p ON p.id = tags.id WHEN MATCHED THEN UPDATE " +
			"SET label = 'x'", only: "postgres",
	},
	{name: "create_table_as", text: "CREATE TABLE stolen AS SELECT * FROM projects"},
	{name: "two_statements", text: "DELETE FROM tasks WHERE id = 1; DELETE FROM tasks"},
	{name: "open_quote", text: "UPDATE projects SET name = 'x"},
	{
		name: "query_to_xml",
		text: "SELECT query_to_xml('SELECT * FROM projects', true, false, '')",
		only: "postgres",
	},
	{name: "pg_stats", text: "SELECT most_common_vals FROM pg_stats", only: "postgres"},
}

func TestChanges_that_no_condition_can_limit(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, c := range forbidden {
			if c.only != "" && c.only != e.Name {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				e.Seed(t)
				all := e.Rows(t, A) + e.Rows(t, B)
				require.Error(t, e.As().Exec(c.text, c.args...).Error)
				require.Equal(t, all, e.Rows(t, A)+e.Rows(t, B))
			})
		}
	})
}
