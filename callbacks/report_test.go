package callbacks_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// report is a raw text as applications have them. A tenant among others must get from it what it
// would get in a database of its own.
type report struct {
	name, text string
	args       []any
	only       string // a dialect, "" for all
}

// reports are the kinds of SELECT of everyday applications.
var reports = []report{
	{name: "all", text: "SELECT * FROM projects ORDER BY id"},
	{name: "columns", text: "SELECT id, name FROM projects ORDER BY id"},
	{
		name: "where", text: "SELECT name FROM projects WHERE budget > ? ORDER BY id",
		args: []any{50},
	},
	{
		name: "or", text: "SELECT name FROM projects WHERE budget > ? OR 1 = 1 ORDER BY id",
		args: []any{50},
	},
	{
		name: "or_on_its_own_line",
		text: "SELECT name FROM projects WHERE 1 = 0 OR\n1 = 1 ORDER BY id",
	},
	{name: "trailing_semicolon", text: "SELECT count(*) FROM projects;"},
	{name: "trailing_comment", text: "SELECT count(*) FROM projects -- all of them"},
	{
		name: "comment_behind_condition",
		text: "SELECT count(*) FROM projects WHERE 1 = 1 -- all of them",
	},
	{name: "block_comment", text: "SELECT /* every */ count(*) FROM projects /* of them */"},
	{name: "alias", text: "SELECT p.name FROM projects p ORDER BY p.id"},
	{name: "alias_with_as", text: "SELECT p.name FROM projects AS p ORDER BY p.id"},
	{name: "quoted", text: `SELECT "p"."name" FROM "projects" AS "p" ORDER BY "p"."id"`},
	{name: "upper_case", text: "SELECT NAME FROM PROJECTS ORDER BY ID"},
	{
		name: "group_by",
		text: "SELECT owner_id, count(*) AS n FROM projects GROUP BY owner_id ORDER BY owner_id",
	},
	{
		name: "having",
		text: "SELECT owner_id, sum(budget) AS b FROM projects GROUP BY owner_id HAVING " +
			"sum(budget) > 0 ORDER BY 1",
	},
	{
		name: "group_by_primary_key",
		text: "SELECT p.id, p.name, count(t.id) AS n FROM projects p LEFT JOIN tasks t ON " +
			"t.project_id = p.id GROUP BY p.id ORDER BY p.id",
	},
	{name: "distinct", text: "SELECT DISTINCT name FROM users ORDER BY name"},
	{name: "limit_offset", text: "SELECT name FROM users ORDER BY id LIMIT 1 OFFSET 1"},
	{
		name: "aggregate_filter",
		text: "SELECT count(*) FILTER (WHERE budget > 100) AS n FROM projects",
	},
	{
		name: "case",
		text: "SELECT CASE WHEN budget > 100 THEN 'big' ELSE 'small' END AS size, count(*) AS " +
			"n FROM projects GROUP BY 1 ORDER BY 1",
	},
	{
		name: "inner_join",
		text: "SELECT p.name, t.title FROM projects p JOIN tasks t ON t.project_id = p.id " +
			"ORDER BY t.id",
	},
	{
		name: "left_join",
		text: "SELECT p.name, t.title FROM projects p LEFT JOIN tasks t ON t.project_id = " +
			"p.id ORDER BY p.id, t.id",
	},
	{
		name: "left_join_with_or",
		text: "SELECT p.name, t.title FROM projects p LEFT JOIN tasks t ON t.project_id = " +
			"p.id OR t.id = 11 ORDER BY p.id, t.id",
	},
	{
		name: "right_join",
		text: "SELECT p.name, u.name AS owner FROM projects p RIGHT JOIN users u ON u.id = " +
			"p.owner_id ORDER BY u.id", only: "postgres",
	},
	{
		name: "natural_join",
		text: "SELECT p.name, t.title FROM projects p NATURAL JOIN tasks t ORDER BY t.id",
	},
	{
		name: "natural_left_join",
		text: "SELECT p.name, t.title FROM projects p NATURAL LEFT JOIN tasks t ORDER BY p.id",
	},
	{
		name: "natural_right_join",
		text: "SELECT p.name, t.title FROM projects p NATURAL RIGHT JOIN tasks t ORDER BY t.id",
	},
	{
		name: "natural_full_join",
		text: "SELECT id, tenant_id, p.name, u.name AS owner FROM projects p NATURAL FULL JOIN " +
			"(SELECT id + 1 AS id, tenant_id, name AS owner FROM users) q NATURAL FULL JOIN " +
			"users u ORDER BY id, p.name, u.name",
	},
	{
		name: "natural_full_join_of_a_shared_table",
		text: "SELECT name, p.id, c.code FROM projects p NATURAL FULL JOIN countries c " +
			"ORDER BY name, p.id",
	},
	{
		name: "right_join_behind_natural_join",
		text: "SELECT p.name, u.name AS owner FROM projects p NATURAL JOIN tasks t RIGHT JOIN " +
			"users u ON u.id = p.owner_id ORDER BY u.id",
	},
	{
		name: "full_join",
		text: "SELECT p.name, u.name AS owner FROM projects p FULL JOIN users u ON " +
			"u.manager_id = p.owner_id ORDER BY p.id, u.id", only: "postgres",
	},
	{
		name: "cross_join",
		text: "SELECT p.name, t.label FROM projects p CROSS JOIN tags t ORDER BY p.id, t.id",
	},
	{
		name: "comma_join",
		text: "SELECT p.name, t.title FROM projects p, tasks t WHERE t.project_id = p.id " +
			"ORDER BY t.id",
	},
	{name: "join_using", text: "SELECT count(*) FROM projects JOIN users USING (id)"},
	{
		name: "left_join_using",
		text: "SELECT id FROM users LEFT JOIN projects USING (id) ORDER BY id",
	},
	{
		name: "self_join",
		text: "SELECT u.name, m.name AS manager FROM users u LEFT JOIN users m ON m.id = " +
			"u.manager_id ORDER BY u.id",
	},
	{
		name: "join_in_parentheses",
		text: "SELECT p.name FROM projects p LEFT JOIN (tasks t JOIN users u ON u.id = t.id) " +
			"ON t.project_id = p.id ORDER BY p.id, t.id",
	},
	{
		name: "many2many_without_a_tenant",
		text: "SELECT p.name, g.label FROM projects p JOIN project_tags x ON x.project_id = " +
			"p.id JOIN tags g ON g.id = x.tag_id ORDER BY p.id",
	},
	{
		name: "many2many_left",
		text: "SELECT p.name, g.label FROM projects p LEFT JOIN project_tags x ON " +
			"x.project_id = p.id LEFT JOIN tags g ON g.id = x.tag_id ORDER BY p.id",
	},
	{name: "join_table_alone", text: "SELECT * FROM project_tags ORDER BY 1, 2"},
	{
		name: "join_of_a_shared_table",
		text: "SELECT p.name, c.name AS country FROM projects p LEFT JOIN countries c ON " +
			"c.code = p.country_code ORDER BY p.id",
	},
	{
		name: "shared_table_first",
		text: "SELECT c.name, p.name AS project FROM countries c LEFT JOIN projects p ON " +
			"p.country_code = c.code ORDER BY c.code, p.id",
	},
	{
		name: "exists",
		text: "SELECT name FROM users u WHERE EXISTS (SELECT 1 FROM projects p WHERE " +
			"p.owner_id = u.id) ORDER BY id",
	},
	{
		name: "not_exists",
		text: "SELECT name FROM users u WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE " +
			"t.project_id = u.id) ORDER BY id",
	},
	{
		name: "in",
		text: "SELECT name FROM projects WHERE id IN (SELECT project_id FROM tasks) ORDER BY id",
	},
	{
		name: "not_in",
		text: "SELECT name FROM projects WHERE id NOT IN (SELECT project_id FROM tasks WHERE " +
			"project_id IS NOT NULL) ORDER BY id",
	},
	{
		name: "scalar_subquery",
		text: "SELECT name, (SELECT count(*) FROM tasks t WHERE t.project_id = p.id) AS n " +
			"FROM projects p ORDER BY id",
	},
	{
		name: "subquery_in_order",
		text: "SELECT name FROM projects p ORDER BY (SELECT count(*) FROM tasks t WHERE " +
			"t.project_id = p.id) DESC, id",
	},
	{
		name: "subquery_of_a_shared_table",
		text: "SELECT code, (SELECT count(*) FROM projects) AS n FROM countries",
	},
	{
		name: "derived_table",
		text: "SELECT count(*) FROM (SELECT DISTINCT owner_id FROM projects) x",
	},
	{
		name: "derived_table_joined",
		text: "SELECT u.name, x.n FROM users u JOIN (SELECT owner_id, count(*) AS n FROM " +
			"projects GROUP BY owner_id) x ON x.owner_id = u.id ORDER BY u.id",
	},
	{
		name: "cte",
		text: "WITH big AS (SELECT * FROM projects WHERE budget >= 100) SELECT count(*) FROM big",
	},
	{
		name: "cte_twice",
		text: "WITH a AS (SELECT id FROM projects), b AS (SELECT id FROM a) SELECT * FROM b " +
			"ORDER BY id",
	},
	{
		name: "cte_called_like_a_table",
		text: "WITH users AS (SELECT 1 AS id) SELECT count(*) FROM users",
	},
	{
		name: "cte_over_the_table_of_its_name",
		text: "WITH users AS (SELECT * FROM users WHERE age > 30) SELECT name FROM users " +
			"ORDER BY id", only: "postgres",
	},
	{
		name: "cte_recursive",
		text: "WITH RECURSIVE r AS (SELECT id, name FROM users WHERE manager_id IS NULL UNION " +
			"ALL SELECT u.id, u.name FROM users u JOIN r ON u.manager_id = r.id) SELECT name " +
			"FROM r ORDER BY id",
	},
	{name: "union", text: "SELECT name FROM projects UNION SELECT title FROM tasks ORDER BY 1"},
	{
		name: "union_all_three",
		text: "SELECT id FROM projects UNION ALL SELECT id FROM tasks UNION ALL SELECT id " +
			"FROM users ORDER BY 1",
	},
	{name: "intersect", text: "SELECT id FROM projects INTERSECT SELECT id FROM tasks ORDER BY 1"},
	{name: "except", text: "SELECT id FROM users EXCEPT SELECT owner_id FROM projects ORDER BY 1"},
	{
		name: "window",
		text: "SELECT name, row_number() OVER (ORDER BY id) AS n FROM projects ORDER BY id",
	},
	{
		name: "window_partition",
		text: "SELECT title, count(*) OVER (PARTITION BY project_id) AS n FROM tasks ORDER BY id",
	},
	{
		name: "lateral",
		text: "SELECT u.name, x.name AS last FROM users u LEFT JOIN LATERAL (SELECT name FROM " +
			"projects p WHERE p.owner_id = u.id ORDER BY id DESC LIMIT 1) x ON true ORDER BY u.id",
		only: "postgres",
	},
	{
		name: "distinct_on",
		text: "SELECT DISTINCT ON (owner_id) owner_id, name FROM projects ORDER BY owner_id, id",
		only: "postgres",
	},
	{
		name: "for_update", text: "SELECT name FROM projects ORDER BY id FOR UPDATE",
		only: "postgres",
	},
	{
		name: "for_update_of",
		text: "SELECT p.name FROM projects p JOIN users u ON u.id = p.owner_id ORDER BY p.id " +
			"FOR UPDATE OF p SKIP LOCKED", only: "postgres",
	},
	{
		name: "array_agg",
		text: "SELECT string_agg(name, ',' ORDER BY name) AS names FROM projects",
		only: "postgres",
	},
	{name: "cast", text: "SELECT budget::text AS b FROM projects ORDER BY id", only: "postgres"},
	{
		name: "any_of_a_list", text: "SELECT name FROM projects WHERE id IN ? ORDER BY id",
		args: []any{[]int{1, 2, 11}},
	},
	{name: "own_condition", text: "SELECT name FROM projects WHERE tenant_id = 'acme' ORDER BY id"},
	{
		name: "condition_of_another",
		text: "SELECT name FROM projects WHERE tenant_id = 'zeta' ORDER BY id",
	},
	{
		name: "another_by_argument",
		text: "SELECT name FROM projects WHERE tenant_id = ? ORDER BY id",
		args: []any{B},
	},
	{name: "key_of_another", text: "SELECT name FROM projects WHERE id = 11"},
	{
		name: "count_over_all",
		text: "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tasks) AS n",
	},
	{
		name: "indexed_by",
		text: "SELECT count(*) FROM projects INDEXED BY idx_projects_slug WHERE slug = 'acme-site'",
		only: "sqlite",
	},
	{name: "rowid", text: "SELECT rowid, name FROM projects ORDER BY rowid", only: "sqlite"},
	{name: "shared_alone", text: "SELECT * FROM countries"},
}

