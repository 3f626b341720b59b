package sqltext_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// compositeTags joins projects and tags whose keys have the tenant in them.
var compositeTags = &sqltext.Table{
	Name: "composite_tags", Columns: []string{"project_tenant_id", "tag_tenant_id"},
}

func read(t *testing.T, d sqltext.Dialect, text string, vars int) *sqltext.Plan {
	t.Helper()
	tables := registry{"composite_tags": compositeTags}
	for name, table := range known {
		tables[name] = table
	}
	plan, err := sqltext.Read(text, sqltext.Options{
		Dialect: d, Tables: tables, Raw: true, Vars: vars,
	})
	require.NoError(t, err, text)
	return plan
}

func TestRewrite_places_of_arguments(t *testing.T) {
	t.Parallel()
	text := "SELECT ?, (SELECT count(*) FROM tasks WHERE id > ?) AS n FROM projects p WHERE id < ? ORDER BY ?"
	edited, err := read(t, sqltext.SQLite, text, 4).Rewrite(always)
	require.NoError(t, err)
	args := []any{1, 2, 3, 4}
	for _, at := range edited.Insert {
		args = slices.Insert(args, at, any("a"))
	}
	require.Equal(t, []any{1, 2, "a", 3, "a", 4}, args)
	require.Equal(t, []*sqltext.Table{tasks, projects}, edited.Tables)

	edited, err = read(t, sqltext.Postgres, numbered(sqltext.Postgres, text), 4).Rewrite(always)
	require.NoError(t, err)
	require.Equal(t, []int{4, 5}, edited.Insert)
	require.Contains(t, edited.Text, `"p"."tenant_id" = $`)
}

func TestRewrite_arguments_of_the_outer_statement(t *testing.T) {
	t.Parallel()
	plan, err := sqltext.Read("SELECT id FROM projects WHERE id = ?", sqltext.Options{
		Dialect: sqltext.SQLite, Tables: known, Vars: 3, First: 2,
	})
	require.NoError(t, err)
	edited, err := plan.Rewrite(always)
	require.NoError(t, err)
	require.Equal(t, []int{3}, edited.Insert)

	plan, err = sqltext.Read("SELECT id FROM projects WHERE tenant_id = ?", sqltext.Options{
		Dialect: sqltext.SQLite, Tables: known, Vars: 3, First: 2,
	})
	require.NoError(t, err)
	require.Equal(t, 2, plan.Bound()[0].Var)
}

func TestRewrite_one_number_for_each_column(t *testing.T) {
	t.Parallel()
	edited, err := read(t, sqltext.Postgres, "SELECT 1 FROM projects a, projects b, tasks c", 0).Rewrite(always)
	require.NoError(t, err)
	require.Equal(t, `SELECT 1 FROM projects a, projects b, tasks c `+
		`WHERE "a"."tenant_id" = $1 AND "b"."tenant_id" = $1 AND "c"."tenant_id" = $2`, edited.Text)
	require.Equal(t, []int{0, 1}, edited.Insert)
}

func TestPlan_bound_argument_is_not_the_tenant(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "SELECT 1 FROM projects p, tasks t WHERE p.tenant_id = ? AND t.tenant_id = ?", 2)
	require.Len(t, plan.Bound(), 2)
	first := func(b sqltext.Bound) bool { return b.Var == 0 }
	require.False(t, plan.Proved(first))
	edited, err := plan.Rewrite(first)
	require.NoError(t, err)
	require.Equal(t, `SELECT 1 FROM projects p, tasks t `+
		`WHERE (p.tenant_id = ? AND t.tenant_id = ?) AND "t"."tenant_id" = ?`, edited.Text)
	require.Equal(t, []int{2}, edited.Insert)
	require.True(t, plan.Proved(always))

	again, err := plan.Rewrite(first)
	require.NoError(t, err)
	require.Same(t, edited, again, "it is written once")
}

func TestPlan_alternatives_of_one_reference(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "SELECT 1 FROM projects WHERE tenant_id = ? AND tenant_id = ?", 2)
	require.True(t, plan.Proved(func(b sqltext.Bound) bool { return b.Var == 1 }))
	require.False(t, plan.Proved(func(sqltext.Bound) bool { return false }))
}

