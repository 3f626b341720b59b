package sqlscan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

type scanFunc = func(string, sqlscan.Dialect, func(schema, name string) bool)

// tables collects what a scan reports, each table once, as "schema.name" or "name".
func tables(scan scanFunc, sql string, d sqlscan.Dialect) []string {
	var found []string
	scan(sql, d, func(schema, name string) bool {
		if schema != "" {
			name = schema + "." + name
		}
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
		return true
	})
	return found
}

type scanCase struct {
	name string
	sql  string
	want []string
}

func is(names ...string) []string { return names }

func runScan(t *testing.T, scan scanFunc, d sqlscan.Dialect, cases []scanCase) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range cases {
		require.False(t, seen[c.name], "two cases are called %s", c.name)
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, tables(scan, c.sql, d), c.sql)
		})
	}
}

// Each of these reports the same as a statement and as a fragment, in every dialect.
var everywhere = []scanCase{
	{"select", "SELECT * FROM projects", is("projects")},
	{"lower_case", "select * from projects", is("projects")},
	{"mixed_case", "sElEcT * fRoM Projects", is("Projects")},
	{"no_white_space", `SELECT*FROM(projects)`, is("projects")},
	{"double_quotes_without_space", `SELECT*FROM"projects"WHERE 1`, is("projects")},
	{"backticks", "SELECT * FROM`projects`", is("projects")},
	{"string_as_name", "SELECT * FROM 'projects'", is("projects")},
	{"doubled_quote_in_name", `SELECT * FROM "pro""jects"`, is(`pro"jects`)},
	{"tabs_newlines_form_feeds", "SELECT\t*\nFROM\r\n\f\vprojects", is("projects")},
	{"comment_as_space", "SELECT/**/*/**/FROM/**/projects", is("projects")},
	{"line_comment_as_space", "SELECT * FROM-- a\nprojects", is("projects")},
	{"keyword_in_comment", "SELECT 1 /* FROM projects */ -- FROM users\n", nil},
	{"keyword_in_string", "SELECT 'FROM projects', 'it''s FROM users'", nil},
	{"keyword_in_name", `SELECT "FROM projects", x."from" AS "JOIN users"`, nil},
	{"quote_in_comment", "SELECT 1 /* ' */ FROM projects /* ' */", is("projects")},
	{"comment_in_string", "SELECT '/*' FROM projects WHERE x = '*/'", is("projects")},
	{"schema", `SELECT * FROM public.projects`, is("public.projects")},
	{"quoted_schema", `SELECT * FROM "public"."projects"`, is("public.projects")},
	{"database_and_schema", `SELECT * FROM app . public /**/ . "projects"`, is("public.projects")},
	{"aliases", "SELECT * FROM projects p, users AS u", is("projects", "users")},
	{"comma_list", "SELECT * FROM a, b,c , d WHERE x IN (1, 2), e", is("a", "b", "c", "d")},
	{"select_list_is_not_tables", "SELECT a, b FROM projects ORDER BY c, d", is("projects")},
	{"group_by_is_not_tables", "SELECT a FROM p GROUP BY c, d HAVING e LIMIT 1, 2", is("p")},
	{
		"joins", "SELECT * FROM a JOIN b ON b.x = a.x LEFT OUTER JOIN c ON f(1, x), d",
		is("a", "b", "c", "d"),
	},
	{"natural_and_cross", "SELECT * FROM a NATURAL JOIN b CROSS JOIN c", is("a", "b", "c")},
	{"join_using_columns", "SELECT * FROM a JOIN b USING (x, y), c", is("a", "b", "c")},
	{
		"parenthesised_join", "SELECT * FROM (projects p JOIN users u ON p.a = u.a), x",
		is("projects", "users", "x"),
	},
	{"parenthesised_list", "SELECT * FROM (a, (b, c))", is("a", "b", "c")},
	{
		"many_parentheses", "SELECT * FROM ((((((((((((((((((projects))))))))))))))))))",
		is("projects"),
	},
	{
		"sub_select_in_from", "SELECT * FROM (SELECT a, b FROM projects) x, users",
		is("projects", "users"),
	},
	{
		"sub_select_in_list", "SELECT a, (SELECT count(*) FROM projects), b FROM users",
		is("projects", "users"),
	},
	{"sub_select_in_function", "SELECT coalesce(x, (SELECT y FROM projects))", is("projects")},
	{
		"sub_select_in_case", "SELECT CASE WHEN EXISTS(SELECT 1 FROM projects) THEN 1 ELSE 2 END",
		is("projects"),
	},
	{"sub_select_in_order", "SELECT 1 ORDER BY (SELECT 1 FROM projects)", is("projects")},
	{
		"sub_select_in_values", "INSERT INTO a VALUES (1, (SELECT 1 FROM projects)), (b, c)",
		is("a", "projects"),
	},
	{"values_in_from", "SELECT * FROM (VALUES (a), (b)) v, projects", is("projects")},
	{
		"union", "SELECT a FROM x UNION ALL SELECT b, c FROM y EXCEPT SELECT d FROM z",
		is("x", "y", "z"),
	},
	{"common_table", "WITH w AS (SELECT 1 FROM projects) SELECT * FROM w", is("projects", "w")},
	{
		"with_in_from", "SELECT * FROM (WITH w AS (SELECT 1 FROM p), v AS (SELECT 2) SELECT * FROM w)",
		is("p", "w"),
	},
	{
		"recursive_in_from", "SELECT * FROM (WITH RECURSIVE w(a) AS (SELECT 1) SELECT * FROM w)",
		is("w"),
	},
	{"table_called_with", "SELECT * FROM with AS a", is("with")},
	{"table_called_with_and_condition", "DELETE FROM with WHERE (SELECT 1 FROM a)", is("with",
		"a")},
	{"table_called_with_and_columns", "SELECT * FROM (a JOIN with USING (b))", is("a", "with")},
	{"table_called_only", "INSERT INTO only (a) SELECT 1", is("only", "a")},
	{"table_called_lateral", "INSERT INTO lateral (a) SELECT 1", is("lateral", "a")},
	{"insert", "INSERT INTO projects (a, b) VALUES (?, ?)", is("projects")},
	{"insert_select", "INSERT INTO projects (a) SELECT a FROM users", is("projects", "users")},
	{"insert_or_ignore", "INSERT OR IGNORE INTO projects DEFAULT VALUES", is("projects")},
	{"replace_into", "REPLACE INTO projects VALUES (1)", is("projects")},
	{"replace_function", "SELECT replace(a, 'x', 'y'), insert(a, 1, 2, 'x')", nil},
	{"truncate_function", "SELECT truncate(price, 2), name", nil},
	{"update", "UPDATE projects SET a = 1, b = 2", is("projects")},
	{"update_list", "UPDATE a, b SET a.x = 1, y = 2", is("a", "b")},
	{"update_from", "UPDATE a SET x = 1, y = 2 FROM b, c WHERE 1", is("a", "b", "c")},
	{"update_or_replace", "UPDATE OR REPLACE projects SET a = 1", is("projects")},
	{"update_with_sub_select", "UPDATE a SET x = (SELECT y FROM projects)", is("a", "projects")},
	{"delete", "DELETE FROM projects WHERE x", is("projects")},
	{"delete_without_from", "DELETE a, b FROM projects", is("a", "b", "projects")},
	{"delete_using", "DELETE FROM a USING b, c WHERE 1", is("a", "b", "c")},
	{
		"delete_using_parentheses", "DELETE FROM a USING (projects JOIN b ON 1)",
		is("a", "projects", "b"),
	},
	{
		"merge_into", "MERGE INTO a USING projects p ON 1 WHEN MATCHED THEN UPDATE SET x = 1, y = 2",
		is("a", "projects"),
	},
	{
		"merge", "MERGE a USING (SELECT 1 FROM b) ON 1 WHEN NOT MATCHED THEN INSERT (x) VALUES (y)",
		is("a", "b"),
	},
	{"truncate", "TRUNCATE projects, users", is("projects", "users")},
	{"truncate_table", "TRUNCATE TABLE projects, users", is("projects", "users")},
	{"copy", "COPY projects (a, b) TO STDOUT", is("projects")},
	{"copy_query", "COPY (SELECT * FROM projects) TO STDOUT", is("projects")},
	{"table_command", "TABLE projects", is("projects")},
	{"table_as_sub_query", "SELECT 1 WHERE x = ALL (TABLE projects)", is("projects")},
	{"only_in_parentheses", "SELECT * FROM ONLY (projects), b", is("projects", "b")},
	{"lateral", "SELECT * FROM a, LATERAL (SELECT * FROM projects) l, b", is("a", "projects", "b")},
	{"tablesample", "SELECT * FROM a TABLESAMPLE BERNOULLI (10), projects", is("a", "projects")},
	{"indexed_by", "SELECT * FROM a INDEXED BY i, projects NOT INDEXED, b", is("a", "projects",
		"b")},
	{"for_update", "SELECT * FROM projects FOR UPDATE OF a, b", is("projects")},
	{"for_no_key_update", "SELECT * FROM projects p FOR NO KEY UPDATE OF a, b", is("projects")},
	{"on_conflict", "INSERT INTO a VALUES (1) ON CONFLICT (x) DO UPDATE SET y = 1, z = 2", is("a")},
	{"on_duplicate_key", "INSERT INTO a VALUES (1) ON DUPLICATE KEY UPDATE y = 1, z = 2", is("a")},
	{"distinct_from", "SELECT 1 WHERE a IS DISTINCT FROM b AND c IS NOT DISTINCT FROM d", nil},
	{"distinct_from_sub_select", "a IS DISTINCT FROM (SELECT x FROM projects)", is("projects")},
	{"extract", "SELECT EXTRACT(year FROM created_at), trim(both ' ' FROM a.b)", nil},
	{"extract_of_sub_select", "SELECT EXTRACT(year FROM (SELECT a FROM projects))", is("projects")},
	{"sub_select_as_only_argument", "SELECT trim((SELECT a FROM projects))", is("projects")},
	{"number_before_keyword", "SELECT 1.FROM projects", is("projects")},
	{"exponent_before_keyword", "SELECT 1e5FROM projects", is("projects")},
	{
		"fraction_before_keyword", "SELECT 1 WHERE x BETWEEN .1 AND .2 UNION SELECT .5FROM projects",
		is("projects"),
	},
	{
		"column_called_select", "SELECT * FROM a JOIN b ON a.select = b.where, projects",
		is("a", "b", "projects"),
	},
	{"placeholders", "SELECT * FROM ?, projects WHERE a = :from AND b = @join", is("projects")},
	{"cast", "SELECT a::text, b::numeric(10, 2)FROM projects", is("projects")},
	{"unbalanced", "1) OR x = (SELECT 1 FROM projects", is("projects")},
	{"comma_after_unbalanced", "SELECT 1), projects", is("projects")},
	{"alias_called_values", "SELECT * FROM a values, projects", is("a", "projects")},
	{"alias_called_window", "SELECT * FROM a AS window, projects", is("a", "projects")},
	{"second_statement", "SELECT 1; DELETE FROM projects", is("projects")},
	{"unterminated_string", "SELECT * FROM projects WHERE a = 'x", is("projects")},
	{"unterminated_name", `SELECT * FROM "projects`, is("projects")},
	{"select_as_argument", "SELECT trim(SELECT a FROM projects)", is("projects")},
	{
		"using_after_another_join", "a JOIN b ON 1 DELETE FROM c USING (projects)",
		is("b", "c", "projects"),
	},
	{"fraction_after_word", "SELECT a LIKE .5FROM projects", is("projects")},
	{"copy_binary", "COPY BINARY projects FROM 'x'", is("BINARY", "projects", "x")},
	{"schema_called_copy", "SELECT * FROM copy.projects p", is("copy.projects")},
	{"referential_actions", "REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE", nil},
	{"nothing", "", nil},
	{"separators", ";; ( ) , . [", nil},
}

func TestStatement_everywhere(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Statement, sqlscan.Standard, everywhere)
}

func TestFragment_everywhere(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Fragment, sqlscan.Standard, everywhere)
}

func TestStatement_everywhere_MySQL(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Statement, sqlscan.MySQL, everywhere)
}
