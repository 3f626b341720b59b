package sqlscan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

func TestFragment_Standard(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Fragment, sqlscan.Standard, []scanCase{
		{"condition", "name = ? AND age > ? OR id IN (?)", nil},
		{"column_called_lock", "lock = 1 OR x IN (SELECT id FROM projects)", is("projects")},
		{
			"column_called_comment", "comment LIKE ? AND id IN (SELECT 1 FROM projects)",
			is("projects"),
		},
		{"column_called_start", "start >= ? AND EXISTS(SELECT 1 FROM projects)", is("projects")},
		{"column_called_show", "show = 1 AND EXISTS(SELECT 1 FROM projects)", is("projects")},
		{"column_called_set", "set = 1 AND EXISTS(SELECT 1 FROM projects)", is("projects")},
		{"column_called_create", "create = (SELECT 1 FROM projects)", is("projects")},
		{"column_called_do", "do = (SELECT 1 FROM projects)", is("projects")},
		{"columns_called_as_commands", "copy = 1 AND merge > 2 AND truncate AND replace < 3", nil},
		{"table_called_merge", "merge.id = copy.id AND replace.x IS NULL", nil},
		{"command_before_in", "copy IN projects", is("projects")},
		{"join", "LEFT JOIN projects p ON p.id = x", is("projects")},
		{"join_using", "JOIN projects USING (id, name)", is("projects")},
		{"leading_comma", ", projects p, users", is("projects", "users")},
		{"select_list", "id, (SELECT 1 FROM a), name", is("a")},
		{"in_table", "x IN projects AND y NOT IN main.users", is("projects", "main.users")},
		{"in_without_space", "x IN[projects]OR y IN\"users\"", is("projects", "users")},
		{"only", "DELETE FROM ONLY projects p", is("ONLY", "projects")},
		{"sqlite_brackets", "SELECT * from[projects]", is("projects")},
		{"brackets_with_quote", "SELECT [it's] FROM projects WHERE [it's]", is("projects")},
		{"subscript_with_sub_select", "a[(SELECT ']' FROM projects)]", is("projects")},
		{"array_with_sub_select", "ARRAY[(SELECT x[1] FROM projects)]", is("projects")},
		{
			"slices", "FROM a JOIN b ON a.x[1:2] = ARRAY[[1,2],[3,4]] AND b[f(c[1])], projects",
			is("a", "b", "3,4", "projects"),
		},
		{"nested_comment_hides", "SELECT 1 /* /* */ FROM projects /* */ */", is("projects")},
		{"nested_comment_ends_late", "/* /* ' */ */ FROM projects -- '", is("projects")},
		{"return_ends_comment", "-- '\rSELECT * FROM projects -- '", is("projects")},
		{"return_in_comment", "-- \r'\nSELECT * FROM projects -- '", is("projects")},
		{"dollar_quote", "SELECT $$ FROM users $$ FROM projects", is("users", "projects")},
		{"dollar_quote_hides_quote", "SELECT $a$ ' $a$ FROM projects WHERE x = '", is("projects")},
		{"dollar_in_name", "SELECT a$b$ FROM projects WHERE c$b$", is("projects")},
		{"numbered_placeholder", "a = $1 AND b IN (SELECT $2FROM projects)", is("projects")},
		{"tcl_parameter", "SELECT $a(')FROM projects--')", is("projects")},
		{"backslash_is_plain", `SELECT '\' FROM projects WHERE x = '\'`, is("projects")},
		{"escape_string", `SELECT E'\'' FROM projects WHERE x = ''`, is("projects")},
		{"name_e_with_alias", `SELECT e'\' FROM projects WHERE x = '\'`, is("projects")},
		{
			"escape_string_on_two_lines", "SELECT E'a'\n'\\'' FROM projects WHERE x = 'y'",
			is("projects"),
		},
		{"unicode_name", `SELECT * FROM public.U&"\0070roj\+000065cts"`, is("public.U",
			"public.projects")},
		{"unicode_with_escape", `SELECT * FROM U&"!0070rojects" UESCAPE '!'`, is("U", "*")},
		{"unicode_broken", `SELECT * FROM U&"\00"`, is("U", "*")},
		{"unicode_surrogates", `SELECT * FROM U&"\D83D\DE00"`, is("U", "*")},
		{"byte_order_mark", "SELECT * FROM \uFEFFprojects", is("projects", "\uFEFFprojects")},
		{"nul_ends_name", "SELECT * FROM projects\x00x", is("projects")},
		{"hash_is_an_operator", "a # b AND x = (SELECT 1 FROM projects)", is("projects")},
		{"run_comment_is_a_comment", "SELECT /*! FROM users */ 1", nil},
		{"insert_into_values", "INSERT INTO values (a) VALUES (1)", is("values")},
		{"returning", "DELETE FROM projects RETURNING a, b", is("projects")},
		{
			"returning_sub_select", "DELETE FROM a RETURNING (SELECT 1 FROM projects)",
			is("a", "projects"),
		},
		{"alias_called_set", "SELECT * FROM a set, projects", is("a", "projects")},
		{
			"table_called_set", "FROM a JOIN set ON set.select = 1, projects",
			is("a", "set", "projects"),
		},
		{"fraction_right_after_word", "SELECT a LIKE.5FROM projects", is("projects")},
		{
			"subscript_with_line_comment", "SELECT a[1--]'\n] FROM projects WHERE x = 'y'",
			is("projects"),
		},
		{
			"subscript_with_comment", "SELECT a[1/*]'*/] FROM projects WHERE x = 'y'",
			is("projects"),
		},
		{
			"within_group", "SELECT * FROM a JOIN b ON f(1) WITHIN GROUP (ORDER BY x), projects",
			is("a", "b", "projects"),
		},
		{"prefix_of_path_in_database", "SELECT * FROM app..projects", is("app.projects")},
	})
}

