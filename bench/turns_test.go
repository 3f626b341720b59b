package bench_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

var passes = flag.Int("passes", 1, "how often each benchmark runs; all run before one runs again")

// way is one of the three, ready to run.
type way struct {
	name string
	db   *gorm.DB
	ctx  context.Context
	run  run
}

// do runs the operation for the n-th time.
func (w way) do(n int) *gorm.DB { return w.run(w.db.WithContext(w.ctx), n) }

// ways returns the three ways of an operation on d in random order: what runs after a certain
// other one should not always be the same.
func (d database) ways(op operation) []way {
	ctx := d.plain.Statement.Context
	ways := []way{
		{"unscoped", d.plain, ctx, op.unscoped},
		{"byhand", d.plain, ctx, op.byHand},
		{"plugin", d.scoped, gormtenant.WithTenant(ctx, tenant), op.plugin},
	}
	rand.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
	return ways
}

// inTurns measures each way of each operation, as often as passes says. They take turns because
// what else the machine does, which would otherwise fall on one of them, then falls on all.
func (d database) inTurns(
	b *testing.B, operations []operation, measure func(b *testing.B, op operation, way way),
) {
	b.Helper()
	for pass := range *passes {
		for _, op := range operations {
			for _, way := range d.ways(op) {
				name := "op=" + op.name + "/scoping=" + way.name
				if *passes > 1 {
					name += fmt.Sprintf("/pass=%d", pass)
				}
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					measure(b, op, way)
				})
			}
		}
	}
}

// warmUp runs each operation once. The first statement parses the models, and connections keep the
// statements that they prepared.
func (d database) warmUp(t testing.TB) {
	t.Helper()
	for _, op := range operations() {
		for _, way := range d.ways(op) {
			if err := way.do(0).Error; err != nil {
				t.Fatalf("%s %s: %v", op.name, way.name, err)
			}
		}
	}
}

// writes reports whether an operation leaves more or fewer rows than there were.
func (op operation) writes() bool {
	return op.name == "Delete" || strings.HasPrefix(op.name, "Create")
}
