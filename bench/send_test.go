package bench_test

import (
	"database/sql"
	"testing"

	"github.com/glebarez/sqlite"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// openSQLite returns a filled database in memory.
func openSQLite(t testing.TB) database {
	t.Helper()
	pool := openPool(t, sqlite.DriverName, ":memory:")
	d := open(t, func() gorm.Dialector { return &sqlite.Dialector{Conn: pool} }, gorm.Config{})
	d.seed(t)
	return d
}

// openPostgres returns a filled database on a server.
func openPostgres(t testing.TB) database {
	t.Helper()
	pool := openPool(t, "pgx", pgtest.New(t))
	d := open(t, func() gorm.Dialector { return postgres.New(postgres.Config{Conn: pool}) },
		gorm.Config{})
	d.seed(t)
	return d
}

// openPool returns a pool of one connection, which all three ways share: a database in memory is
// that of its connection, and the connections of a server differ in what they have prepared.
func openPool(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// BenchmarkSQLite measures statements on SQLite in memory, where the database costs the least.
func BenchmarkSQLite(b *testing.B) { send(b, openSQLite(b)) }

// BenchmarkPostgres measures statements on a server on this machine.
func BenchmarkPostgres(b *testing.B) { send(b, openPostgres(b)) }

func send(b *testing.B, d database) {
	b.Helper()
	d.warmUp(b)
	d.clean(b)
	d.inTurns(b, operations(), func(b *testing.B, op operation, way way) {
		b.Helper()
		if op.name == "Delete" {
			d.addSpare(b, b.N)
		}
		b.ResetTimer()
		for n := range b.N {
			if tx := way.do(n); tx.Error != nil || tx.RowsAffected != op.rows {
				b.Fatalf("%d rows instead of %d: %v", tx.RowsAffected, op.rows, tx.Error)
			}
		}
		b.StopTimer()
		if op.writes() {
			d.clean(b)
		}
	})
}

// TestOperations runs every operation once in each way: what is compared must read or change
// equally many rows.
func TestOperations(t *testing.T) {
	for _, test := range []struct {
		name string
		open func(testing.TB) database
	}{
		{"sqlite", openSQLite}, {"postgres", openPostgres},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := test.open(t)
			for _, op := range operations() {
				for _, way := range d.ways(op) {
					d.addSpare(t, 1)
					tx := way.do(0)
					require.NoError(t, tx.Error, "%s %s", op.name, way.name)
					require.Equal(t, op.rows, tx.RowsAffected, "%s %s", op.name, way.name)
					d.clean(t)
				}
			}
		})
	}
}
