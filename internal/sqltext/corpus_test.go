package sqltext_test

import (
	"regexp"
	"testing"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// everyday are reads that people write. ? becomes $n on Postgres.
var everyday = []corpusText{
	{text: "SELECT * FROM projects"},
	{text: "SELECT * FROM projects;"},
	{text: "SELECT * FROM projects ORDER BY id -- the list"},
	{text: "SELECT p.*, t.title FROM projects p LEFT JOIN tasks t ON t.project_id = p.id ORDER BY p.id, t.id"},
	{text: "SELECT p.name, count(t.id) FROM projects p LEFT JOIN tasks t ON t.project_id = p.id GROUP BY p.id ORDER BY p.id"},
	{text: "SELECT p.name, count(t.id) AS n FROM projects AS p LEFT OUTER JOIN tasks AS t ON (t.project_id = p.id) GROUP BY p.id, p.name HAVING count(t.id) > 0 ORDER BY n DESC, p.id"},
	{text: "SELECT count(*) FROM tasks"},
	{text: "SELECT sum(hours), avg(hours), max(title) FROM tasks WHERE done"},
	{text: "SELECT DISTINCT name FROM projects ORDER BY name"},
	{text: "SELECT name FROM projects WHERE id IN (SELECT project_id FROM tasks WHERE hours > ?)", args: []any{1}},
	{text: "SELECT name FROM projects p WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.project_id = p.id)"},
	{text: "SELECT name FROM projects p WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.project_id = p.id)"},
	{text: "SELECT name, (SELECT count(*) FROM tasks WHERE tasks.project_id = projects.id) FROM projects ORDER BY id"},
	{text: "SELECT name, (SELECT count(*) FROM tasks WHERE tasks.project_id = projects.id) AS n FROM projects ORDER BY id"},
	{text: "SELECT name FROM projects UNION SELECT title FROM tasks ORDER BY 1"},
	{text: "SELECT name FROM projects UNION ALL SELECT title FROM tasks ORDER BY 1"},
	{text: "SELECT name FROM projects INTERSECT SELECT title FROM tasks"},
	{text: "SELECT name FROM projects EXCEPT SELECT title FROM tasks"},
	{text: "WITH p AS (SELECT * FROM projects WHERE budget > 5) SELECT p.name, t.title FROM p JOIN tasks t ON t.project_id = p.id"},
	{text: "WITH t AS (SELECT project_id, sum(hours) AS h FROM tasks GROUP BY project_id), u AS (SELECT * FROM t WHERE h > 1) SELECT p.name, u.h FROM projects p JOIN u ON u.project_id = p.id"},
	{text: "WITH RECURSIVE boss AS (SELECT id, name, manager_id FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, u.name, u.manager_id FROM users u JOIN boss ON boss.id = u.manager_id) SELECT name FROM boss ORDER BY name"},
	{text: "SELECT u.name, m.name FROM users u LEFT JOIN users m ON m.id = u.manager_id ORDER BY u.id"},
	{text: "SELECT u.name, m.name FROM users u RIGHT JOIN users m ON m.id = u.manager_id ORDER BY m.id, u.id"},
	{text: "SELECT p.name, u.name FROM projects p FULL JOIN users u ON u.id = p.owner_id"},
	{text: "SELECT p.name, u.name FROM projects p FULL OUTER JOIN users u ON u.id = p.owner_id WHERE p.budget > 5"},
	{text: "SELECT p.name, t.title FROM projects p, tasks t WHERE t.project_id = p.id"},
	{text: "SELECT p.name, t.title FROM projects p CROSS JOIN tasks t"},
	{text: "SELECT p.name, t.title FROM projects p INNER JOIN tasks t ON t.project_id = p.id AND t.done"},
	{text: "SELECT name, title FROM projects NATURAL JOIN tasks"},
	{text: "SELECT projects.name, title FROM projects JOIN tasks USING (id)"},
	{text: "SELECT projects.name, title FROM projects LEFT JOIN tasks USING (id)"},
	{text: "SELECT projects.name, tags.name FROM projects JOIN project_tags ON project_tags.project_id = projects.id JOIN tags ON tags.id = project_tags.tag_id"},
	{text: "SELECT p.name, g.name FROM projects p LEFT JOIN project_tags pt ON pt.project_id = p.id LEFT JOIN tags g ON g.id = pt.tag_id ORDER BY p.id, g.id"},
	{text: "SELECT count(*) FROM project_tags"},
	{text: "SELECT tag_id, count(*) FROM project_tags GROUP BY tag_id ORDER BY tag_id"},
	{text: "SELECT * FROM projects WHERE id IN (SELECT project_id FROM project_tags)"},
	{text: "SELECT * FROM labels"},
	{text: "SELECT l.* FROM labels l JOIN tags g ON g.id = l.tag_id"},
	{text: "SELECT p.name, l.tag_id FROM projects p LEFT JOIN labels l ON l.labelled_id = p.id AND l.labelled_type = 'projects'"},
	{text: "SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY hours DESC) FROM tasks ORDER BY id"},
	{text: "SELECT id, rank() OVER w FROM tasks WINDOW w AS (ORDER BY hours) ORDER BY id"},
	{text: "SELECT id, sum(hours) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM tasks ORDER BY id"},
	{text: "SELECT * FROM (SELECT id, name FROM projects ORDER BY id LIMIT 2) AS x ORDER BY id"},
	{text: "SELECT * FROM (SELECT id, hours, row_number() OVER (PARTITION BY project_id ORDER BY id) AS rn FROM tasks) x WHERE rn = 1 ORDER BY id"},
	{text: "SELECT id FROM tasks ORDER BY id LIMIT 2 OFFSET 1"},
	{text: "SELECT id FROM tasks ORDER BY id LIMIT ? OFFSET ?", args: []any{2, 1}},
	{text: "SELECT CASE WHEN hours > 2 THEN 'long' ELSE 'short' END, count(*) FROM tasks GROUP BY 1 ORDER BY 1"},
	{text: "SELECT coalesce(p.name, 'none') FROM tasks t LEFT JOIN projects p ON p.id = t.project_id ORDER BY t.id"},
	{text: "SELECT name FROM projects WHERE name LIKE '%x%' OR budget BETWEEN 5 AND 25 ORDER BY id"},
	{text: "SELECT name FROM projects WHERE name = ? OR 1 = 1 ORDER BY id", args: []any{"x"}},
	{text: "SELECT name FROM projects WHERE tenant_id = ? AND name = ?", args: []any{"a", "x"}},
	{text: "SELECT name FROM projects WHERE tenant_id = ?", args: []any{"b"}},
	{text: "SELECT name FROM projects WHERE tenant_id = ? OR name = ?", args: []any{"a", "x"}},
	{text: "SELECT name FROM projects WHERE tenant_id IN (?)", args: []any{"a"}},
	{text: "SELECT name FROM projects WHERE tenant_id IN (?, ?)", args: []any{"a", "b"}},
	{text: "SELECT name FROM projects WHERE tenant_id <> ?", args: []any{"b"}},
	{text: "SELECT name FROM projects WHERE NOT tenant_id = ?", args: []any{"b"}},
	{text: "SELECT p.name FROM projects p JOIN tasks t ON t.project_id = p.id AND t.tenant_id = p.tenant_id WHERE p.tenant_id = ?", args: []any{"a"}},
	{text: "SELECT p.name FROM projects p LEFT JOIN tasks t ON t.project_id = p.id AND t.tenant_id = p.tenant_id"},
	{text: "SELECT n.body, p.name FROM notes n LEFT JOIN projects p ON p.id = n.project_id ORDER BY n.id"},
	{text: "SELECT n.body FROM notes n WHERE n.project_id IN (SELECT id FROM projects) ORDER BY n.id"},
	{text: "SELECT tags FROM notes ORDER BY id"},
	{text: "SELECT n.tags, g.name FROM notes n JOIN tags g ON g.name = n.tags"},
	{text: "SELECT * FROM countries ORDER BY id"},
	{text: "SELECT c.name, count(p.id) FROM countries c LEFT JOIN projects p ON p.name = c.name GROUP BY c.id, c.name ORDER BY c.id"},
	{text: "SELECT max(id) FROM projects"},
	{text: "SELECT max(id) AS AS FROM projects", errs: true},
	{text: "SELECT p.id FROM projects AS p WHERE p.id = (SELECT max(id) FROM projects)"},
	{text: "SELECT p.id FROM projects p WHERE p.budget > (SELECT avg(budget) FROM projects q WHERE q.owner_id = p.owner_id)"},
	{text: "SELECT p.id FROM projects p WHERE (p.id, p.name) IN (SELECT project_id, title FROM tasks)"},
	{text: "SELECT \"projects\".\"id\" FROM \"projects\" ORDER BY \"projects\".\"id\""},
	{text: "select Id, NAME from Projects P where P.Budget > 5 order by ID"},
	{text: "SELECT\n\tid -- the key\n\t, name\nFROM /* all */ projects\nWHERE -- one\n\tname = 'x'\nORDER BY id"},
	{text: "SELECT 'FROM tasks', name FROM projects ORDER BY id"},
	{text: "SELECT name || ': ' || title FROM projects p JOIN tasks t ON t.project_id = p.id ORDER BY t.id"},
	{text: "SELECT a.name FROM projects a JOIN projects b ON a.name = b.name AND a.id <> b.id ORDER BY a.id"},
	{text: "SELECT x.n FROM (SELECT count(*) AS n FROM projects) x"},
	{text: "SELECT (SELECT name FROM projects ORDER BY id LIMIT 1), (SELECT count(*) FROM tasks)"},
	{text: "SELECT EXISTS (SELECT 1 FROM projects WHERE name = 'q')"},
	{text: "SELECT name FROM projects GROUP BY name HAVING count(*) > 1"},
	{text: "SELECT name, count(*) FILTER (WHERE budget > 5) FROM projects GROUP BY name ORDER BY name"},
	{text: "SELECT p.name FROM projects p LEFT JOIN (tasks t JOIN users u ON u.id = t.id) ON t.project_id = p.id ORDER BY p.id, t.id"},
	{text: "SELECT p.name, t.title FROM (projects p LEFT JOIN tasks t ON t.project_id = p.id) ORDER BY p.id, t.id"},
	{text: "SELECT p.name, t.title, u.name FROM projects p LEFT JOIN tasks t ON t.project_id = p.id RIGHT JOIN users u ON u.id = p.owner_id ORDER BY u.id, p.id, t.id"},
	{text: "VALUES (1, 'x'), (2, 'y')"},
	{text: "SELECT p.id FROM projects p WHERE p.id = ANY (SELECT project_id FROM tasks) ORDER BY p.id", only: sqltext.Postgres},
	{text: "SELECT p.id, x.title FROM projects p LEFT JOIN LATERAL (SELECT title FROM tasks t WHERE t.project_id = p.id ORDER BY t.id LIMIT 1) x ON true ORDER BY p.id", only: sqltext.Postgres},
	{text: "SELECT p.id, x.title FROM projects p, LATERAL (SELECT title FROM tasks t WHERE t.project_id = p.id ORDER BY t.id LIMIT 1) x ORDER BY p.id", only: sqltext.Postgres},
	{text: "SELECT DISTINCT ON (project_id) project_id, title FROM tasks ORDER BY project_id, id", only: sqltext.Postgres},
	{text: "SELECT * FROM projects FOR UPDATE", only: sqltext.Postgres},
	{text: "SELECT p.* FROM projects p JOIN tasks t ON t.project_id = p.id ORDER BY p.id, t.id FOR UPDATE OF p SKIP LOCKED", only: sqltext.Postgres},
	{text: "SELECT array_agg(name ORDER BY id) FROM projects", only: sqltext.Postgres},
	{text: "SELECT ARRAY(SELECT name FROM projects ORDER BY id)", only: sqltext.Postgres},
	{text: "SELECT p FROM projects p ORDER BY id", only: sqltext.Postgres},
	{text: "SELECT p.id::text, count(*)::int FROM projects p GROUP BY p.id ORDER BY p.id", only: sqltext.Postgres},
	{text: "SELECT json_agg(row_to_json(p)) FROM (SELECT id, name FROM projects ORDER BY id) p", only: sqltext.Postgres},
	{text: "SELECT '{\"a\": 1}'::jsonb ? 'a', '{\"a\": 1}'::jsonb @> '{\"a\": 1}'::jsonb, count(*) FROM projects", only: sqltext.Postgres, verbatim: true},
	{text: "SELECT to_tsvector(name) @@ to_tsquery('x') FROM projects ORDER BY id", only: sqltext.Postgres},
	{text: "SELECT extract(year FROM now()) > 2000, count(*) FROM projects", only: sqltext.Postgres},
	{text: "SELECT date_trunc('day', timestamp '2020-01-02 03:04:05'), interval '1 day' * 2, count(*) FROM tasks", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM tasks WHERE timestamp '2020-01-01' < now() - interval '1' day AND hours > 1", only: sqltext.Postgres},
	{text: "SELECT name FROM projects WHERE name ILIKE 'X' ORDER BY id", only: sqltext.Postgres},
	{text: "SELECT name FROM projects WHERE name ~ '^x' AND name IS DISTINCT FROM 'y' ORDER BY id", only: sqltext.Postgres},
	{text: "SELECT n, p.name FROM generate_series(1, 3) AS n LEFT JOIN projects p ON p.id = n ORDER BY n", only: sqltext.Postgres},
	{text: "SELECT u.x, p.name FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS u(x, i) JOIN projects p ON p.id = u.x ORDER BY 1", only: sqltext.Postgres},
	{text: "SELECT v.id, p.name FROM (VALUES (1), (5)) AS v(id) LEFT JOIN projects p ON p.id = v.id ORDER BY 1", only: sqltext.Postgres},
	{text: "SELECT x.b, x.a FROM projects AS x(a, b, c) ORDER BY 1, 2", only: sqltext.Postgres},
	{text: "SELECT j.name, j.title FROM (projects p JOIN tasks t ON t.project_id = p.id) AS j(i, te, name, o, b, i2, te2, pi, title) ORDER BY 1, 2", only: sqltext.Postgres},
	{text: "TABLE projects", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM ONLY projects", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM public.projects", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM main.projects", only: sqltext.SQLite},
	{text: "SELECT public.projects.id FROM public.projects ORDER BY 1", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM projects TABLESAMPLE BERNOULLI (100)", only: sqltext.Postgres},
	{text: "SELECT name FROM projects ORDER BY id FETCH FIRST 2 ROWS ONLY", only: sqltext.Postgres},
	{text: "SELECT name FROM projects ORDER BY id OFFSET 1 ROWS FETCH NEXT ROW ONLY", only: sqltext.Postgres},
	{text: "SELECT name, grouping(name) FROM projects GROUP BY GROUPING SETS ((name), ()) ORDER BY 1, 2", only: sqltext.Postgres},
	{text: "SELECT name, count(*) FROM projects GROUP BY ROLLUP (name) ORDER BY 1, 2", only: sqltext.Postgres},
	{text: "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) FROM tasks", only: sqltext.Postgres},
	{text: "SELECT string_agg(DISTINCT name, ',' ORDER BY name) FROM projects", only: sqltext.Postgres},
	{text: "WITH p AS MATERIALIZED (SELECT * FROM projects) SELECT count(*) FROM p"},
	{text: "WITH projects AS (SELECT * FROM projects WHERE budget > 5) SELECT name FROM projects", only: sqltext.Postgres},
	{text: "WITH x(a, b) AS (SELECT id, name FROM projects) SELECT b FROM x ORDER BY a"},
	{text: "WITH tasks AS (SELECT 1 AS one) SELECT * FROM tasks"},
	{text: "SELECT * FROM projects p WHERE p.id IN (WITH t AS (SELECT project_id FROM tasks) SELECT project_id FROM t)"},
	{text: "SELECT p.name AS \"the name\", t.title title FROM projects p JOIN tasks t ON t.project_id = p.id ORDER BY t.id"},
	{text: "SELECT group_concat(name) FROM (SELECT name FROM projects ORDER BY id)", only: sqltext.SQLite},
	{text: "SELECT p.rowid, p.name FROM projects p ORDER BY p.rowid", only: sqltext.SQLite},
	{text: "SELECT name FROM projects NOT INDEXED ORDER BY id", only: sqltext.SQLite},
	{text: "SELECT [name] FROM [projects] ORDER BY [id]", only: sqltext.SQLite},
	{text: "SELECT `name` FROM `projects` ORDER BY `id`", only: sqltext.SQLite},
	{text: "SELECT name FROM 'projects' ORDER BY id", only: sqltext.SQLite},
	{text: "SELECT name FROM 'projects' 'p' ORDER BY p.id", only: sqltext.SQLite},
	{text: "SELECT offset.name FROM projects offset ORDER BY offset.id LIMIT 1", only: sqltext.SQLite},
	{text: "SELECT p.name FROM projects p LEFT JOIN tasks t USING (id, tenant_id) ORDER BY p.id"},
	{text: "SELECT count(*) FROM projects p LEFT JOIN tasks t ON t.project_id = p.id, countries c"},
	{text: "SELECT strftime('%Y', '2020-01-01'), count(*) FROM projects", only: sqltext.SQLite},
	{text: "SELECT name FROM projects WHERE name GLOB 'x*' AND id ISNULL = 0", only: sqltext.SQLite},
	{text: "SELECT ifnull(name, 'x'), iif(budget > 5, 1, 0) FROM projects ORDER BY id", only: sqltext.SQLite},
	{text: "SELECT p.value FROM json_each('[1,2]') p JOIN projects q ON q.id = p.value ORDER BY 1", only: sqltext.SQLite},
	{text: "SELECT name, count(*) FROM (SELECT name FROM projects UNION ALL SELECT name FROM tags) x GROUP BY name ORDER BY name"},
	{text: "SELECT id FROM projects WHERE owner_id = (SELECT id FROM users WHERE name = 'ann')"},
	{text: "SELECT p.id FROM projects p JOIN users u ON u.id = p.owner_id WHERE u.name IN ('ann', 'bob') AND p.budget IS NOT NULL ORDER BY p.id"},
	{text: "SELECT ((SELECT count(*) FROM projects) + 1) AS n"},
	{text: "SELECT (SELECT count(*) FROM projects) + (SELECT count(*) FROM tasks) AS n"},
	{text: "(SELECT name FROM projects) UNION (SELECT title FROM tasks) ORDER BY 1", only: sqltext.Postgres},
	{text: "SELECT * FROM ((SELECT name FROM projects) UNION (SELECT title FROM tasks)) x ORDER BY 1", only: sqltext.Postgres},
	{text: "SELECT count(*) FROM projects WHERE tenant_id IS NOT NULL AND (name = 'x' AND (budget > 1 OR budget IS NULL))"},
	{text: "SELECT CASE p.name WHEN 'x' THEN (SELECT count(*) FROM tasks) END AS n FROM projects p ORDER BY p.id"},
	{text: "EXPLAIN SELECT * FROM projects", skip: true},
	{text: "SELECT name FROM projects ORDER BY (SELECT count(*) FROM tasks t WHERE t.project_id = projects.id) DESC, id"},
	{text: "SELECT t.title FROM tasks t JOIN projects p ON p.id = t.project_id OR p.id = t.id ORDER BY t.id, p.id"},
	{text: "SELECT id, name FROM projects WHERE (name, id) IN ((?, ?), (?, ?)) ORDER BY id", args: []any{"x", 1, "x", 5}, only: sqltext.Postgres},
	{text: "SELECT id FROM projects WHERE id IN (?, ?, ?) ORDER BY id", args: []any{1, 5, 2}},
	{text: "SELECT sum(CASE WHEN done THEN hours ELSE 0 END) AS done, sum(hours) AS total FROM tasks"},
	{text: "SELECT project_id, title FROM tasks t1 WHERE hours = (SELECT max(hours) FROM tasks t2 WHERE t2.project_id = t1.project_id) ORDER BY 1, 2"},
	{text: "SELECT u.name, count(DISTINCT p.id), count(t.id) FROM users u LEFT JOIN projects p ON p.owner_id = u.id LEFT JOIN tasks t ON t.project_id = p.id GROUP BY u.id, u.name ORDER BY u.id"},
	{text: "SELECT lag(name) OVER (ORDER BY id), lead(name, 1, 'none') OVER (ORDER BY id) FROM projects ORDER BY id"},
	{text: "SELECT p.name FROM projects p JOIN (SELECT project_id, count(*) AS n FROM tasks GROUP BY project_id HAVING count(*) > 1) c ON c.project_id = p.id"},
}

// changes are commands that people write.
var changes = []corpusText{
	{text: "UPDATE projects SET name = 'n'"},
	{text: "UPDATE projects SET name = ? WHERE id = ?", args: []any{"n", 1}},
	{text: "UPDATE projects SET name = ? WHERE id = ?", args: []any{"n", 5}},
	{text: "UPDATE projects SET name = ? WHERE name = ? OR 1 = 1", args: []any{"n", "x"}},
	{text: "UPDATE projects SET budget = budget + 1 WHERE id IN (SELECT project_id FROM tasks WHERE done)"},
	{text: "UPDATE projects SET budget = (SELECT sum(hours) FROM tasks WHERE tasks.project_id = projects.id)"},
	{text: "UPDATE projects AS p SET budget = 0 WHERE p.owner_id = 1"},
	{text: "UPDATE projects SET budget = t.hours FROM tasks t WHERE t.project_id = projects.id AND t.title = 'z'"},
	{text: "UPDATE projects SET budget = 1 FROM tasks t JOIN users u ON u.id = t.id WHERE t.project_id = projects.id"},
	{text: "UPDATE projects SET (name, budget) = ('n', 3) WHERE id < 9"},
	{text: "UPDATE projects SET name = 'n' WHERE id = 1 RETURNING id, name"},
	{text: "UPDATE projects SET name = 'n' RETURNING id, (SELECT count(*) FROM tasks)"},
	{text: "UPDATE tasks SET done = true WHERE project_id = (SELECT id FROM projects WHERE name = 'y')"},
	{text: "UPDATE notes SET body = (SELECT max(name) FROM projects)"},
	{text: "UPDATE notes SET body = 'n' WHERE project_id IN (SELECT id FROM projects)"},
	{text: "UPDATE countries SET name = 'n' WHERE code = ?", args: []any{"a"}},
	{text: "WITH p AS (SELECT id FROM projects WHERE name = 'x') UPDATE tasks SET hours = 0 WHERE project_id IN (SELECT id FROM p)"},
	{text: "DELETE FROM projects"},
	{text: "DELETE FROM projects WHERE id = ?", args: []any{5}},
	{text: "DELETE FROM projects WHERE name = 'x' OR name = 'y'"},
	{text: "DELETE FROM tasks WHERE project_id IN (SELECT id FROM projects WHERE name = 'x')"},
	{text: "DELETE FROM tasks WHERE project_id NOT IN (SELECT id FROM projects)"},
	{text: "DELETE FROM projects AS p WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.project_id = p.id)"},
	{text: "DELETE FROM projects USING tasks t WHERE t.project_id = projects.id AND t.done", only: sqltext.Postgres},
	{text: "DELETE FROM tasks RETURNING *"},
	{text: "DELETE FROM project_tags"},
	{text: "DELETE FROM project_tags WHERE project_id = ?", args: []any{1}},
	{text: "DELETE FROM project_tags WHERE tag_id IN (SELECT id FROM tags WHERE name = 'x')"},
	{text: "DELETE FROM labels WHERE labelled_type = 'tasks'"},
	{text: "DELETE FROM notes WHERE project_id IN (SELECT id FROM projects)"},
	{text: "WITH t AS (DELETE FROM tasks WHERE done RETURNING project_id) SELECT count(*) FROM t", only: sqltext.Postgres},
	{text: "WITH t AS (UPDATE tasks SET hours = 0 RETURNING id, title) SELECT t.title, p.name FROM t LEFT JOIN projects p ON p.id = t.id ORDER BY t.id", only: sqltext.Postgres},
	{text: "INSERT INTO projects (id, tenant_id, name) VALUES (20, ?, 'n')", args: []any{"a"}},
	{text: "INSERT INTO projects (id, tenant_id, name) VALUES (20, ?, 'n'), (21, ?, (SELECT max(title) FROM tasks))", args: []any{"a", "a"}},
	{text: "INSERT INTO tasks (id, tenant_id, title) SELECT id + 100, ?, name FROM projects", args: []any{"a"}, only: sqltext.SQLite},
	{text: "INSERT INTO projects (id, tenant_id, name) VALUES (20, ?, 'n') RETURNING id, name", args: []any{"a"}},
	{text: "INSERT INTO notes (id, body) SELECT id + 100, name FROM projects"},
	{text: "INSERT INTO notes (id, body) VALUES (99, (SELECT count(*) || '' FROM projects))"},
	{text: "INSERT INTO notes (id, body) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET body = excluded.body"},
	{text: "INSERT INTO notes (id, body) VALUES (1, 'x') ON CONFLICT DO NOTHING"},
	{text: "UPDATE ONLY projects SET name = 'n'", only: sqltext.Postgres},
	{text: "UPDATE projects p SET name = u.name FROM users u LEFT JOIN users m ON m.id = u.manager_id WHERE p.owner_id = u.id AND m.id IS NULL", only: sqltext.Postgres},
	{text: "INSERT OR IGNORE INTO notes (id, body) VALUES (1, 'x')", only: sqltext.SQLite, refused: true},
}

type corpusText struct {
	text     string
	args     []any
	only     sqltext.Dialect // Other for both.
	verbatim bool            // A ? in it is no placeholder.
	errs     bool            // It is no valid text everywhere.
	skip     bool            // Its rows tell how, not what.
	refused  bool
}

func (c corpusText) in(d sqltext.Dialect) string {
	if c.verbatim {
		return c.text
	}
	return numbered(d, c.text)
}

// orderedText is a text whose last clause says in which order its rows come.
var orderedText = regexp.MustCompile(`(?is)ORDER BY [^()]*$`)

func TestJudge_corpus_SQLite(t *testing.T) { testCorpus(t, sqltext.SQLite) }

func TestJudge_corpus_Postgres(t *testing.T) { testCorpus(t, sqltext.Postgres) }

func testCorpus(t *testing.T, d sqltext.Dialect) {
	t.Helper()
	t.Parallel()
	j := newJudge(t, d)
	for _, list := range [][]corpusText{everyday, changes} {
		for _, c := range list {
			if c.skip || c.only != sqltext.Other && c.only != d {
				continue
			}
			v := j.judge(c.in(d), orderedText.MatchString(c.text), c.args...)
			switch {
			case v.refusal != nil && !c.refused:
				t.Errorf("refused %s: %v (%v)", c.text, v.refusal, v.refusal.Reason)
			case v.wrong != "":
				t.Errorf("%s\nsent %s\n%s", c.text, v.sent, v.wrong)
			case v.failed && !c.errs:
				t.Errorf("invalid in a database of its own: %s", c.text)
			}
		}
	}
}
