package sqlscan_test

import (
	"testing"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

func TestStatement_Standard(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Statement, sqlscan.Standard, []scanCase{
		{"create_table", "CREATE TABLE projects (a int REFERENCES users ON DELETE CASCADE)", nil},
		{"create_index", "create unique index i on projects using gin (a)", nil},
		{"create_view", "CREATE VIEW v AS SELECT * FROM projects", nil},
		{"create_table_as", "CREATE TEMP TABLE x AS SELECT * FROM projects", is("projects")},
		{"create_table_as_table", "CREATE TABLE x AS TABLE projects", is("projects")},
		{
			"create_table_as_values", "CREATE TABLE x AS VALUES ((SELECT 1 FROM projects))",
			is("projects"),
		},
		{"create_table_as_execute", "CREATE TABLE x AS EXECUTE plan", is("*")},
		{
			"create_table_generated",
			"CREATE TABLE x (a int GENERATED ALWAYS AS (b) STORED, c CHECK (c IN d))",
			nil,
		},
		{
			"create_materialized_view", "CREATE MATERIALIZED VIEW v AS SELECT * FROM projects",
			is("projects"),
		},
		{"create_or_replace_function", "CREATE OR REPLACE FUNCTION f() RETURNS int AS " +
			"$$ SELECT 1 FROM projects; $$ LANGUAGE sql; DELETE FROM users", is("users")},
		{"function_atomic", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 FROM projects; " +
			"SELECT CASE WHEN 1 THEN 2 END; END; DELETE FROM users", is("users")},
		{"create_trigger", "CREATE TRIGGER t AFTER INSERT ON projects BEGIN " +
			"UPDATE users SET a = CASE WHEN b THEN 1 ELSE 2 END; DELETE FROM tags; END; " +
			"DELETE FROM notes", is("notes")},
		{"create_trigger_of_postgres", "CREATE TRIGGER begin AFTER INSERT ON a EXECUTE FUNCTION f(); " +
			"DELETE FROM projects; END", is("projects")},
		{"create_trigger_without_end", "CREATE TRIGGER t AFTER INSERT ON a BEGIN " +
			"DELETE FROM users; DELETE FROM projects", is("users", "projects")},
		{"create_trigger_with_false_end", "CREATE TRIGGER t AFTER INSERT ON a BEGIN " +
			"SELECT 1; END x; DELETE FROM projects; END", is("projects")},
		{
			"alter_drop", "ALTER TABLE projects ADD a int; DROP TABLE projects; /**/drop table x",
			nil,
		},
		{"comment_on", "COMMENT ON TABLE projects IS 'FROM users; DELETE FROM x'", nil},
		{
			"grant", "GRANT SELECT, UPDATE ON projects TO app; REVOKE ALL ON TABLE projects FROM app",
			nil,
		},
		{"utilities", "REINDEX TABLE projects; ANALYZE projects; VACUUM projects; PRAGMA a(projects);" +
			"LOCK TABLE projects IN SHARE MODE; SET search_path TO a, b; SHOW COLUMNS FROM projects;" +
			"BEGIN; START TRANSACTION; COMMIT; END; ROLLBACK TO x; ABORT; SAVEPOINT x; RELEASE x;" +
			"ATTACH 'x' AS y; DETACH y; CLUSTER projects USING i; RENAME TABLE a TO b;" +
			"REASSIGN OWNED BY a TO b; SECURITY LABEL ON TABLE projects IS 'x'; CHECKPOINT;" +
			"DISCARD ALL; LISTEN x; NOTIFY x; UNLISTEN x; RESET x; USE x; DESCRIBE projects;" +
			"IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c; DESC projects", nil},
		{"after_utility", "DROP TABLE x; SELECT * FROM projects", is("projects")},
		{
			"utility_with_semicolon_in_string", "DROP TABLE \"a;b\"; SELECT * FROM projects",
			is("projects"),
		},
		{"describe_analyze", "DESCRIBE ANALYZE SELECT * FROM projects", is("projects")},
		{
			"show_with_sub_select", "SHOW TABLES FROM a WHERE x IN (SELECT 1 FROM projects)",
			is("projects"),
		},
		{"set_with_sub_select", "SET @a = (SELECT x FROM projects)", is("projects")},
		{"explain", "EXPLAIN ANALYZE SELECT * FROM projects", is("projects")},
		{"explain_create", "EXPLAIN CREATE TABLE x AS SELECT * FROM projects", is("x", "projects")},
		{"declare_cursor", "DECLARE c CURSOR FOR SELECT * FROM projects", is("projects")},
		{"prepare", "PREPARE p AS DELETE FROM projects", is("projects")},
		{"execute", "EXECUTE p (1)", is("*")},
		{"call", "CALL f((SELECT 1 FROM projects))", is("projects")},
		{"values", "VALUES (1), ((SELECT 1 FROM projects)), (a)", is("projects")},
		{
			"do_dollar",
			"DO $x$ DECLARE comment int; BEGIN comment := (SELECT 1 FROM projects); END $x$",
			is("projects"),
		},
		{
			"do_quoted", "DO LANGUAGE plpgsql 'BEGIN DELETE FROM \"projects\" WHERE a = ''x''; END'",
			is("projects"),
		},
		{"do_escaped", `DO E'BEGIN DELETE FROM \x70rojects; END'`, is("*")},
		{"do_other_language", "DO LANGUAGE plpython3u $$ plpy.execute('x') $$", is("*")},
		{"do_two_strings", "DO 'DELETE FR'\n'OM projects'", is("*")},
		{"do_execute", "DO $$ BEGIN EXECUTE 'DELETE ' || 'FROM projects'; END $$", is("*")},
		{
			"do_cursor", "DO $$ BEGIN OPEN c FOR UPDATE projects SET a = 1 RETURNING b; END $$",
			is("projects"),
		},
		{"do_unterminated", "DO $a$x", nil},
		{"do_then_statement", "DO $$ BEGIN END $$; DELETE FROM projects", is("projects")},
	})
}

func TestStatement_MySQL(t *testing.T) {
	t.Parallel()
	runScan(t, sqlscan.Statement, sqlscan.MySQL, []scanCase{
		{"create_table_select", "CREATE TABLE x SELECT * FROM projects", is("projects")},
		{
			"create_table_parentheses", "CREATE TABLE x (a int) (SELECT * FROM projects)",
			is("projects"),
		},
		{"create_table_like", "CREATE TABLE x LIKE projects", nil},
		{
			"create_procedure", "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN " +
				"IF a THEN BEGIN DELETE FROM users; END; END IF; CASE a WHEN 1 THEN SET b = 1; END CASE; " +
				"SELECT CASE 1 WHEN 2 THEN 3 END; DELETE FROM users; END; DELETE FROM projects",
			is("projects"),
		},
		{"create_trigger_without_block", "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW " +
			"UPDATE users SET x = 1; DELETE FROM projects", is("projects")},
		{"do_expression", "DO (SELECT 1 FROM projects)", is("projects")},
		{"prepare_text", "PREPARE s FROM @text", is("*")},
		{
			"run_comment_at_start", "/*!40101 SET NAMES utf8 */; /*! DELETE */ FROM projects",
			is("projects"),
		},
	})
}