func TestPlan_row_of_another_tenant(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "INSERT INTO projects (id, tenant_id) VALUES (1, ?), (2, ?)", 2)
	second := func(b sqltext.Bound) bool { return b.Var == 0 }
	require.False(t, plan.Proved(second), "each row counts")
	_, err := plan.Rewrite(second)
	var refusal *sqltext.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, sqltext.NotTenant, refusal.Reason)
	require.Equal(t, []*sqltext.Table{projects}, plan.Tables())
}

func TestPlan_type_of_a_polymorphic_side(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "SELECT 1 FROM labels x JOIN tags g ON g.id = x.tag_id WHERE g.tenant_id = ? "+
		"AND (x.labelled_type <> ? OR EXISTS (SELECT 1 FROM projects p WHERE p.id = x.labelled_id AND p.tenant_id = ?))", 3)
	require.True(t, plan.Proved(always))
	other := func(b sqltext.Bound) bool { return b.Value != "projects" }
	require.False(t, plan.Proved(other), "a condition on another type limits nothing")
	edited, err := plan.Rewrite(other)
	require.NoError(t, err)
	require.Contains(t, edited.Text, `"labelled_type" IS NOT 'projects'`)
}

func TestPlan_several_tenant_columns(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "SELECT 1 FROM composite_tags WHERE project_tenant_id = ?", 1)
	require.False(t, plan.Proved(always), "each column counts")
	edited, err := plan.Rewrite(always)
	require.NoError(t, err)
	require.Equal(t, `SELECT 1 FROM composite_tags WHERE (project_tenant_id = ?) `+
		`AND "composite_tags"."tag_tenant_id" = ?`, edited.Text)
	require.Equal(t, []int{1}, edited.Columns)

	plan = read(t, sqltext.SQLite, "INSERT INTO composite_tags (tag_tenant_id, project_tenant_id) VALUES (?, ?)", 2)
	require.Len(t, plan.Bound(), 2)
	require.True(t, plan.Proved(always))
	require.False(t, plan.Proved(func(b sqltext.Bound) bool { return b.Column == 0 }))

	_, err = sqltext.Read("INSERT INTO composite_tags (tag_tenant_id) VALUES (?)", sqltext.Options{
		Dialect: sqltext.SQLite, Tables: registry{"composite_tags": compositeTags}, Vars: 1,
	})
	require.Error(t, err)
}

func TestPlan_tables(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.Postgres, "UPDATE projects SET name = 'x' FROM tasks a, tasks b, countries", 0)
	require.Equal(t, []*sqltext.Table{projects, tasks}, plan.Tables())
	plan = read(t, sqltext.SQLite, "WITH t AS (SELECT 1 FROM tasks) DELETE FROM projects", 0)
	require.Equal(t, []*sqltext.Table{projects, tasks}, plan.Tables(), "what is changed first")
	plan = read(t, sqltext.SQLite, "SELECT 1 FROM tags, tags t WHERE EXISTS (SELECT 1 FROM tasks)", 0)
	require.Equal(t, []*sqltext.Table{tags, tasks}, plan.Tables(), "in the order of the text")
}

func TestPlan_many_goroutines(t *testing.T) {
	t.Parallel()
	plan := read(t, sqltext.SQLite, "SELECT 1 FROM projects p, tasks t WHERE p.tenant_id = ?", 1)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			edited, err := plan.Rewrite(func(sqltext.Bound) bool { return i%2 == 0 })
			if err != nil || len(edited.Insert) != 1+i%2 {
				t.Errorf("%v %v", edited, err)
			}
		})
	}
	all.Wait()
}

func TestPlan_more_references_than_bits(t *testing.T) {
	t.Parallel()
	text := "SELECT 1 FROM projects WHERE tenant_id = ?" + strings.Repeat(" UNION SELECT 1 FROM projects WHERE tenant_id = ?", 99)
	plan := read(t, sqltext.SQLite, text, 100)
	edited, err := plan.Rewrite(func(b sqltext.Bound) bool { return b.Ref != 80 })
	require.NoError(t, err)
	require.Len(t, edited.Insert, 37, "all behind the sixty-third are limited with one of them")
}

const nonce = "nonce:5f0c"

