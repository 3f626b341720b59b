package sqltext_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	_ "github.com/glebarez/go-sqlite" // The driver "sqlite".
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// judge runs a text as tenant a in a database that a shares with b, through its plan, and as it is
// in a database that holds the rows of a alone. It says what differs.
type judge struct {
	dialect     sqltext.Dialect
	shared, own *sql.DB
}

var (
	projects = &sqltext.Table{Name: "projects", Columns: []string{"tenant_id"}}
	tasks    = &sqltext.Table{Name: "tasks", Columns: []string{"tenant_id"}}
	users    = &sqltext.Table{Name: "users", Columns: []string{"tenant_id"}}
	tags     = &sqltext.Table{Name: "tags", Columns: []string{"tenant_id"}}
	// projectTags joins projects and tags, and has no tenant column.
	projectTags = &sqltext.Table{Name: "project_tags", Sides: []sqltext.Side{
		{Columns: []string{"project_id"}, Target: projects, Keys: []string{"id"}},
		{Columns: []string{"tag_id"}, Target: tags, Keys: []string{"id"}},
	}}
	// labels joins tags and whatever labelled_type says.
	labels = &sqltext.Table{Name: "labels", Sides: []sqltext.Side{
		{Columns: []string{"tag_id"}, Target: tags, Keys: []string{"id"}},
		{
			Columns: []string{"labelled_id"}, Target: projects, Keys: []string{"id"},
			TypeColumn: "labelled_type", TypeValue: "projects",
		},
	}}
)

// registry knows tables by their names in lower case, in every schema.
type registry map[string]*sqltext.Table

func (r registry) Lookup(_, name string) *sqltext.Table {
	if t, ok := r[name]; ok {
		return t
	}
	return r[strings.ToLower(name)]
}

var known = registry{
	"projects": projects, "tasks": tasks, "users": users, "tags": tags,
	"project_tags": projectTags, "labels": labels,
}

// schema is the tables of the judge. Those of the last two lines are nobody's.
const schema = `
CREATE TABLE projects (id integer PRIMARY KEY, tenant_id text NOT NULL, name text, owner_id integer, budget integer);
CREATE TABLE tasks (id integer PRIMARY KEY, tenant_id text NOT NULL, project_id integer, title text, hours integer, done boolean);
CREATE TABLE users (id integer PRIMARY KEY, tenant_id text NOT NULL, name text, manager_id integer);
CREATE TABLE tags (id integer PRIMARY KEY, tenant_id text NOT NULL, name text);
CREATE TABLE project_tags (project_id integer, tag_id integer, PRIMARY KEY (project_id, tag_id));
CREATE TABLE labels (tag_id integer, labelled_id integer, labelled_type text);
CREATE TABLE countries (id integer PRIMARY KEY, name text, code text);
CREATE TABLE notes (id integer PRIMARY KEY, project_id integer, body text, tags text);`

// nobodys is the rows of the tables that both databases have whole.
const nobodys = `
INSERT INTO countries (id, name, code) VALUES (1, 'x', 'a'), (2, 'y', 'b'), (3, 'z', NULL);
INSERT INTO notes (id, project_id, body, tags) VALUES (1, 1, 'one', 'x'), (2, 5, 'two', 'y'), (3, 2, 'three', NULL), (4, NULL, 'four', 'z'), (5, 9, 'five', 'x');`

// rowsOf are the rows of each tenant. Some refer to rows of the other one, which in a database of
// the tenant's own are not there.
func rowsOf(tenant string) string {
	if tenant == "a" {
		return `
INSERT INTO users (id, tenant_id, name, manager_id) VALUES (1, 'a', 'ann', NULL), (2, 'a', 'bob', 1), (3, 'a', 'cem', 1), (4, 'a', 'dee', 11);
INSERT INTO projects (id, tenant_id, name, owner_id, budget) VALUES (1, 'a', 'x', 1, 10), (2, 'a', 'y', 2, 20), (3, 'a', 'z', 11, 30), (4, 'a', 'x', NULL, NULL);
INSERT INTO tasks (id, tenant_id, project_id, title, hours, done) VALUES (1, 'a', 1, 'x', 1, true), (2, 'a', 1, 'y', 2, false), (3, 'a', 2, 'z', 3, true), (4, 'a', 5, 'x', 4, false), (5, 'a', NULL, 'y', 5, NULL);
INSERT INTO tags (id, tenant_id, name) VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'a', 'w');
INSERT INTO project_tags (project_id, tag_id) VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO labels (tag_id, labelled_id, labelled_type) VALUES (1, 1, 'projects'), (2, 1, 'tasks'), (2, 2, 'projects');`
	}
	return `
INSERT INTO users (id, tenant_id, name, manager_id) VALUES (11, 'b', 'ann', NULL), (12, 'b', 'eve', 1), (13, 'b', 'bob', 11);
INSERT INTO projects (id, tenant_id, name, owner_id, budget) VALUES (5, 'b', 'x', 1, 10), (6, 'b', 'y', 11, 20), (7, 'b', 'q', 12, 70), (8, 'b', 'z', NULL, 5);
INSERT INTO tasks (id, tenant_id, project_id, title, hours, done) VALUES (11, 'b', 5, 'x', 1, true), (12, 'b', 1, 'y', 9, false), (13, 'b', 4, 'q', 8, true), (14, 'b', 6, 'z', 3, NULL), (15, 'b', 3, 'x', 2, true);
INSERT INTO tags (id, tenant_id, name) VALUES (11, 'b', 'x'), (12, 'b', 'v'), (13, 'b', 'y');
INSERT INTO project_tags (project_id, tag_id) VALUES (5, 11), (6, 12), (1, 11), (5, 1), (3, 12), (2, 13);
INSERT INTO labels (tag_id, labelled_id, labelled_type) VALUES (11, 5, 'projects'), (1, 5, 'projects'), (11, 1, 'projects'), (12, 1, 'tasks');`
}

