package sqltext_test

import (
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

func TestTraceOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want sqltext.Trace
		text string
	}{
		{sqltext.NoTrace, ""},
		{sqltext.NoTrace, "-- ping"},
		{sqltext.NoTrace, `SELECT * FROM "projects" WHERE ("a" = $1 OR b = 'set_config(') AND tenant_id = $2`},
		{sqltext.NoTrace, "(SELECT 1) UNION (SELECT 2) ORDER BY 1;"},
		{sqltext.NoTrace, "select count(*), lower(name), pg_advisory_xact_lock(7), id::text from projects group by 2 ; -- end"},
		{sqltext.NoTrace, "WITH x AS (INSERT INTO a VALUES (1) RETURNING id) SELECT * FROM x"},
		{sqltext.NoTrace, `INSERT INTO "docs" ("set_config","into") VALUES ('x; PREPARE y','\\x')`},
		{sqltext.NoTrace, "INSERT INTO docs SELECT * FROM other ON CONFLICT DO NOTHING"},
		{sqltext.NoTrace, "MERGE INTO docs USING other ON true WHEN MATCHED THEN DELETE"},
		{sqltext.NoTrace, "UPDATE docs SET session = 'temp' WHERE local = $1"},
		{sqltext.NoTrace, "DELETE FROM docs /* SET x = 1; */ WHERE a ? 'b'"},
		{sqltext.NoTrace, "VALUES (1), (2)"},
		{sqltext.NoTrace, "TABLE docs"},
		{sqltext.NoTrace, "SELECT $$ ; SET ROLE x $$"},
		{sqltext.NoTrace, "SELECT * FROM docs FOR UPDATE SKIP LOCKED"},
		{sqltext.NoTrace, "begin isolation level serializable"},
		{sqltext.NoTrace, "SAVEPOINT sp1"},
		{sqltext.NoTrace, "ROLLBACK TO SAVEPOINT sp1"},
		{sqltext.NoTrace, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
		{sqltext.NoTrace, "SET CONSTRAINTS ALL DEFERRED"},
		{sqltext.NoTrace, "SHOW search_path"},
		{sqltext.NoTrace, "LOCK TABLE docs IN SHARE MODE"},
		{sqltext.NoTrace, "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM docs"},
		{sqltext.NoTrace, "CREATE TABLE docs (id int)"},
		{sqltext.NoTrace, "CREATE UNIQUE INDEX x ON docs (id)"},
		{sqltext.NoTrace, "ALTER TABLE docs ADD COLUMN x int"},
		{sqltext.NoTrace, "FETCH 5 FROM c"},
		{sqltext.NoTrace, `copy "docs" ( "id" ) from stdin binary;`},

		{sqltext.TransactionTrace, "SET LOCAL statement_timeout = '5s'"},
		{sqltext.TransactionTrace, "set /* x */ local role zeta"},
		{sqltext.TransactionTrace, "DECLARE c CURSOR FOR SELECT * FROM docs"},

		{sqltext.SessionTrace, "DEALLOCATE gormtenant_settings; PREPARE gormtenant_settings(text) AS SELECT 1"},
		{sqltext.SessionTrace, "PREPARE x AS SELECT 1"},
		{sqltext.SessionTrace, "EXECUTE x"},
		{sqltext.SessionTrace, "DEALLOCATE ALL"},
		{sqltext.SessionTrace, "DISCARD ALL"},
		{sqltext.SessionTrace, "SELECT 1; SELECT 2"},
		{sqltext.SessionTrace, "SELECT 1;;; SET ROLE x"},
		{sqltext.SessionTrace, "CREATE TEMP TABLE docs (LIKE docs)"},
		{sqltext.SessionTrace, "create local temporary table docs (id int)"},
		{sqltext.SessionTrace, "CREATE TABLE pg_temp.docs (id int)"},
		{sqltext.SessionTrace, `CREATE VIEW "pg_temp_3".docs AS SELECT 1`},
		{sqltext.SessionTrace, "CREATE OR REPLACE TEMP VIEW docs AS SELECT 1"},
		{sqltext.SessionTrace, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
		{sqltext.SessionTrace, "SELECT * INTO TEMP docs FROM other"},
		{sqltext.SessionTrace, "WITH x AS (SELECT 1) SELECT * INTO docs FROM x"},
		{sqltext.SessionTrace, "SELECT 1 AS a INTO UNLOGGED docs"},
		{sqltext.SessionTrace, "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM docs"},
		{sqltext.SessionTrace, "SET ROLE zeta"},
		{sqltext.SessionTrace, "SET SESSION AUTHORIZATION zeta"},
		{sqltext.SessionTrace, "SET search_path = tenant_zeta"},
		{sqltext.SessionTrace, `SET "search_path" = tenant_zeta`},
		{sqltext.SessionTrace, "SET LOCAL search_path = pg_catalog"},
		{sqltext.SessionTrace, `SET LOCAL "search_path" = x`},
		{sqltext.SessionTrace, "SET LOCAL SCHEMA 'x'"},
		{sqltext.SessionTrace, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"},
		{sqltext.SessionTrace, "SET TIME ZONE 'UTC'"},
		{sqltext.SessionTrace, "RESET ALL"},
		{sqltext.SessionTrace, "LISTEN jobs"},
		{sqltext.SessionTrace, "DO $$ BEGIN PERFORM 1; END $$"},
		{sqltext.SessionTrace, "CALL p()"},
		{sqltext.SessionTrace, "LOAD 'x'"},
		{sqltext.SessionTrace, "ALTER ROLE app SET search_path = tenant_zeta"},
		{sqltext.SessionTrace, "EXPLAIN ANALYZE CREATE TEMP TABLE x AS SELECT 1"},
		{sqltext.SessionTrace, "EXPLAIN ANALYZE EXECUTE x"},
		{sqltext.SessionTrace, "SELECT set_config('app.tenant_id', 'zeta', false)"},
		{sqltext.SessionTrace, "SELECT pg_catalog . Set_Config /* x */ ('app.tenant_id', 'zeta', false)"},
		{sqltext.SessionTrace, `SELECT "set_config"('app.tenant_id', 'zeta', false)`},
		{sqltext.SessionTrace, `SELECT U&"set\005fconfig"('app.tenant_id', 'zeta', false)`},
		{sqltext.SessionTrace, "SELECT * FROM docs WHERE id = 1 AND set_config('a.b', 'c', false) = 'c'"},
		{sqltext.SessionTrace, "UPDATE docs SET body = set_config('a.b', 'c', false)"},
		{sqltext.SessionTrace, "SELECT * FROM docs, set_config('a.b', 'c', false)"},
		{sqltext.SessionTrace, "SELECT pg_advisory_lock(1)"},
		{sqltext.SessionTrace, "SELECT pg_try_advisory_lock(1)"},
		{sqltext.SessionTrace, "SELECT query_to_xml('SELECT set' || '_config(...)', true, true, '')"},
		{sqltext.SessionTrace, "SELECT * FROM ts_stat('SELECT set_config(...)')"},
		{sqltext.SessionTrace, "SELECT dblink_connect('x', 'dbname=x')"},
		{sqltext.SessionTrace, "SELECT lo_create(0)"},
		{sqltext.SessionTrace, "SELECT pg_temp.f()"},
		{sqltext.SessionTrace, `SELECT '\'; SET ROLE zeta; --'`}, // with standard_conforming_strings off
		{sqltext.SessionTrace, "SELECT 'x"},
		{sqltext.SessionTrace, "SELECT 1 /* x"},
		{sqltext.SessionTrace, "GRUMBLE"},
		{sqltext.SessionTrace, `"select" 1`},
	} {
		require.Equal(t, c.want, sqltext.TraceOf(c.text), c.text)
		require.GreaterOrEqual(t, sqltext.TraceOf("\n-- x\n/* /* y */ */\t"+c.text), c.want, c.text)
		if c.text != "" && c.want == sqltext.NoTrace {
			require.Equal(t, sqltext.SessionTrace, sqltext.TraceOf(c.text+"\n; SET ROLE x"), c.text)
		}
		require.Equal(t, c.want, sqltext.TraceOf(strings.ReplaceAll(c.text, "  ", " ")), c.text)
	}
}

func FuzzTraceOf(f *testing.F) {
	f.Add("SELECT 1")
	f.Add("SET LOCAL x = 1")
	f.Add(`SELECT U&"a" '\'`)
	f.Fuzz(func(t *testing.T, text string) {
		trace := sqltext.TraceOf(text)
		// What is stacked behind a text is found, unless that text swallows it.
		if trace == sqltext.NoTrace && strings.TrimSpace(text) != "" {
			require.NotPanics(t, func() { sqltext.TraceOf(text + "; DISCARD ALL") })
		}
	})
}

func BenchmarkTraceOf(b *testing.B) {
	const text = `SELECT "projects"."id","projects"."tenant_id","projects"."name" FROM "projects" ` +
		`LEFT JOIN "users" "Owner" ON "projects"."owner_id" = "Owner"."id" AND "Owner"."tenant_id" = $1 ` +
		`WHERE (name ILIKE $2 OR budget > $3) AND "projects"."tenant_id" = $4 ORDER BY "projects"."id" LIMIT 10`
	b.ReportAllocs()
	for b.Loop() {
		if sqltext.TraceOf(text) != sqltext.NoTrace {
			b.Fatal("trace")
		}
	}
}

// leaveNothing matches the volatile functions of the server that leave nothing in a session.
var leaveNothing = regexp.MustCompile(`^(random(_normal)?|system|bernoulli|.*handler|.*validat.*|` +
	`clock_timestamp|timeofday|gen_random_uuid|uuidv[47]|(curr|next|set|last)val|currtid2|` +
	`current_query|dsnowball_.*|gin_.*|brin_.*|binary_upgrade_.*|txid_.*|` +
	`pg_(advisory|try_advisory)_xact_.*|pg_replication_origin_xact_.*|` +
	`pg_(stat|ls|wal|backup|log|copy|create|drop|current|last|is|get|control|blocking|cancel|` +
	`collation|database|export|extension|hba|ident|import|indexes|isolation|jit|lock|nextoid|` +
	`notif.*|partition|prepared|promote|read|relation|reload|rotate|safe|sequence|show|sleep|stop|` +
	`switch|sync|table|tablespace|terminate|total|xact|clear|restore|split|available|input|numa|` +
	`replication_slot)(_.*)?)$`)

// Of the server's own functions that may do anything, each is known to leave something or nothing.
func TestTraceOf_functions_of_the_server(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", pgtest.New(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	rows, err := db.Query("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND " +
		"pronamespace = 'pg_catalog'::regnamespace AND prorettype <> 'trigger'::regtype")
	require.NoError(t, err)
	count := 0
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		count++
		want := sqltext.SessionTrace
		if leaveNothing.MatchString(name) {
			want = sqltext.NoTrace
		}
		require.Equal(t, want, sqltext.TraceOf("SELECT "+name+"()"), name)
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()))
	require.Greater(t, count, 100)
}
