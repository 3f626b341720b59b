package schemas_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// hostile are IDs, and names of schemas, that somebody could choose.
var hostile = []string{
	"'", "''", `"`, `""`, `a"; DROP SCHEMA shared CASCADE; --`, `'; DROP SCHEMA shared CASCADE; --`,
	"a\nb", "a\r\nb", "\t", "a b", "ACME", "Acme", "acme.b",
	"$1", "%s", "?", ":x", "*/", "/*", "/* /* */", "--", "\n--", "$$", "a,b", `a", "b`, "ö☃😀",
	"\u202eacme", "acme\u200b", "public.x", "-", "=", strings.Repeat("😀", 12),
}

// nameable are those of them that a schema can have as its name.
var nameable = slices.DeleteFunc(slices.Clone(hostile), func(name string) bool {
	return tenantname.CheckName(name) != nil
})

// Tenants may be called anything: each finds its own row and no other's.
func TestTenant_of_any_name(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.withoutRoles(t)
	names := append(
		[]string{"../../etc/passwd", "a-b", "a_b", "pg_catalog", strings.Repeat("x", 255)},
		hostile...)
	for i, id := range names {
		name, err := tenantname.Name(id)
		require.NoError(t, err)
		s.row(t, id, name, i)
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode}.open(t, s)
			for i, id := range names {
				finds(t, as(t, id), db, i, id)
			}
		})
	}
}

// Their schemas too, where the application names them.
func TestSchema_of_any_name(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.withoutRoles(t)
	for i, name := range nameable {
		s.row(t, name, name, i)
	}
	own := schemas.Names(func(id string) (string, error) { return id, nil })
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode}.open(t, s, own)
			db.SetMaxOpenConns(1)
			for range 2 {
				for i, id := range nameable {
					finds(t, as(t, id), db, i, id)
				}
			}
			_, err := db.ExecContext(
				as(t, nameable[0]), "SELECT id FROM rows WHERE id > $1 OR 'a", 1)
			require.ErrorContains(t, err, "SQLSTATE 42601")
		})
	}
}

// Roles of any name too.
func TestRole_of_any_name(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	suffix := s.app.Database[len("gormtenant_test_"):][:12]
	for i, id := range nameable {
		name := id + suffix
		role := pgx.Identifier{name}.Sanitize()
		s.row(t, id, name, i)
		s.do(
			t, "CREATE ROLE "+role, "GRANT "+role+" TO "+s.app.User,
			"ALTER SCHEMA "+role+" OWNER TO "+role, "ALTER TABLE "+role+".rows OWNER TO "+role)
		t.Cleanup(func() {
			_, _ = s.owner.Exec("DROP OWNED BY " + role + " CASCADE; DROP ROLE " + role)
		})
	}
	own := schemas.Names(func(id string) (string, error) { return id + suffix, nil })
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			db := way{mode: mode, roles: true}.open(t, s, own)
			for i, id := range nameable {
				finds(t, as(t, id), db, i, id)
			}
		})
	}
}

// row makes the schema of a tenant, with a table of one row.
func (s *server) row(t *testing.T, tenant, name string, id int) {
	t.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	s.do(t, "CREATE SCHEMA "+quoted, "CREATE TABLE "+quoted+".rows (id int)",
		"COMMENT ON SCHEMA "+quoted+" IS "+pgsession.Literal("gormtenant:"+tenant),
		"GRANT USAGE ON SCHEMA "+quoted+" TO "+s.app.User,
		"GRANT SELECT ON "+quoted+".rows TO "+s.app.User)
	_, err := s.owner.Exec("INSERT INTO "+quoted+".rows VALUES ($1)", id)
	require.NoError(t, err)
}