// dumps are queries of everything, by table. Rows of join tables are a's if both sides are.
func dumps(tenant string) []string {
	equal := map[string]string{"a": "=", "b": "<>"}[tenant]
	side := func(column, table string) string {
		return "SELECT 1 FROM " + table + " WHERE " + table + ".id = " + column + " AND tenant_id = 'a'"
	}
	both := "EXISTS (" + side("project_id", "projects") + ") AND EXISTS (" + side("tag_id", "tags") + ")"
	label := "EXISTS (" + side("tag_id", "tags") + ") AND (labelled_type <> 'projects' OR EXISTS (" +
		side("labelled_id", "projects") + "))"
	if tenant == "b" {
		both, label = "NOT ("+both+")", "NOT ("+label+")"
	}
	all := []string{"SELECT * FROM project_tags WHERE " + both, "SELECT * FROM labels WHERE " + label}
	for _, table := range []string{"projects", "tasks", "users", "tags"} {
		all = append(all, "SELECT * FROM "+table+" WHERE tenant_id "+equal+" 'a'")
	}
	if tenant == "a" {
		all = append(all, "SELECT * FROM countries", "SELECT * FROM notes")
	}
	return all
}

func newJudge(t testing.TB, d sqltext.Dialect) *judge {
	t.Helper()
	j := &judge{dialect: d}
	for _, db := range []**sql.DB{&j.shared, &j.own} {
		if d == sqltext.SQLite {
			opened, err := sql.Open("sqlite", ":memory:")
			require.NoError(t, err)
			opened.SetMaxOpenConns(1)
			*db = opened
		} else {
			dsn := pgtest.New(t)
			opened, err := sql.Open("pgx", dsn+" default_query_exec_mode=exec jit=off statement_timeout=300")
			if strings.HasPrefix(dsn, "postgres") {
				opened, err = sql.Open("pgx", dsn+map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")]+
					"default_query_exec_mode=exec&jit=off&statement_timeout=300")
			}
			require.NoError(t, err)
			opened.SetMaxOpenConns(1)
			*db = opened
		}
		opened := *db
		t.Cleanup(func() { require.NoError(t, opened.Close()) })
		require.NoError(t, script(opened, schema+nobodys+rowsOf("a")))
	}
	require.NoError(t, script(j.shared, rowsOf("b")))
	return j
}

