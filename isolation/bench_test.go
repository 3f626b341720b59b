package isolation_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// routers returns a context of a tenant at each level, and the router that they share.
func routers(t testing.TB) (*isolation.Router, map[string]context.Context) {
	t.Helper()
	pools, err := databases.NewPools(databases.SQLite(filepath.Join(t.TempDir(), "tenants"),
		databases.CreateFiles()))
	require.NoError(t, err)
	rows, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	directory := &levelled{}
	router, err := isolation.NewRouter(tenants.Cached(directory, tenants.TTL(time.Hour)), rows,
		isolation.Schemas(rows), isolation.Databases(pools))
	require.NoError(t, err)
	t.Cleanup(func() { _, _, _ = router.Close(), pools.Close(), rows.Close() })
	ways := map[string]context.Context{"nobody": t.Context()}
	for _, level := range []tenants.Level{tenants.Rows, tenants.Schema, tenants.Database} {
		ways[string(level)] = gormtenant.WithTenant(t.Context(), string(level))
	}
	for _, ctx := range ways {
		_, err := router.ExecContext(ctx, "SELECT 1")
		require.NoError(t, err)
	}
	return router, ways
}

// levelled is a directory in which tenants are called after the level that they are at.
type levelled struct{}

func (levelled) Lookup(_ context.Context, id string) (*tenants.Tenant, error) {
	return &tenants.Tenant{ID: id, Placement: tenants.Placement{Level: tenants.Level(id)}}, nil
}

// Routing costs a statement at most two allocations, and one more where it looks at a file.
func TestRouter_allocates_little(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	router, ways := routers(t)
	for name, ctx := range ways {
		allocations := testing.AllocsPerRun(1000, func() {
			if err := router.Pick(ctx); err != nil {
				t.Fatal(err)
			}
		})
		most := 2.0
		if name == string(tenants.Database) {
			most = 3
		}
		require.LessOrEqual(t, allocations, most, name)
		t.Logf("%s: %v", name, allocations)
	}
}

// BenchmarkRouter is what finding the place of a statement costs; all else is the pool's own.
func BenchmarkRouter(b *testing.B) {
	router, ways := routers(b)
	for name, ctx := range ways {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := router.Pick(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
