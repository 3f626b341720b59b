package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/callbacks"
)

// without takes a clause builder of the plugin away.
func without(name string) func(*gorm.DB) {
	return func(db *gorm.DB) { delete(db.ClauseBuilders, name) }
}

// TestOracleFindsWhatAGuardHolds takes one guard of the plugin out and sees that the oracle finds a
// counter-example soon, and a short one. An oracle that finds nothing proves nothing.
//
// The callbacks in front of updates, deletes and rows are not among them: what they refuse, a
// missing tenant and a value of another tenant, changes nothing without them either. The builders
// hold the rows.
func TestOracleFindsWhatAGuardHolds(t *testing.T) {
	remove := func(processor interface{ Remove(name string) error }, name string) {
		require.NoError(t, processor.Remove(name))
	}
	for _, test := range []struct {
		name   string
		guard  func(*gorm.DB)
		within int // programs
		steps  int // in the shrunk program
	}{
		{"where", without("WHERE"), 50, 1},
		{"from", without("FROM"), 100, 3},
		{"set", without("SET"), 100, 3},
		{"on_conflict", without("ON CONFLICT"), 100, 3},
		{"values", without("VALUES"), 100, 3},
		{"create", func(db *gorm.DB) { remove(db.Callback().Create(), callbacks.CreateName) }, 100, 3},
		{"references", func(db *gorm.DB) { remove(db.Callback().Create(), callbacks.ReferencesName) }, 200, 3},
		{"conflict", func(db *gorm.DB) { remove(db.Callback().Create(), callbacks.ConflictName) }, 200, 3},
		{"owner", func(db *gorm.DB) { remove(db.Callback().Update(), callbacks.OwnerName) }, 200, 3},
		{"query", func(db *gorm.DB) { remove(db.Callback().Query(), callbacks.QueryName) }, 200, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOracle(t, "sqlite", test.guard)
			found := o.search(seed, test.within, 2*time.Second)
			require.NotNil(t, found, "nothing found in %d programs", o.programs)
			t.Log(found)
			require.LessOrEqual(t, found.program.steps(), test.steps)
		})
	}
}
