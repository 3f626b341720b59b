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
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/models"
)

// BenchmarkRLS measures what it costs that the server knows the tenant: a read by key, an insert,
// and a transaction of three statements, on loopback and with a millisecond of network. The ways
// are
//
//   - plain: a pool whose role no policy holds,
//   - begin_set_local: BEGIN, SET LOCAL, the statements, COMMIT,
//   - set_at_checkout: SET whenever a connection is taken from the pool,
//   - rls: a pool of rls.NewConnector.
//
// All run the same statements and meet the same rows.
func BenchmarkRLS(b *testing.B) {
	app, admin := policed(b)
	ctx := gormtenant.WithTenant(context.WithoutCancel(b.Context()), tenant)
	for _, network := range []struct {
		name  string
		added time.Duration // to a round trip
	}{{"loopback", 0}, {"1ms", time.Millisecond}} {
		slow := func(config *pgx.ConnConfig) *pgx.ConnConfig {
			if network.added > 0 {
				_, config = pgtest.NewProxy(b, config, network.added/2)
			}
			return config
		}
		bypass, pool := stdlib.OpenDB(*slow(admin)), stdlib.OpenDB(*slow(app))
		ours := sql.OpenDB(rls.NewConnector(slow(app)))
		b.Cleanup(func() { _, _, _ = bypass.Close(), pool.Close(), ours.Close() })
		ways := []rlsWay{
			{"plain", runner{db: bypass}.run},
			{
				"begin_set_local",
				runner{db: pool, first: "SET LOCAL app.tenant_id = '" + tenant + "'"}.run,
			},
			{"set_at_checkout", atCheckout(pool)},
			{"rls", runner{db: ours}.run},
		}
		for pass := range *passes {
			for _, op := range rlsOperations {
				rand.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
				for _, way := range ways {
					name := "op=" + op.name + "/net=" + network.name + "/way=" + way.name
					if *passes > 1 {
						name += fmt.Sprintf("/pass=%d", pass)
					}
					require.NoError(b, way.run(ctx, op.steps)) // connects, prepares
					b.Run(name, func(b *testing.B) {
						b.ReportAllocs()
						for b.Loop() {
							if err := way.run(ctx, op.steps); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		}
	}
}

// A statement with the tenant allocates hardly more than without.
func TestRLS_allocates_little(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates by itself")
	}
	app, admin := policed(t)
	ctx := gormtenant.WithTenant(context.WithoutCancel(t.Context()), tenant)
	for _, op := range rlsOperations[:2] {
		var allocations [2]float64
		for i, db := range []*sql.DB{stdlib.OpenDB(*admin), sql.OpenDB(rls.NewConnector(app))} {
			t.Cleanup(func() { _ = db.Close() })
			way := runner{db: db}
			require.NoError(t, way.run(ctx, op.steps))
			allocations[i] = testing.AllocsPerRun(200, func() { _ = way.run(ctx, op.steps) })
		}
		t.Log(op.name, allocations)
		require.LessOrEqual(t, allocations[1], allocations[0]+1)
	}
}

// Note is a row of a table under a policy.
type Note struct {
	ID uint
	models.TenantModel
	Body string
}

// policed makes a database with a table under a policy, and returns the role that the policy holds,
// and one that it does not.
func policed(t testing.TB) (app, admin *pgx.ConnConfig) {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, db.AutoMigrate(&Note{}))
	require.NoError(t, rls.Enable(db, &Note{}))
	role := "bench_" + config.Database
	for _, statement := range []string{
		"INSERT INTO notes (tenant_id, body) SELECT 'tenant-' || n % 10, 'note ' || n FROM " +
			"generate_series(1, 10000) n",
		"ALTER TABLE notes ALTER COLUMN tenant_id SET DEFAULT '" + tenant + "'",
		"CREATE ROLE " + role + " LOGIN PASSWORD 'app' NOSUPERUSER NOBYPASSRLS",
		"GRANT SELECT, INSERT ON notes TO " + role + "; GRANT USAGE ON SEQUENCE notes_id_seq TO " +
			role,
		"ANALYZE notes",
	} {
		_, err := pool.Exec(statement)
		require.NoError(t, err)
	}
	t.Cleanup(func() { _, _ = pool.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	app = config.Copy()
	app.User, app.Password = role, "app"
	return app, config
}

// step is one statement.
type step func(ctx context.Context, db statements) error

// statements is a pool, a connection or a transaction.
type statements interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var rlsOperations = []struct {
	name  string
	steps []step
}{
	{"Read", []step{readNote}},
	{"Insert", []step{insertNote}},
	{"Transaction", []step{readNote, insertNote, readNote}},
}

func readNote(ctx context.Context, db statements) error {
	rows, err := db.QueryContext(ctx, "SELECT body FROM notes WHERE id = $1", 5)
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

func insertNote(ctx context.Context, db statements) error {
	_, err := db.ExecContext(ctx, "INSERT INTO notes (body) VALUES ($1)", "new")
	return err
}

// rlsWay is one of the ways.
type rlsWay struct {
	name string
	run  func(ctx context.Context, steps []step) error
}

// runner runs several steps in a transaction, and one alone.
type runner struct {
	db interface {
		statements
		BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error)
	}
	first string // a statement that comes first in the transaction that it makes necessary
}

func (r runner) run(ctx context.Context, steps []step) error {
	if len(steps) == 1 && r.first == "" {
		return steps[0](ctx, r.db)
	}
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if r.first != "" {
		if _, err := tx.ExecContext(ctx, r.first); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	for _, step := range steps {
		if err := step(ctx, tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func atCheckout(pool *sql.DB) func(ctx context.Context, steps []step) error {
	return func(ctx context.Context, steps []step) error {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, "SET app.tenant_id = '"+tenant+"'"); err != nil {
			return errors.Join(err, conn.Close())
		}
		return errors.Join(runner{db: conn}.run(ctx, steps), conn.Close())
	}
}
