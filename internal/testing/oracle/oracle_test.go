package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
)

// The same programs run each time: what fails, fails because of a change. `make hunt` draws others.
const seed = 20260101

func TestTenantIsIndistinguishableFromAlone_sqlite(t *testing.T) { law(t, "sqlite", 1000) }

func TestTenantIsIndistinguishableFromAlone_postgres(t *testing.T) { law(t, "postgres", 100) }

func TestTenantIsIndistinguishableFromAlone_soak(t *testing.T) {
	soak.Skip(t)
	law(t, "sqlite", 5_000)
	law(t, "postgres", 500)
}

// law runs programs on both sides.
func law(t *testing.T, dialect string, programs int) {
	t.Helper()
	o := newOracle(t, dialect, nil)
	o.pair(true) // skips without a server
	programs /= race.Slowness
	if testing.Short() {
		programs /= 5
	}
	start := time.Now()
	found := o.search(seed, programs, time.Minute)
	t.Logf("%s: %d programs, %d steps compared in %v; by right: %v",
		dialect, o.programs, o.steps, time.Since(start).Round(time.Millisecond), o.byRight)
	if found != nil {
		t.Fatal(found)
	}
	require.Greater(t, o.steps, o.programs, "a program has a step at least")
}
