package sqlscan_test

import (
	"strings"
	"testing"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

// seeds start the fuzzer near the edges that the servers disagree on.
var seeds = []string{
	"SELECT * FROM projects", "select*from\"projects\"", "SELECT*FROM(projects)",
	"SELECT 1 FROM[projects]",
	"SELECT 1 FROM`projects`", "SELECT 1 FROM'projects'", "SELECT 1 FROM/**/projects",
	"SELECT 1 FROM--\nprojects",
	"SELECT 1 FROM\fprojects\r\n", "SELECT 1 FROM main.projects",
	"SELECT 1 FROM main . /**/ [projects]",
	"SELECT 1 FROM \"main\".\"projects\" p", "SELECT 1 FROM projects, users u, tags AS t",
	"SELECT 1 FROM projects JOIN users USING (id, name), tags",
	"SELECT 1 FROM (projects p JOIN users) JOIN tags",
	"SELECT 1 FROM ((projects)), (((users)))", "SELECT 1 FROM (projects, (users, tags))",
	"SELECT 1 FROM projects NATURAL LEFT OUTER JOIN users",
	"SELECT 1 FROM projects CROSS JOIN users ON 1",
	"SELECT 1 FROM projects INDEXED BY sqlite_autoindex_projects_1 WHERE name = 'x'",
	"SELECT 1 FROM projects NOT INDEXED, users",
	"SELECT 1 FROM projects replace, users window, tags set",
	"SELECT 1 FROM projects AS key, users AS 'for', tags \"x\"",
	"SELECT (SELECT count(*) FROM projects), 2",
	"SELECT CASE WHEN EXISTS(SELECT 1 FROM projects) THEN 1 ELSE (SELECT 2 FROM users) END",
	"SELECT 1 IN codes, 2 NOT IN main.codes", "SELECT 1 IN(codes)FROM codes",
	"SELECT 1 IN\"codes\"",
	"SELECT (1, 2) IN (SELECT id, name FROM users)", "SELECT max(1, (SELECT id FROM \"order\"))",
	"SELECT 1 UNION SELECT id FROM projects EXCEPT SELECT id FROM tags",
	"VALUES (1), ((SELECT id FROM notes))",
	"SELECT 1 FROM (VALUES (1), (2)), projects", "SELECT 1 FROM json_each('[]'), projects",
	"SELECT 1 FROM projects ORDER BY (SELECT id FROM users), name LIMIT (SELECT 1 FROM tags)",
	"SELECT 1 FROM projects GROUP BY id, a HAVING (SELECT 1 FROM users)",
	"SELECT sum(id) OVER w FROM projects WINDOW w AS (PARTITION BY a ORDER BY (SELECT 1 FROM tags))",
	"SELECT count(*) FILTER (WHERE id IN codes) FROM projects",
	"SELECT 1 IS DISTINCT FROM id FROM projects",
	"SELECT 1 IS NOT DISTINCT FROM (SELECT id FROM projects)",
	"SELECT DISTINCT id FROM projects, users",
	"WITH w AS (SELECT 1 FROM projects) SELECT 1 FROM w, users",
	"WITH w(a, b) AS NOT MATERIALIZED (VALUES (1, 2)) SELECT 1 FROM w",
	"WITH RECURSIVE w(a) AS (SELECT 1 UNION ALL SELECT a FROM w, projects LIMIT 9) SELECT 1 FROM w",
	"INSERT INTO projects (name) VALUES ('x'), ((SELECT name FROM users))",
	"INSERT INTO projects(name)SELECT name FROM users",
	"INSERT OR IGNORE INTO main.projects DEFAULT VALUES",
	"REPLACE INTO projects AS p VALUES (1, 2, 3, 4) RETURNING id, name",
	"INSERT INTO projects (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = (SELECT 1 FROM users), b = 2 WHERE b IN codes",
	"WITH w AS (SELECT 1) INSERT INTO projects(id) SELECT * FROM w",
	"UPDATE projects SET a = 1, b = (SELECT 2 FROM users)",
	"UPDATE OR REPLACE projects AS p SET (a, b) = (SELECT 1, 2 FROM users) FROM tags, notes WHERE 1",
	"UPDATE OR ROLLBACK[projects]SET a=1 RETURNING(SELECT 1 FROM users)",
	"UPDATE projects INDEXED BY x SET a = 1",
	"DELETE FROM projects", "DELETE FROM projects WHERE id IN (SELECT id FROM users) RETURNING *",
	"DELETE FROM'order'WHERE 1",
	"SELECT 1 /* /* */ FROM projects -- */", "SELECT 1 -- \r\nFROM projects",
	"SELECT [a'b] FROM (SELECT 1 AS [a'b] FROM projects) -- '",
	"SELECT $a$ FROM projects WHERE $a$", "SELECT e'\\' FROM (SELECT 1 AS e FROM projects) -- '",
	"SELECT $a(')FROM projects--')",
	"SELECT 1 WHERE x'00'IN codes", "SELECT .5,1.e5,1.,0x1f FROM projects",
	"SELECT 1 FROM \ufeffprojects",
	"SELECT '\\' FROM projects WHERE name = '\\'",
	"SELECT U & 1 FROM (SELECT 1 AS u FROM projects)", "SELECT id->'$'FROM projects",
	"EXPLAIN SELECT 1 FROM projects", "CREATE TABLE x AS SELECT * FROM projects",
	"DO $$ DELETE FROM projects $$",
	"CREATE TRIGGER t AFTER INSERT ON projects BEGIN DELETE FROM users; END; DELETE FROM tags",
	"DO LANGUAGE x E'\\''", "SELECT * FROM U&\"\\0070\" UESCAPE '!'",
	"/*!50000 SELECT */ * FROM 2fa, 1.e(projects)",
	"a = ? AND b IN (?) OR c = $1 -- x", "projects AS p", "(?) AS t",
	"a[b[1]::int] = ARRAY[[1],[2]]",
}

// FuzzStatement checks that nothing panics, and that every table which SQLite opens for a statement
// is reported.
func FuzzStatement(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	lite := openSQLite(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []sqlscan.Dialect{sqlscan.Standard, sqlscan.MySQL} {
			tables(sqlscan.Statement, text, d)
			tables(sqlscan.Fragment, text, d)
			sqlscan.Problem(text, d)
			sqlscan.TableRef(text, d)
		}
		if strings.Contains(text, ";") || defines(text) {
			return
		}
		if missed, _ := lite.missed(text); missed != "" {
			t.Errorf("%s is not reported for %q", missed, text)
		}
	})
}