// answer is what a query gives: the names of its columns and its rows.
func answer(t *testing.T, db *gorm.DB, text string, args ...any) string {
	t.Helper()
	rows, err := db.Raw(text, args...).Rows()
	require.NoError(t, err, text)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		line, err := json.Marshal(values)
		require.NoError(t, err)
		all = append(all, string(line))
	}
	require.NoError(t, rows.Err())
	return strings.Join(columns, ",") + "\n" + strings.Join(all, "\n")
}

func TestReports_give_what_a_database_of_the_tenants_own_gives(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		alone := Alone(t, e.Name).Plain
		for _, r := range reports {
			if r.only != "" && r.only != e.Name {
				continue
			}
			t.Run(r.name, func(t *testing.T) {
				require.Equal(t, answer(t, alone, r.text, r.args...),
					answer(t, e.As(), r.text, r.args...))
				if strings.Contains(r.name, "shared_alone") || r.name == "cte_called_like_a_table" {
					return
				}
				_, err := e.DB.Raw(r.text, r.args...).Rows()
				require.Error(t, err, "without a tenant")
			})
		}
	})
}

func TestReports_have_names_of_their_own(t *testing.T) {
	var names []string
	for _, r := range reports {
		require.False(t, slices.Contains(names, r.name), r.name)
		names = append(names, r.name)
	}
}