func script(db *sql.DB, text string) error {
	for statement := range strings.SplitSeq(text, ";\n") {
		if strings.Trim(statement, " \n;") == "" {
			continue
		}
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// outcome is what a text did.
type outcome struct {
	err      error
	columns  []string
	rows     []string
	affected int64
	after    []string // What a write left of a's rows.
	others   []string // What it left of the rows of others.
}

// verdict is what the judge says of a text.
type verdict struct {
	refusal *sqltext.Refusal
	sent    string
	wrong   string
	failed  bool // It fails in the database of the tenant's own too.
}

// edit returns the text and the arguments that are sent for tenant a.
func (j *judge) edit(text string, args []any) (string, []any, error) {
	plan, err := sqltext.Read(text, sqltext.Options{
		Dialect: j.dialect, Tables: known, Raw: true, Vars: len(args),
	})
	if err != nil {
		return "", nil, err
	}
	isA := func(b sqltext.Bound) bool {
		if b.Value != "" {
			return args[b.Var] == any(b.Value)
		}
		return args[b.Var] == any("a")
	}
	if plan.Proved(isA) {
		return plan.Text(), args, nil
	}
	edited, err := plan.Rewrite(isA)
	if err != nil {
		return "", nil, err
	}
	args = slices.Clone(args)
	for _, at := range edited.Insert {
		args = slices.Insert(args, at, any("a"))
	}
	return edited.Text, args, nil
}

var writes = regexp.MustCompile(`(?is)^[\s(]*(WITH\b.*\b)?(INSERT|UPDATE|DELETE|REPLACE)\b`)

// judge compares a text in both databases. ordered says that the order of rows counts.
func (j *judge) judge(text string, ordered bool, args ...any) (v verdict) {
	sent, sentArgs, err := j.edit(text, args)
	if err != nil {
		var refusal *sqltext.Refusal
		if !errors.As(err, &refusal) {
			v.wrong = "not a refusal: " + err.Error()
		}
		v.refusal = refusal
		return v
	}
	v.sent = sent
	change := writes.MatchString(text) && !strings.HasPrefix(strings.TrimSpace(text), "--")
	got := j.run(j.shared, sent, sentArgs, change)
	want := j.run(j.own, text, args, change)
	v.failed = want.err != nil
	v.wrong = difference(got, want, ordered, change)
	return v
}

// late reports whether a server gave up a statement because it took too long.
func late(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "57014"
}

func difference(got, want outcome, ordered, change bool) string {
	if late(got.err) || late(want.err) || len(got.after) != len(want.after) {
		return ""
	}
	if (got.err == nil) != (want.err == nil) {
		return fmt.Sprintf("error %v, alone %v", got.err, want.err)
	}
	if got.err != nil {
		return ""
	}
	if !ordered {
		sort.Strings(got.rows)
		sort.Strings(want.rows)
	}
	switch {
	case !slices.Equal(got.columns, want.columns):
		return fmt.Sprintf("columns %q, alone %q", got.columns, want.columns)
	case !slices.Equal(got.rows, want.rows):
		return fmt.Sprintf("rows %q, alone %q", got.rows, want.rows)
	case got.affected != want.affected:
		return fmt.Sprintf("%d rows affected, alone %d", got.affected, want.affected)
	case change && !slices.Equal(got.after, want.after):
		return fmt.Sprintf("left %q, alone %q", got.after, want.after)
	case change && len(got.others) > 0:
		return fmt.Sprintf("changed rows of others: %q", got.others)
	}
	return ""
}

// run runs a text, in a transaction that is rolled back if it changes rows.
func (j *judge) run(db *sql.DB, text string, args []any, change bool) (o outcome) {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return outcome{err: err}
	}
	defer func() { _ = tx.Rollback() }()
	var before []string
	if change && db == j.shared {
		before = j.dump(tx, "b")
	}
	if change && !strings.Contains(strings.ToUpper(text), "RETURNING") {
		result, err := tx.ExecContext(ctx, text, args...)
		if err != nil {
			return outcome{err: err}
		}
		o.affected, _ = result.RowsAffected()
	} else if o = query(tx, text, args...); o.err != nil {
		return o
	}
	if change {
		o.after = j.dump(tx, "a")
		if db == j.shared {
			o.others = j.lost(tx, before)
		}
	}
	return o
}

// lost returns what a write changed of the rows of others. A row of a join table becomes one of
// theirs where a row of a's that it joins is deleted.
func (j *judge) lost(tx *sql.Tx, before []string) (lost []string) {
	after := j.dump(tx, "b")
	if len(after) != len(before) {
		return nil // The transaction is over.
	}
	for i := range before {
		if i < 2 {
			for row := range strings.SplitSeq(before[i], "\n") {
				if !slices.Contains(strings.Split(after[i], "\n"), row) {
					lost = append(lost, row)
				}
			}
		} else if before[i] != after[i] {
			lost = append(lost, after[i])
		}
	}
	return lost
}

func (j *judge) dump(tx *sql.Tx, tenant string) []string {
	var all []string
	for _, text := range dumps(tenant) {
		o := query(tx, text)
		if o.err != nil {
			return nil // Only because it took too long.
		}
		sort.Strings(o.rows)
		all = append(all, strings.Join(o.rows, "\n"))
	}
	return all
}

func query(tx *sql.Tx, text string, args ...any) (o outcome) {
	rows, err := tx.QueryContext(context.Background(), text, args...)
	if err != nil {
		return outcome{err: err}
	}
	defer func() { _ = rows.Close() }()
	if o.columns, err = rows.Columns(); err != nil {
		return outcome{err: err}
	}
	for rows.Next() {
		values := make([]any, len(o.columns))
		targets := make([]any, len(values))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return outcome{err: err}
		}
		var b strings.Builder
		for _, value := range values {
			if raw, ok := value.([]byte); ok {
				value = string(raw)
			}
			fmt.Fprintf(&b, "%v|", value)
		}
		o.rows = append(o.rows, b.String())
	}
	if err := rows.Err(); err != nil {
		return outcome{err: err}
	}
	return o
}

// numbered writes the placeholders ? of a text as the dialect has them.
func numbered(d sqltext.Dialect, text string) string {
	if d != sqltext.Postgres {
		return text
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}