func TestRead_marks(t *testing.T) {
	t.Parallel()
	sealed, open, end := sqltext.SealedMark(nonce), sqltext.OpenMark(nonce), sqltext.EndMark(nonce)
	for _, c := range []struct{ name, text, want string }{
		{
			"sealed", "SELECT * FROM projects WHERE id IN (" + sealed + "SELECT id FROM tasks" + end + ")",
			`SELECT * FROM projects WHERE (id IN (SELECT id FROM tasks)) AND "projects"."tenant_id" = ?`,
		},
		{"sealed_alone", "SELECT (" + sealed + "SELECT id FROM tasks" + end + ")", "clean"},
		{"sealed_in_from", "SELECT * FROM (" + sealed + "SELECT id FROM tasks" + end + ") AS t", "clean"},
		{
			"open", "SELECT * FROM (" + open + "SELECT id FROM tasks" + end + ") AS t",
			`SELECT * FROM (SELECT id FROM tasks WHERE "tasks"."tenant_id" = ?) AS t`,
		},
		{
			"open_arms", "SELECT * FROM (" + open + "SELECT id FROM tasks" + end + " UNION " + open + "SELECT id FROM tags" + end + ") AS t",
			`SELECT * FROM (SELECT id FROM tasks WHERE "tasks"."tenant_id" = ? UNION SELECT id FROM tags WHERE "tags"."tenant_id" = ?) AS t`,
		},
		{
			"sealed_arm", "SELECT * FROM (" + sealed + "SELECT id FROM tasks" + end + " UNION ALL " + open + "SELECT id FROM tags" + end + ") AS t",
			`SELECT * FROM (SELECT id FROM tasks UNION ALL SELECT id FROM tags WHERE "tags"."tenant_id" = ?) AS t`,
		},
		{
			"open_in_sealed", "SELECT (" + sealed + "SELECT id FROM tasks WHERE id IN (" + open + "SELECT 1" + end + ")" + end + ")",
			"clean",
		},
		{"words_stay_apart", "SELECT id FROM" + open + "tasks" + end + "WHERE 1 = 1", `SELECT id FROM tasks WHERE (1 = 1) AND "tasks"."tenant_id" = ?`},
		{"sealed_not_whole", "SELECT * FROM projects WHERE id IN (" + sealed + "SELECT id FROM tasks" + end + " LIMIT 1)", "[forged mark]"},
		{"sealed_behind_a_word", "SELECT * FROM projects WHERE id IN (1, " + sealed + "SELECT id FROM tasks" + end + ")", "[forged mark]"},
		{"sealed_closes_parentheses", "SELECT * FROM (" + sealed + "SELECT 1) x, tasks, (SELECT 1" + end + ") AS t", "[forged mark]"},
		{"sealed_arm_closes_parentheses", "SELECT (" + sealed + "SELECT 1) UNION SELECT id FROM tasks WHERE (1 = 1" + end + " UNION SELECT 1)", "[forged mark]"},
		{"sealed_with_a_space", "SELECT * FROM (" + sealed + "SELECT 1" + end + " ) AS t, tasks", `SELECT * FROM (SELECT 1 ) AS t, tasks WHERE "tasks"."tenant_id" = ?`},
		{"sealed_values_with_a_space", "SELECT * FROM (" + sealed + "VALUES (1)" + end + " ) AS t, tasks", "[forged mark]"},
		{"sealed_view", "CREATE VIEW v AS " + sealed + "SELECT id FROM tasks" + end, "clean"},
		{"sealed_view_with_check", "CREATE OR REPLACE VIEW v AS " + sealed + "SELECT id FROM tasks" + end + " WITH CHECK OPTION;", "clean"},
		{"sealed_table", "CREATE TABLE v AS (" + sealed + "SELECT id FROM tasks" + end + ")", "clean"},
		{"sealed_view_and_an_arm", "CREATE VIEW v AS " + sealed + "SELECT 1" + end + " UNION SELECT id FROM tasks", "[forged mark]"},
		{"sealed_view_and_a_table", "CREATE VIEW v AS " + sealed + "SELECT 1 FROM (SELECT 1) AS t" + end + ", tasks", "[forged mark]"},
		{"sealed_view_with_a_query", "CREATE VIEW v AS " + sealed + "SELECT 1" + end + " WITH t AS (SELECT id FROM tasks)", "[command]"},
		{"sealed_view_of_several", "CREATE VIEW v AS " + sealed + "SELECT 1" + end + "; SELECT id FROM tasks", "[several statements]"},
		{"sealed_label", "SELECT 1 AS " + sealed + "SELECT id FROM tasks" + end, "[forged mark]"},
		{"open_view", "CREATE VIEW v AS " + open + "SELECT id FROM tasks" + end, "[command]"},
		{"without_end", "SELECT * FROM (" + sealed + "SELECT id FROM tasks) AS t", "[forged mark]"},
		{"without_start", "SELECT * FROM (SELECT id FROM tasks" + end + ") AS t", "[forged mark]"},
		{"in_a_string", "SELECT '" + sealed + "' FROM projects", "[forged mark]"},
		{"in_a_comment", "SELECT 1 FROM projects /* " + nonce + " */", "[forged mark]"},
		{"end_in_a_comment", "SELECT * FROM (" + sealed + "SELECT id FROM tasks -- " + end + ") AS t\n)", "[forged mark]"},
		{"another_kind", "SELECT (!" + nonce + "x!SELECT 1" + end + ")", "[forged mark]"},
		{"nonce_alone", "SELECT " + nonce, "[forged mark]"},
	} {
		o := sqltext.Options{Dialect: sqltext.SQLite, Tables: known, Raw: true, Nonce: nonce}
		got := result(c.text, o, always)
		require.Equal(t, c.want, got, c.name)
		plan, err := sqltext.Read(c.text, o)
		if err == nil {
			require.NotContains(t, plan.Text(), nonce, c.name)
		}
	}
}

