package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/callbacks"
	"github.com/gormtenant/gormtenant/internal/testing/race"
)

// without takes a clause builder of the plugin away.
func without(name string) func(*gorm.DB) {
	return func(db *gorm.DB) { delete(db.ClauseBuilders, name) }
}

// TestOracleFindsWhatAGuardHolds takes one guard of the plugin out and sees that the oracle finds a
// counter-example soon. An oracle that finds nothing proves nothing. How short it becomes depends
// on how much of it a machine can try in the time for shrinking, so that is logged.
//
// The builder of WHERE is not among them: the gate limits what it leaves, see the test below. The
// callbacks in front of updates, deletes and rows are not among them: what they refuse, a missing
// tenant and a value of another tenant, changes nothing without them either. The builders hold the
// rows.
func TestOracleFindsWhatAGuardHolds(t *testing.T) {
	if race.Slowness > 1 {
		t.Skip("the race detector has nothing to find here that the law does not show it")
	}
	remove := func(processor interface{ Remove(name string) error }, name string) {
		require.NoError(t, processor.Remove(name))
	}
	for _, test := range []struct {
		name   string
		guard  func(*gorm.DB)
		within int // programs
	}{
		{"set", without("SET"), 100},
		{"on_conflict", without("ON CONFLICT"), 100},
		{"values", without("VALUES"), 100},
		{"create", func(db *gorm.DB) { remove(db.Callback().Create(), callbacks.CreateName) }, 100},
		{"references", func(db *gorm.DB) {
			remove(db.Callback().Create(), callbacks.ReferencesName)
		}, 200},
		{"conflict", func(db *gorm.DB) {
			remove(db.Callback().Create(), callbacks.ConflictName)
		}, 200},
		{"owner", func(db *gorm.DB) { remove(db.Callback().Update(), callbacks.OwnerName) }, 200},
		{"query", func(db *gorm.DB) { remove(db.Callback().Query(), callbacks.QueryName) }, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOracle(t, "sqlite", test.guard)
			found := o.search(seed, test.within, time.Second)
			require.NotNil(t, found, "nothing found in %d programs", o.programs)
			t.Logf("%d steps: %s", found.program.steps(), found)
		})
	}
}

// TestGate_holds_without_the_writer_of_WHERE: the two know nothing of each other, and each is
// enough.
func TestGate_holds_without_the_writer_of_WHERE(t *testing.T) {
	programs := 150
	if testing.Short() || race.Enabled {
		programs = 40
	}
	o := newOracle(t, "sqlite", without("WHERE"))
	if found := o.search(seed, programs, time.Second); found != nil {
		t.Fatal(found)
	}
}
