package schemas_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// rich makes a schema with one of each kind of object that others can refer to, and that refers to
// what is shared.
var rich = sqlStep("0001", `
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN code AS text CHECK (length(VALUE) < 9);
CREATE TYPE span AS RANGE (subtype = int8);
CREATE SEQUENCE numbers;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
CREATE FUNCTION is_red(c color) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT c = 'red' $$;
CREATE FUNCTION same(a color, b color) RETURNS bool LANGUAGE sql AS 'SELECT a::text = b::text';
CREATE OPERATOR === (LEFTARG = color, RIGHTARG = color, FUNCTION = same);
CREATE FUNCTION to_code(color) RETURNS code LANGUAGE sql AS 'SELECT $1::text::code';
CREATE CAST (color AS code) WITH FUNCTION to_code(color);
CREATE CAST (text AS color) WITH INOUT;
CREATE COLLATION plain (LOCALE = 'C');
CREATE TEXT SEARCH CONFIGURATION words (COPY = pg_catalog.simple);
CREATE TABLE projects (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text DEFAULT next_code(),
	color color CHECK (is_red(color)), country_code text REFERENCES shared.countries
);
CREATE STATISTICS spread ON name, color FROM projects;
CREATE TABLE events (id bigint, day date) PARTITION BY RANGE (day);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON events (id);
CREATE VIEW reds AS SELECT p.id, c.code FROM projects AS p JOIN shared.countries AS c ON true;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM projects;
CREATE TRIGGER touch BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY reading ON projects USING (is_red(color));
CREATE FUNCTION all_reds() RETURNS SETOF projects LANGUAGE sql BEGIN ATOMIC TABLE projects; END;`)

