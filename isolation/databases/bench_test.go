package databases_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// nothing is a database that does nothing, so that only what is in front of it is measured.
type nothing struct{}

func (nothing) Open(context.Context, databases.Database) (driver.Connector, error) {
	return nothing{}, nil
}
func (nothing) Connect(context.Context) (driver.Conn, error) { return nothing{}, nil }
func (nothing) Driver() driver.Driver                        { return nil }
func (nothing) Prepare(string) (driver.Stmt, error)          { return nil, errTest }
func (nothing) Begin() (driver.Tx, error)                    { return nothing{}, nil }
func (nothing) Commit() error                                { return nil }
func (nothing) Rollback() error                              { return nil }
func (nothing) Close() error                                 { return nil }
func (nothing) Columns() []string                            { return nil }
func (nothing) Next([]driver.Value) error                    { return io.EOF }

func (nothing) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

func (nothing) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nothing{}, nil
}

// statements is what is measured of a pool.
type statements interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error)
}

// BenchmarkStatement compares a pool's own statements with those that find their pool by their
// context, as that is in a request: the tenant of the middleware, and what else a server puts
// around it.
func BenchmarkStatement(b *testing.B) {
	pools, err := databases.NewPools(nothing{})
	require.NoError(b, err)
	defer func() { _ = pools.Close() }()
	direct := sql.OpenDB(nothing{})
	defer func() { _ = direct.Close() }()
	type key string
	around := func(ctx context.Context) context.Context {
		return context.WithValue(ctx, key("request"), 1)
	}
	tenant := &tenants.Tenant{ID: "acme", Placement: tenants.Placement{Level: tenants.Database}}
	for _, in := range []struct {
		name string
		ctx  context.Context
	}{
		{"id", around(gormtenant.WithTenant(around(context.Background()), "acme"))},
		{"tenant", around(tenants.NewContext(around(context.Background()), tenant))},
	} {
		for _, on := range []struct {
			name string
			pool statements
		}{{"direct", direct}, {"routed", pools}} {
			b.Run("exec/"+in.name+"/"+on.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = on.pool.ExecContext(in.ctx, "x", 1)
				}
			})
			b.Run("query/"+in.name+"/"+on.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					rows, err := on.pool.QueryContext(in.ctx, "x", 1)
					require.NoError(b, err)
					_ = rows.Close()
				}
			})
			b.Run("transaction/"+in.name+"/"+on.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					tx, err := on.pool.BeginTx(in.ctx, nil)
					require.NoError(b, err)
					_, _ = tx.ExecContext(in.ctx, "x", 1)
					_ = tx.Commit()
				}
			})
		}
	}
}

// BenchmarkPick is what routing adds to a statement.
func BenchmarkPick(b *testing.B) {
	pools, err := databases.NewPools(nothing{})
	require.NoError(b, err)
	defer func() { _ = pools.Close() }()
	ctx := tenants.NewContext(context.Background(), &tenants.Tenant{ID: "acme"})
	picker := route.PickerOf(pools)
	b.ReportAllocs()
	for b.Loop() {
		picked, err := picker.Pick(ctx)
		if err != nil {
			b.Fatal(err)
		}
		picked.Hold.Release()
	}
}

// TestStatement_costs_no_allocation holds what routing allocates.
func TestStatement_costs_no_allocation(t *testing.T) {
	pools := newPools(t, nothing{})
	direct := sql.OpenDB(nothing{})
	t.Cleanup(func() { _ = direct.Close() })
	ctx := tenants.NewContext(context.Background(), &tenants.Tenant{ID: "acme"})
	count := func(pool statements) float64 {
		return testing.AllocsPerRun(1000, func() { _, _ = pool.ExecContext(ctx, "x", 1) })
	}
	want := count(direct)
	if !race.Enabled {
		require.InDelta(t, want, count(pools), 0.5)
	}
}
