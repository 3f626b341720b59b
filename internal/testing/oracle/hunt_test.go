package oracle

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	hunting  = flag.Duration("oracle.hunt", 0, "how long TestHunt looks for a counter-example")
	huntSeed = flag.Uint64("oracle.seed", 0,
		"the seed that TestHunt begins with, 0 for a random one")
	huntOn = flag.String("oracle.database", "sqlite",
		"the database of TestHunt: sqlite or postgres")
)

// TestHunt looks for a counter-example for as long as -oracle.hunt says.
func TestHunt(t *testing.T) {
	if *hunting == 0 {
		t.Skip("make hunt runs it")
	}
	seed := *huntSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	o := newOracle(t, *huntOn, nil)
	for start := time.Now(); time.Since(start) < *hunting; seed++ {
		found := o.search(seed, 500, 30*time.Second)
		t.Logf("seed %d: %d programs, %d steps, %v; by right: %v",
			seed, o.programs, o.steps, time.Since(start).Round(time.Second), o.byRight)
		if found != nil {
			t.Error(found)
		}
	}
}