func finds(t *testing.T, ctx context.Context, db *sql.DB, id int, what string) {
	t.Helper()
	var found int
	require.NoError(t, db.QueryRowContext(ctx, "SELECT id FROM rows").Scan(&found), what)
	require.Equal(t, id, found, what)
	require.NoError(
		t, db.QueryRowContext(ctx, "SELECT id FROM rows WHERE id >= $1 -- comment", 0).Scan(&found),
		what)
	require.Equal(t, id, found, what)
	run(t, ctx, db, "SELECT id FROM rows /* comment */ ;")
}

type unwritable struct{ a, b int }

type nameless struct{ n int }

func (nameless) String() string { return "" }

func TestTenant_that_cannot_have_a_schema(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, bad := range []struct {
		what string

		id   any
		name string // what Names says
		want error
	}{
		{what: "zero_byte", id: "acme\x00zeta", want: gormtenant.ErrInvalidID},
		{what: "no_utf8", id: "acme\xff", want: gormtenant.ErrInvalidID},
		{what: "struct", id: unwritable{1, 2}, want: gormtenant.ErrInvalidID},
		{what: "float", id: 1.5, want: gormtenant.ErrInvalidID},
		{what: "too_long", id: strings.Repeat("x", 300), want: gormtenant.ErrInvalidID},
		{
			what: "no_text",
			id:   nameless{1}, name: "anything",
			want: gormtenant.ErrNoTenant,
		},
		{what: "names_nothing", id: "acme", name: " "},
		{what: "names_public", id: "acme", name: "public"},
		{what: "names_the_catalog", id: "acme", name: "pg_catalog"},
		{what: "names_temporary", id: "acme", name: "PG_temp"},
		{what: "names_information", id: "acme", name: "information_schema"},
		{what: "names_the_shared", id: "acme", name: "shared"},
		{what: "names_the_user", id: "acme", name: "$user"},
		{what: "names_no_role", id: "acme", name: "none"},
		{what: "names_64_bytes", id: "acme", name: strings.Repeat("x", 64)},
		{what: "names_zero_byte", id: "acme", name: "a\x00"},
		{what: "names_no_utf8", id: "acme", name: "a\xff"},
		{what: "names_a_path", id: "acme", name: "../a"},
		{what: "names_fails", id: "acme", name: "fail", want: errNames},
		{what: "override_is_checked_too", id: "override"},
	} {
		t.Run(bad.what, func(t *testing.T) {
			t.Parallel()
			proxy, config := pgtest.NewProxy(t, s.app, 0)
			var options []schemas.ConnectorOption
			if bad.name != "" {
				options = append(options, schemas.Names(func(string) (string, error) {
					if bad.name == "fail" {
						return "", errNames
					}
					return strings.TrimSpace(bad.name), nil
				}))
			}
			db := sql.OpenDB(schemas.NewConnector(config, options...))
			t.Cleanup(func() { _ = db.Close() })
			for range 2 { // pgx pings a connection that it uses for the second time
				run(t, t.Context(), db, "SELECT 1")
			}
			ctx := tenantname.WithSchema(as(t, bad.id), "override", "public")
			proxy.Syncs()
			_, exec := db.ExecContext(ctx, "DELETE FROM notes")
			_, query := db.QueryContext(ctx, "SELECT $1::int", 1)
			_, begin := db.BeginTx(ctx, nil)
			_, prepare := db.PrepareContext(ctx, "SELECT 1")
			for _, err := range []error{exec, query, begin, prepare} {
				require.ErrorContains(t, err, "gormtenant: ")
				if bad.want != nil {
					require.ErrorIs(t, err, bad.want)
				}
			}
			require.Zero(t, proxy.Syncs(), "something was sent")
		})
	}
}

var errNames = errors.New("unknown tenant")