// crossings is what others have that DROP SCHEMA ... CASCADE would take. "@" is the schema.
var crossings = []struct {
	name   string
	make   string
	named  string // in the error
	remove string
}{
	{
		"view", "CREATE VIEW shared.report AS SELECT id FROM @.projects",
		"view shared.report", "DROP VIEW shared.report",
	},
	{
		"view_of_a_view", "CREATE VIEW shared.report AS SELECT id FROM @.reds",
		"view shared.report", "DROP VIEW shared.report",
	},
	{
		"materialized_view", "CREATE MATERIALIZED VIEW shared.report AS SELECT n FROM @.counted",
		"materialized view shared.report", "DROP MATERIALIZED VIEW shared.report",
	},
	{
		"foreign_key", "CREATE TABLE shared.report (id bigint REFERENCES @.projects)",
		"table constraint report_id_fkey on shared.report", "DROP TABLE shared.report",
	},
	{
		"inherits", "CREATE TABLE shared.report () INHERITS (@.projects); " +
			"INSERT INTO shared.report (id, name) VALUES (1, 'kept')",
		"table shared.report", "DROP TABLE shared.report",
	},
	{
		"partition", "CREATE TABLE shared.report PARTITION OF @.events DEFAULT; " +
			"INSERT INTO @.events VALUES (1, '2031-01-01')",
		"table shared.report", "DROP TABLE shared.report",
	},
	{
		"column_of_an_enum", "CREATE TABLE shared.report (id int, c @.color); " +
			"INSERT INTO shared.report VALUES (1, 'red')",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_of_an_array", "CREATE TABLE shared.report (id int, c @.color[])",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_of_a_domain", "CREATE TABLE shared.report (id int, c @.code)",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_of_a_composite", "CREATE TABLE shared.report (id int, c @.pair)",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_of_a_row", "CREATE TABLE shared.report (id int, c @.projects)",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_of_a_multirange", "CREATE TABLE shared.report (id int, c @.span_multirange)",
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"column_with_a_collation", `CREATE TABLE shared.report (c text COLLATE @.plain)`,
		"table column shared.report.c", "DROP TABLE shared.report",
	},
	{
		"table_of_a_type", "CREATE TABLE shared.report OF @.pair",
		"table shared.report", "DROP TABLE shared.report",
	},
	{
		"column_of_the_shared_table", "ALTER TABLE shared.countries ADD c @.color",
		"table column shared.countries.c", "ALTER TABLE shared.countries DROP c",
	},
	{
		"domain_over_an_enum", "CREATE DOMAIN shared.hue AS @.color",
		"type shared.hue", "DROP DOMAIN shared.hue",
	},
	{
		"default_with_a_function", "CREATE TABLE shared.report (c text DEFAULT @.next_code())",
		"default value for shared.report.c", "DROP TABLE shared.report",
	},
	{
		"default_with_a_sequence",
		"CREATE TABLE shared.report (c int DEFAULT nextval('@.numbers'))",
		"default value for shared.report.c", "DROP TABLE shared.report",
	},
	{
		"check_with_a_function", "CREATE TABLE shared.report (c text CHECK (c <> @.next_code()))",
		"table constraint report_c_check on shared.report", "DROP TABLE shared.report",
	},
	{
		"index_with_a_cast", "CREATE TABLE shared.report (c text); " +
			"CREATE INDEX by_color ON shared.report ((c COLLATE @.plain))",
		"index shared.by_color", "DROP TABLE shared.report",
	},
	{
		"trigger", "CREATE TRIGGER report BEFORE UPDATE ON shared.countries " +
			"FOR EACH ROW EXECUTE FUNCTION @.touch()",
		"trigger report on shared.countries", "DROP TRIGGER report ON shared.countries",
	},
	{
		"policy", "CREATE POLICY report ON shared.countries USING (EXISTS (TABLE @.projects))",
		"policy report on shared.countries", "DROP POLICY report ON shared.countries",
	},
	{
		"rule", "CREATE RULE report AS ON DELETE TO shared.countries " +
			"DO ALSO DELETE FROM @.projects",
		"rule report on shared.countries", "DROP RULE report ON shared.countries",
	},
	{
		"function_with_a_body", "CREATE FUNCTION shared.report() RETURNS bigint LANGUAGE sql " +
			"BEGIN ATOMIC SELECT count(*) FROM @.projects; END",
		"function shared.report()", "DROP FUNCTION shared.report()",
	},
	{
		"function_with_an_argument", "CREATE FUNCTION shared.report(@.color) RETURNS int " +
			"LANGUAGE sql AS 'SELECT 1'",
		"function shared.report(@.color)", "DROP FUNCTION shared.report(@.color)",
	},
	{
		"procedure", "CREATE PROCEDURE shared.report(@.projects) LANGUAGE sql AS 'SELECT 1'",
		"procedure shared.report(@.projects)", "DROP PROCEDURE shared.report(@.projects)",
	},
	{
		"operator", "CREATE OPERATOR shared.== (LEFTARG = int, RIGHTARG = @.color, " +
			"FUNCTION = @.of_int)",
		"operator shared.==(integer,@.color)", "DROP OPERATOR shared.== (int, @.color)",
	},
	{
		"cast_from_a_shared_type", "CREATE TYPE shared.pair AS (a int, b int); " +
			"CREATE CAST (shared.pair AS @.pair) WITH INOUT",
		"cast (shared.pair AS @.pair)",
		"DROP CAST (shared.pair AS @.pair); DROP TYPE shared.pair",
	},
	{
		"statistics", "CREATE STATISTICS shared.report ON id, name FROM @.projects",
		"statistics object shared.report", "DROP STATISTICS shared.report",
	},
	{
		"publication", "CREATE PUBLICATION report FOR TABLE @.projects",
		"publication relation @.projects in publication report", "DROP PUBLICATION report",
	},
	{
		"publication_of_the_schema", "CREATE PUBLICATION report FOR TABLES IN SCHEMA @",
		"publication namespace @ in publication report", "DROP PUBLICATION report",
	},
	{
		"event_trigger", "CREATE FUNCTION @.hear() RETURNS event_trigger LANGUAGE plpgsql AS " +
			"'BEGIN END'; CREATE EVENT TRIGGER report_@ ON sql_drop EXECUTE FUNCTION @.hear()",
		"event trigger report_@", "DROP EVENT TRIGGER report_@",
	},
	{
		"temporary_table_of_another_session", "CREATE TEMP TABLE report (c @.color)",
		".report.c", "DROP TABLE report",
	},
	{
		"text_search", "CREATE TABLE shared.report (c text); " +
			"CREATE INDEX by_word ON shared.report " +
			"USING gin (to_tsvector('@.words', c))",
		"index shared.by_word", "DROP TABLE shared.report",
	},
}

// extra is what a crossing needs in the schema, and what is not the schema's kind of thing.
const extra = "CREATE FUNCTION @.of_int(int, @.color) RETURNS bool LANGUAGE sql AS 'SELECT true'"

