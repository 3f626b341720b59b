package bench_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// BenchmarkSchemas measures what it costs that a statement runs in its tenant's schema: a read by
// key, an insert, and a transaction of three statements, on loopback and with a millisecond of
// network. The ways are
//
//   - plain: a pool that is in the schema from its start, and could serve no other tenant,
//   - begin_set_local: BEGIN, SET LOCAL search_path, the statements, COMMIT,
//   - rows: a table that tenants share, and the tenant in each statement, as the plugin writes it,
//   - schemas: a pool of schemas.NewConnector,
//   - roles: one with schemas.Roles.
func BenchmarkSchemas(b *testing.B) {
	app, schema := schematic(b)
	ctx := gormtenant.WithTenant(context.WithoutCancel(b.Context()), tenant)
	for _, network := range []struct {
		name  string
		added time.Duration // to a round trip
	}{{"loopback", 0}, {"1ms", time.Millisecond}} {
		open := func(config *pgx.ConnConfig) *sql.DB {
			pool := stdlib.OpenDB(*config)
			b.Cleanup(func() { _ = pool.Close() })
			return pool
		}
		config := app
		if network.added > 0 {
			_, config = pgtest.NewProxy(b, app, network.added/2)
		}
		within := config.Copy()
		within.RuntimeParams["search_path"] = `"` + schema + `", shared`
		ours, roles := sql.OpenDB(schemas.NewConnector(config)),
			sql.OpenDB(schemas.NewConnector(config, schemas.Roles()))
		b.Cleanup(func() { _, _ = ours.Close(), roles.Close() })
		ways := []schemaWay{
			{"plain", runner{db: open(within)}, schemaOperations},
			{
				"begin_set_local",
				runner{
					db: open(config), first: `SET LOCAL search_path = "` + schema + `", shared`,
				},
				schemaOperations,
			},
			{"rows", runner{db: open(within)}, sharedOperations},
			{"schemas", runner{db: ours}, schemaOperations},
			{"roles", runner{db: roles}, schemaOperations},
		}
		for pass := range *passes {
			for op := range schemaOperations {
				rand.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
				for _, way := range ways {
					name := "op=" + way.operations[op].name + "/net=" + network.name + "/way=" +
						way.name
					if *passes > 1 {
						name += fmt.Sprintf("/pass=%d", pass)
					}
					steps := way.operations[op].steps
					require.NoError(b, way.run(ctx, steps)) // connects, prepares
					b.Run(name, func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if err := way.run(ctx, steps); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		}
	}
}

// schemaWay is one of the ways, with the operations as it has to write them.
type schemaWay struct {
	name string
	runner
	operations []schemaOperation
}

type schemaOperation struct {
	name  string
	steps []step
}

var schemaOperations = operationsOf("SELECT body FROM notes WHERE id = $1",
	"INSERT INTO notes (body) VALUES ($1)")

// sharedOperations are those on a table of all tenants.
var sharedOperations = operationsOf(
	"SELECT body FROM shared_notes WHERE id = $1 AND shared_notes.tenant_id = $2",
	"INSERT INTO shared_notes (body, tenant_id) VALUES ($1, $2)", tenant)

func operationsOf(read, insert string, more ...any) []schemaOperation {
	reads := func(ctx context.Context, db statements) error {
		rows, err := db.QueryContext(ctx, read, append([]any{6}, more...)...)
		if err != nil {
			return err
		}
		found := 0
		for rows.Next() {
			found++
		}
		if found != 1 {
			err = fmt.Errorf("%d rows", found)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	}
	inserts := func(ctx context.Context, db statements) error {
		_, err := db.ExecContext(ctx, insert, append([]any{"new"}, more...)...)
		return err
	}
	return []schemaOperation{
		{"Read", []step{reads}},
		{"Insert", []step{inserts}},
		{"Transaction", []step{reads, inserts, reads}},
	}
}

// A statement in its tenant's schema allocates three times more than one without: the schema's
// name, the path, and the text that pgx knows it by.
func TestSchemas_add_three_allocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates by itself")
	}
	app, schema := schematic(t)
	ctx := gormtenant.WithTenant(context.WithoutCancel(t.Context()), tenant)
	within := app.Copy()
	within.RuntimeParams["search_path"] = `"` + schema + `"`
	for _, op := range schemaOperations[:2] {
		var allocations [3]float64
		for i, db := range []*sql.DB{
			stdlib.OpenDB(*within), sql.OpenDB(schemas.NewConnector(app)),
			sql.OpenDB(schemas.NewConnector(app, schemas.Roles())),
		} {
			t.Cleanup(func() { _ = db.Close() })
			way := runner{db: db}
			require.NoError(t, way.run(ctx, op.steps))
			allocations[i] = testing.AllocsPerRun(200, func() { _ = way.run(ctx, op.steps) })
		}
		t.Log(op.name, allocations)
		require.LessOrEqual(t, allocations[1], allocations[0]+3)
		require.LessOrEqual(t, allocations[2], allocations[0]+3)
	}
}

// schematic makes a database with a schema and a role for the tenant among nine others, and a table
// that all share, with 1,000 rows for each. It returns the role that logs in, and the schema.
func schematic(t testing.TB) (app *pgx.ConnConfig, schema string) {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	role := "bench_" + config.Database
	statements := []string{
		// As it is measured without roles too.
		"CREATE ROLE " + role + " LOGIN PASSWORD 'app' INHERIT",
		"CREATE SCHEMA shared",
		"CREATE TABLE shared.shared_notes (id bigserial PRIMARY KEY, tenant_id text NOT NULL, " +
			"body text)",
		"INSERT INTO shared.shared_notes (tenant_id, body) SELECT 'tenant-' || n % 10, 'note ' " +
			"|| n FROM generate_series(1, 10000) n",
		"UPDATE shared.shared_notes SET tenant_id = '" + tenant + "' WHERE id = 6",
		"CREATE INDEX ON shared.shared_notes (tenant_id)",
		"GRANT USAGE ON SCHEMA shared TO " + role,
		"GRANT ALL ON ALL TABLES IN SCHEMA shared TO " + role,
		"GRANT ALL ON ALL SEQUENCES IN SCHEMA shared TO " + role,
	}
	for n := range 10 {
		schema := fmt.Sprintf(`"tenant_tenant-%d"`, n)
		statements = append(statements,
			"DROP ROLE IF EXISTS "+schema, "CREATE ROLE "+schema+" NOLOGIN",
			"GRANT "+schema+" TO "+role,
			"CREATE SCHEMA "+schema+" AUTHORIZATION "+schema,
			fmt.Sprintf("COMMENT ON SCHEMA %s IS 'gormtenant:tenant-%d'", schema, n),
			"CREATE TABLE "+schema+".notes (id bigserial PRIMARY KEY, body text)",
			"INSERT INTO "+schema+
				".notes (body) SELECT 'note ' || n FROM generate_series(1, 1000) n",
			"ALTER TABLE "+schema+".notes OWNER TO "+schema,
			"GRANT USAGE ON SCHEMA shared TO "+schema)
		t.Cleanup(func() {
			_, _ = pool.Exec("DROP OWNED BY " + schema + " CASCADE; DROP ROLE " + schema)
		})
	}
	for _, statement := range append(statements, "ANALYZE") {
		_, err := pool.Exec(statement)
		require.NoError(t, err, statement)
	}
	t.Cleanup(func() { _, _ = pool.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	app = config.Copy()
	app.User, app.Password = role, "app"
	return app, "tenant_" + tenant
}
