package bench_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/race"
)

// builder returns a database to which nothing is ever sent: SQL is built for it and that is all.
func builder(t testing.TB) database {
	t.Helper()
	return open(t, func() gorm.Dialector { return postgres.Open("host=127.0.0.1") }, gorm.Config{
		DryRun: true,
		// As db.ToSQL has it: DryRun alone would still begin transactions.
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
	})
}

// BenchmarkBuild measures what it costs to make SQL of a call.
func BenchmarkBuild(b *testing.B) {
	d := builder(b)
	d.warmUp(b)
	d.inTurns(b, operations(), func(b *testing.B, _ operation, way way) {
		b.Helper()
		for n := 0; b.Loop(); n++ {
			if err := way.do(n).Error; err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParallel builds the SQL of Find in 1, 8 and 64 goroutines for each CPU. A lock that
// statements take would show as a time that grows with them.
func BenchmarkParallel(b *testing.B) {
	d := builder(b)
	d.warmUp(b)
	find := slices.DeleteFunc(operations(), func(op operation) bool { return op.name != "Find" })
	for _, perCPU := range []int{1, 8, 64} {
		b.Run("percpu="+strconv.Itoa(perCPU), func(b *testing.B) {
			d.inTurns(b, find, func(b *testing.B, _ operation, way way) {
				b.Helper()
				b.SetParallelism(perCPU)
				b.RunParallel(func(p *testing.PB) {
					for n := 0; p.Next(); n++ {
						if err := way.do(n).Error; err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		})
	}
}

// TestAllocations holds the promise about allocations, which needs no clock: building a scoped
// query costs at most 2 more than an unscoped one, and no more than one scoped by hand.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		return // It allocates by itself.
	}
	d := builder(t)
	for _, op := range operations() {
		switch op.name {
		case "First", "Find", "Count":
		default:
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			allocations := map[string]float64{}
			for _, way := range d.ways(op) {
				require.NoError(t, way.do(0).Error)
				allocations[way.name] = testing.AllocsPerRun(200, func() { way.do(1) })
			}
			t.Log(allocations)
			require.LessOrEqual(t, allocations["plugin"], allocations["unscoped"]+2)
			require.LessOrEqual(t, allocations["plugin"], allocations["byhand"])
		})
	}
}