func TestRead_strings_of_two_kinds(t *testing.T) {
	t.Parallel()
	backslash := `SELECT '\' FROM tasks -- ' FROM projects`
	for _, c := range []struct {
		name, text, want string
		o                sqltext.Options
	}{
		{"backslash", backslash, "[unreadable]", sqltext.Options{Dialect: sqltext.Postgres}},
		{"backslash_and_the_same", `SELECT 'a\b' FROM tasks`, `SELECT 'a\b' FROM tasks WHERE "tasks"."tenant_id" = $1`, sqltext.Options{Dialect: sqltext.Postgres}},
		{"backslash_of_nobodys", `SELECT '\' FROM countries -- ' FROM notes`, "clean", sqltext.Options{Dialect: sqltext.Postgres}},
		{"backslash_of_nobodys_in_one", `SELECT '\' FROM countries -- ' FROM projects`, "[unreadable]", sqltext.Options{Dialect: sqltext.Postgres}},
		{"ansi_quotes", `SELECT "x" FROM "projects"`, "[unreadable]", sqltext.Options{Dialect: sqltext.MySQL}},
		{"run_comment", "SELECT 1 /*!50110 FROM projects */", "[unreadable]", sqltext.Options{Dialect: sqltext.MySQL}},
		{"other_the_same", `SELECT "id" FROM "projects" WHERE "projects"."tenant_id" = ?`, "proved", sqltext.Options{Vars: 1}},
		{"other_of_sql_server", `SELECT "id" FROM "projects" WHERE "name" = @p1 AND "projects"."tenant_id" = @p2 ORDER BY "id" OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY`, "proved", sqltext.Options{Vars: 2}},
		{"other_insert_of_sql_server", `INSERT INTO "projects" ("name","tenant_id") OUTPUT INSERTED."id" VALUES (@p1,@p2);`, "proved", sqltext.Options{Vars: 2}},
		{"other_merge_of_sql_server", `MERGE INTO "projects" USING (VALUES(@p1)) AS excluded ("id") ON 1 = 1 WHEN MATCHED THEN UPDATE SET "name" = 'x';`, "[command]", sqltext.Options{Vars: 1}},
		{"other_without_placeholders", `SELECT "id" FROM "projects"`, `SELECT "id" FROM "projects" WHERE "projects"."tenant_id" = @p1`, sqltext.Options{Numbered: "@p"}},
		{"other_differs", "WITH projects AS (SELECT * FROM projects) SELECT * FROM projects", "[unreadable]", sqltext.Options{}},
		{"other_comments_differ", "SELECT /* /* */ 1 FROM countries -- */ * FROM projects", "[unreadable]", sqltext.Options{}},
		{"other_of_nobodys", "SELECT [x] FROM countries", "clean", sqltext.Options{}},
	} {
		c.o.Tables, c.o.Raw = known, true
		require.Equal(t, c.want, result(c.text, c.o, always), c.name)
	}
}