func TestDrop_takes_nothing_that_others_have(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Migrations(rich))
	acme := h.id("acme")
	require.NoError(t, s.Provision(t.Context(), acme))
	name := "tenant_" + acme
	super := h.session(t)
	in := func(text string) string { return strings.ReplaceAll(text, "@", name) }
	do := func(statement string) error {
		_, err := super.Exec(t.Context(), in(statement))
		return err
	}
	require.NoError(t, do(extra))
	for _, c := range crossings {
		if err := do(c.make); err != nil {
			require.Equal(t, "publication_of_the_schema", c.name, "%v", err)
			require.ErrorContains(t, err, "syntax error", "from PostgreSQL 15")
			continue
		}
		before := h.catalog(t)
		err := s.Deprovision(t.Context(), acme, schemas.Confirmation(name))
		require.ErrorContains(t, err, "nothing was dropped", c.name)
		require.ErrorContains(t, err, in(c.named), c.name)
		require.Equal(t, before, h.catalog(t), c.name)
		require.NoError(t, do(c.remove), c.name)
	}
	require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation(name)))
	require.Equal(t, "countries\ncountries_pkey", h.text(t,
		"SELECT relname FROM pg_class WHERE relnamespace IN ('shared'::regnamespace, "+
			"'public'::regnamespace) ORDER BY 1"))
}

// What is not committed yet cannot be seen, and is waited for.
func TestDrop_waits_for_who_makes_something_that_depends(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Migrations(rich))
	acme := h.id("acme")
	require.NoError(t, s.Provision(t.Context(), acme))
	name := "tenant_" + acme
	for _, c := range []struct{ name, statement, named string }{
		{"table", "CREATE VIEW shared.report AS SELECT id FROM @.projects", "view shared.report"},
		{"view", "CREATE VIEW shared.report AS SELECT id FROM @.reds", "view shared.report"},
		{
			"materialized_view", "CREATE VIEW shared.report AS SELECT n FROM @.counted",
			"view shared.report",
		},
		{
			"foreign_key", "CREATE TABLE shared.report (id bigint REFERENCES @.projects)",
			"table constraint report_id_fkey",
		},
		{"inherits", "CREATE TABLE shared.report () INHERITS (@.projects)", "table shared.report"},
		{"function", "CREATE FUNCTION shared.report() RETURNS bigint LANGUAGE sql " +
			"BEGIN ATOMIC SELECT count(*) FROM @.projects; END", "function shared.report()"},
	} {
		other, err := h.session(t).Begin(t.Context())
		require.NoError(t, err)
		_, err = other.Exec(t.Context(), strings.ReplaceAll(c.statement, "@", name))
		require.NoError(t, err, c.name)
		dropped := make(chan error, 1)
		go func() { dropped <- s.Deprovision(t.Context(), acme, schemas.Confirmation(name)) }()
		for h.text(t, "SELECT 1 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "+
			"WHERE NOT granted AND datname = current_database()") == "" {
			require.Empty(t, dropped, "%s: it did not wait", c.name)
		}
		require.NoError(t, other.Commit(t.Context()))
		require.ErrorContains(t, <-dropped, c.named, c.name)
		kind, _, _ := strings.Cut(strings.TrimPrefix(c.statement, "CREATE "), " ")
		h.do(t, "DROP "+kind+" shared.report")
	}
	require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation(name)))
}

func TestDrop_of_a_role_leaves_what_it_owns_elsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Roles(), schemas.Migrations(rich))
	acme := h.id("acme")
	require.NoError(t, s.Provision(t.Context(), acme))
	name := "tenant_" + acme
	super := h.session(t)
	_, err := super.Exec(t.Context(), "CREATE TABLE shared.notes (text text); "+
		"ALTER TABLE shared.notes OWNER TO "+name+"; "+
		"CREATE TEMP TABLE scratch (text text); ALTER TABLE scratch OWNER TO "+name+"; "+
		"SELECT lo_create(4711); ALTER LARGE OBJECT 4711 OWNER TO "+name)
	require.NoError(t, err)
	before := h.catalog(t)
	err = s.Deprovision(t.Context(), acme, schemas.Confirmation(name))
	require.ErrorContains(t, err, "nothing was dropped")
	require.ErrorContains(t, err, "drop or change first: table shared.notes")
	require.NotContains(t, err.Error(), "scratch")
	require.Equal(t, before, h.catalog(t))

	h.do(t, "ALTER TABLE shared.notes OWNER TO "+h.owner.User)
	require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation(name)))
	require.Equal(t, "shared.notes", h.text(t, "SELECT to_regclass('shared.notes')::text"))
}

// session is one connection of the superuser.
func (h *house) session(t *testing.T) *pgx.Conn {
	t.Helper()
	config := h.owner.Copy()
	config.User, config.Password = h.superUser, h.superPassword
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