func TestFragment_MySQL(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Fragment, sqlscan.MySQL, []scanCase{
		{"backslash_escapes", `SELECT 'it\'s' FROM projects WHERE x = ''`, is("projects")},
		{"backslash_in_double_quotes", `SELECT "\"" FROM projects WHERE x = ""`, is("projects")},
		{"hash_comment", "SELECT 1 # '\nFROM projects # '", is("projects")},
		{"dashes_without_space", "SELECT 5--3 FROM projects", is("projects")},
		{"dashes_with_space", "SELECT 5-- 3 FROM users\nFROM projects", is("projects")},
		{"run_comment", "SELECT * /*! FROM projects */ WHERE 1", is("projects")},
		{"run_comment_with_version", "SELECT * /*!50110FROM projects*/", is("projects")},
		{"run_comment_of_mariadb", "SELECT * /*M!100100 FROM projects */", is("projects")},
		{"run_comment_skipped", "SELECT /*!99999 ' */ 1 FROM projects WHERE x = '", is("projects")},
		{
			"comment_in_skipped_comment", "SELECT /*!99999 /* x */ ' */ 1 FROM projects WHERE x = '",
			is("projects"),
		},
		{"comment_in_run_comment", "SELECT /*! 1 /* ' */ FROM projects */", is("projects")},
		{"comments_do_not_nest", "SELECT /* /* */ 1 FROM projects -- */", is("projects")},
		{"insert_without_into", "INSERT projects VALUES (1)", is("projects")},
		{"insert_ignore", "INSERT LOW_PRIORITY IGNORE projects SET a = 1, b = 2", is("projects")},
		{"replace_without_into", "REPLACE projects SET a = 1", is("projects")},
		{"replace_name_with_digits", "REPLACE 2fa SET a = 1", is("2fa")},
		{"replace_delayed", "REPLACE DELAYED INTO projects VALUES (1)", is("projects")},
		{"update_ignore", "UPDATE LOW_PRIORITY IGNORE projects SET a = 1", is("projects")},
		{"update_parentheses", "UPDATE (a, projects) SET a.x = 1", is("a", "projects")},
		{"delete_stars", "DELETE a.*, b.* FROM a JOIN projects", is("a", "b", "projects")},
		{"handler", "HANDLER projects OPEN", is("projects")},
		{"straight_join", "SELECT * FROM a STRAIGHT_JOIN projects", is("a", "projects")},
		{"straight_join_option", "SELECT STRAIGHT_JOIN a, b FROM projects", is("projects")},
		{"odbc_join", "SELECT * FROM {OJ a LEFT JOIN projects ON 1}", is("a", "projects")},
		{"odbc_path", "SELECT * FROM .projects", is("projects")},
		{"name_with_digits", "SELECT * FROM 2fa, db.2fb", is("2fa", "db.2fb")},
		{"dropped_number", "SELECT * FROM 1.e(projects)", is("projects")},
		{
			"index_hints", "SELECT * FROM a USE INDEX FOR ORDER BY (i), projects",
			is("a", "projects"),
		},
		{"into_outfile", "SELECT * INTO OUTFILE 'x' FROM projects", is("OUTFILE", "projects")},
		{"dollar_name", "SELECT * FROM $projects", is("$projects")},
		{"alias_called_returning", "SELECT * FROM a returning, projects", is("a", "projects")},
	})
}

func TestStatement_stops(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT * FROM a, b",
		"DO 'BEGIN DELETE FROM a; DELETE FROM b; END'",
		"SELECT * FROM a /* /* */ */, b",
	} {
		var found []string
		sqlscan.Statement(sql, sqlscan.Standard, func(_, name string) bool {
			found = append(found, name)
			return false
		})
		require.Equal(t, []string{"a"}, found, sql)
	}
}

func TestFragment_allocates_nothing(t *testing.T) {
	const sql = "name = ? AND age > ? OR id IN (?)"
	found := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		sqlscan.Fragment(sql, sqlscan.Standard, func(_, _ string) bool {
			found++
			return true
		})
		sqlscan.Fragment(sql, sqlscan.MySQL, func(_, _ string) bool { return true })
	}))
	require.Zero(t, found)
}
