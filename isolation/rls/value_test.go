package rls_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// values are expressions of every type that applications use, NULLs and limits among them.
var values = []string{
	"true", "false", "NULL::bool", "1::int2", "'-32768'::int2", "2147483647::int4", "NULL::int4",
	"9223372036854775807::int8",
	"-1::int8", "1.5::float4", "'NaN'::float4", "1e300::float8", "'-Infinity'::float8",
	"NULL::float8", "0::numeric",
	"12345678901234567890.123456789::numeric", "1.10::numeric(5,2)", "'NaN'::numeric",
	"NULL::numeric", "'a'::text",
	"''::text", "'ö ☃ 😀'::text", "E'line\\nline\\ttab'::text", "NULL::text", "'abc'::varchar(5)",
	"'abc'::char(5)",
	"'a'::\"char\"", "'name'::name", "'\\x00ff'::bytea", "''::bytea", "NULL::bytea",
	"'2024-02-29'::date", "'infinity'::date",
	"'0044-03-15 BC'::date", "'12:34:56.789'::time", "'12:34:56+02'::timetz",
	"'2024-02-29 12:34:56.123456'::timestamp",
	"'infinity'::timestamp", "'2024-02-29 12:34:56+02'::timestamptz", "NULL::timestamptz",
	"'1 year 2 days 03:04:05'::interval",
	"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "NULL::uuid", "'{\"a\": [1, null]}'::json",
	"'{\"b\": 1.50}'::jsonb",
	"NULL::jsonb", "'<a>b</a>'::xml", "'{1,2,NULL}'::int4[]", "'{}'::int8[]",
	"'{a,\"b c\",NULL}'::text[]", "'{{1,2},{3,4}}'::int4[]",
	"'{2024-01-01}'::date[]", "'{6ba7b810-9dad-11d1-80b4-00c04fd430c8}'::uuid[]",
	"'[1,10)'::int4range", "'empty'::numrange",
	"'[2024-01-01,2024-02-01)'::daterange", "'{[1,3),[5,7)}'::int4multirange",
	"'192.168.0.1'::inet", "'10.0.0.0/8'::cidr",
	"'08:00:2b:01:02:03'::macaddr", "'(1,2)'::point", "'((0,0),(1,1))'::box", "B'101'::bit(3)",
	"B'1'::varbit", "'fat & rat'::tsquery",
	"'a fat cat'::tsvector", "12.34::money", "'$.a'::jsonpath", "26::oid", "'pg_class'::regclass",
	"ROW(1, 'a')", "'0/16B3748'::pg_lsn",
}

// What comes back is what pgx alone returns: the values, their Go types, and what is said of
// columns.
func TestValues_are_those_of_pgx(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(values), 60)
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			config := s.app.Copy()
			config.DefaultQueryExecMode = mode
			plain, scoped := stdlib.OpenDB(*config), sql.OpenDB(rls.NewConnector(config))
			t.Cleanup(func() { _, _ = plain.Close(), scoped.Close() })
			for _, value := range values {
				query := "SELECT " + value + " AS value, id FROM notes WHERE id = 1"
				require.Equal(t, describe(t, acme, plain, "SELECT "+value+" AS value, 1 AS id"),
					describe(t, acme, scoped, query), value)
			}
			all := "SELECT $1::int AS n"
			for i, value := range values {
				all += fmt.Sprintf(", %s AS c%d", value, i)
			}
			require.Equal(t, describe(t, acme, plain, all, 7), describe(t, acme, scoped, all, 7))
		})
	}
}

// describe writes all that database/sql can tell of a query's rows.
func describe(
	t *testing.T, ctx context.Context, db *sql.DB, query string, args ...any,
) (text string) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query, args...)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	row, into := make([]any, len(types)), make([]any, len(types))
	for i, column := range types {
		length, hasLength := column.Length()
		precision, scale, decimal := column.DecimalSize()
		nullable, knows := column.Nullable()
		text += fmt.Sprintln(column.Name(), column.DatabaseTypeName(), column.ScanType(), length,
			hasLength, precision, scale, decimal, nullable, knows)
		into[i] = &row[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(into...), query)
		for _, value := range row {
			text += fmt.Sprintf("%T %v\n", value, value)
		}
	}
	require.NoError(t, rows.Err(), query)
	return text
}