func TestRead_own_table_under_another_name(t *testing.T) {
	t.Parallel()
	o := sqltext.Options{Dialect: sqltext.Postgres, Tables: known, Own: projects, OwnName: "archive.projects_2024"}
	require.Equal(t, `SELECT * FROM "archive"."projects_2024" WHERE "projects_2024"."tenant_id" = $1`,
		result(`SELECT * FROM "archive"."projects_2024"`, o, always))
	require.Equal(t, "[not found]", result(`SELECT * FROM "projects_2023"`, o, always))
}

func TestRead_long_names(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	table := &sqltext.Table{Name: long, Columns: []string{"tenant_id"}}
	o := sqltext.Options{Dialect: sqltext.Postgres, Tables: registry{long[:63]: table}, Raw: true}
	for _, name := range []string{long, long[:63], long[:64], `"` + long + `"`} {
		require.NotEqual(t, "clean", result("SELECT * FROM "+name, o, always), name)
	}
	require.Equal(t, "clean", result("SELECT * FROM "+long[:62], o, always))
	require.Equal(t, "clean", result("WITH "+long[:70]+" AS (SELECT 1) SELECT * FROM "+long, o, always), "both are cut to the same name")
}

func TestRead_large_texts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"deep_parentheses", "SELECT * FROM projects WHERE " + strings.Repeat("(", 1e5) + "1" + strings.Repeat(")", 1e5), "[too large]"},
		{"deep_sub_queries", strings.Repeat("SELECT * FROM (", 1e4) + "projects" + strings.Repeat(")", 1e4), "[too large]"},
		{"deep_brackets", "SELECT * FROM projects WHERE a = ARRAY" + strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5), "[too large]"},
		{"deep_cte", strings.Repeat("WITH x AS (", 1e4) + "SELECT * FROM projects" + strings.Repeat(")", 1e4), "[too large]"},
		{"nested_joins", "SELECT * FROM projects" + strings.Repeat(" JOIN (tasks", 1e4) + strings.Repeat(")", 1e4), "[too large]"},
		{"joins_without_on", "SELECT * FROM projects" + strings.Repeat(" JOIN tasks", 1e4) + strings.Repeat(" ON 1 = 1", 1e4), "[too large]"},
		{"ten_thousand_tables", "SELECT * FROM projects" + strings.Repeat(", tasks", 1e4), "[too large]"},
		{"many_common_tables", "WITH x AS (SELECT 1)" + strings.Repeat(", x AS (SELECT * FROM projects)", 1e4) + " SELECT 1", "[too large]"},
		{"open_brackets", "SELECT * FROM projects WHERE a = " + strings.Repeat("[", 1e5), "[unreadable]"},
		{"deep_of_nobodys", "SELECT " + strings.Repeat("(", 1e5), "clean"},
	} {
		o := sqltext.Options{Dialect: sqltext.Postgres, Tables: known, Raw: true}
		require.Equal(t, c.want, result(c.text, o, always), c.name)
	}
}

func TestRead_allocations(t *testing.T) {
	o := sqltext.Options{Dialect: sqltext.Postgres, Tables: lowerOnly(known), Raw: true, Vars: 1}
	for _, c := range []struct {
		text string
		most float64
	}{
		{"SELECT c.name, count(n.id) FROM countries c LEFT JOIN notes n ON n.body = c.name WHERE c.code = $1 GROUP BY c.id", 8},
		{"SELECT p.name, count(t.id) FROM projects p LEFT JOIN tasks t ON t.project_id = p.id WHERE p.tenant_id = $1 GROUP BY p.id", 40},
	} {
		got := testing.AllocsPerRun(100, func() { result(c.text, o, always) })
		require.LessOrEqual(t, got, c.most, c.text)
	}
	plan, err := sqltext.Read("SELECT 1 FROM projects WHERE tenant_id = $1", o)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { plan.Proved(always) }))
}

// lowerOnly is a registry that allocates nothing.
type lowerOnly registry

func (r lowerOnly) Lookup(_, name string) *sqltext.Table { return r[name] }

func TestRefusal_tells_what_to_do(t *testing.T) {
	t.Parallel()
	for _, r := range rules {
		plan, err := sqltext.Read(r.text, r.options(sqltext.SQLite, r.text))
		var refusal *sqltext.Refusal
		if errors.As(err, &refusal) {
			require.Nil(t, plan)
			require.NotEmpty(t, refusal.Detail, r.name)
			require.NotContains(t, fmt.Sprint(refusal.Reason), "unknown", r.name)
			require.LessOrEqual(t, refusal.Pos, len(r.text), r.name)
		}
	}
}