func TestOpen_reports_what_makes_no_sense(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	open := func(dsn string, options ...schemas.ConnectorOption) error {
		_, err := gorm.Open(schemas.Open(dsn, options...), &gorm.Config{Logger: logger.Discard})
		return err
	}
	dsn := "host=" + s.app.Host + " password=app user=" + s.app.User + " dbname=" + s.app.Database
	require.ErrorContains(t, open("postgres://%zz"), "schemas.Open")
	require.ErrorContains(t, open("nonsense"), "schemas.Open")
	require.ErrorContains(t, open(dsn+" TimeZone=Nowhere/Land"), "the DSN's TimeZone")
	require.ErrorContains(t, open(dsn, schemas.Roles(), nil), "option 2 is nil")
	for _, name := range []string{
		"", "pg_temp", "$user", "none", "a\x00", "information_schema",
		strings.Repeat("x", 64),
	} {
		require.ErrorContains(
			t, open(dsn, schemas.Shared(name)), "gormtenant: schemas.Shared: the name", name)
		require.ErrorContains(
			t, sql.OpenDB(schemas.NewConnector(s.app, schemas.Shared(name))).Ping(),
			"gormtenant: schemas.Shared", name)
	}
	require.ErrorContains(t, open(dsn, schemas.Names(nil)), "schemas.Names needs a function")
	require.ErrorContains(
		t, sql.OpenDB(schemas.NewConnector(nil)).Ping(),
		"schemas.NewConnector needs a configuration")
}

func TestShared_can_be_another_schema(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.do(
		t, `CREATE SCHEMA "Gemeinsam, ""alle"""`,
		`CREATE TABLE "Gemeinsam, ""alle""".notes (id int)`,
		`GRANT USAGE ON SCHEMA "Gemeinsam, ""alle""" TO PUBLIC`,
		`GRANT SELECT ON "Gemeinsam, ""alle""".notes TO PUBLIC`)
	for _, mode := range modes {
		db := way{mode: mode, roles: true}.open(t, s, schemas.Shared(`Gemeinsam, "alle"`))
		require.Equal(t, "1 2 3", ids(t, as(t, s.acme), db, all), "the tenant's own comes first")
		require.Empty(t, ids(t, gormtenant.Unscoped(t.Context(), "report"), db, all))
		db = way{mode: mode, roles: true}.open(t, s, schemas.Shared("public"))
		require.Equal(t, "1 2 3", ids(t, as(t, s.acme), db, all))
		require.Equal(t, "99", ids(t, gormtenant.Unscoped(t.Context(), "report"), db, all))
		refused(t, t.Context(), db, undefinedTable, all)
	}
}

// The router says so where a tenant's schema has another name.
func TestSchema_that_the_context_names(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	db := way{mode: pgx.QueryExecModeCacheStatement, roles: true}.open(t, s)
	s.do(t, "COMMENT ON SCHEMA "+s.of(s.zeta)+" IS 'gormtenant:big'")
	ctx := tenantname.WithSchema(t.Context(), "big", s.of(s.zeta))
	require.Equal(t, "11 12 13", ids(t, gormtenant.WithTenant(ctx, "big"), db, all))
	require.Equal(
		t, "1 2 3", ids(t, gormtenant.WithTenant(ctx, s.acme), db, all), "it is about one tenant")
	refused(t, ctx, db, undefinedTable, all)
}

func TestSchemas_share_nothing_by_their_marks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.withoutRoles(t)
	// in hex a is 61, and the space 20
	names := []string{"=", "a", "=61", "A", "a b", "-", "--", "612062", "=612062"}
	for i, name := range names {
		s.row(t, name, name, i)
		s.do(
			t, "ALTER TABLE "+pgx.Identifier{name}.Sanitize()+".rows ADD COLUMN c"+string(
				rune('a'+i))+" int")
	}
	db := way{mode: pgx.QueryExecModeCacheStatement}.open(
		t, s, schemas.Names(func(id string) (string, error) {
			return id, nil
		}))
	db.SetMaxOpenConns(1)
	for range 3 {
		for i, name := range names {
			rows, err := db.QueryContext(as(t, name), "SELECT * FROM rows")
			require.NoError(t, err)
			columns, err := rows.Columns()
			require.NoError(t, err)
			require.Equal(t, []string{"id", "c" + string(rune('a'+i))}, columns)
			require.NoError(t, rows.Close())
		}
	}
}
