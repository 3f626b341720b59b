package oracle

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompare_after_a_failure: what memory holds after a failure is shown by the next step. It may
// differ only where the step named the key of another tenant's row.
func TestCompare_after_a_failure(t *testing.T) {
	t.Parallel()
	rows := &snapshot{}
	p := &pair{shared: &database{first: rows}, solo: &database{first: rows}}
	run := func(failed Mark, first, then string) string {
		side := func(first, then string) []sight {
			return []sight{
				{
					marks: failed, err: errors.New("constraint"), kind: "foreign key",
					values: first, rows: rows,
				},
				{marks: Reads, values: then, rows: rows},
			}
		}
		o := newOracle(t, "sqlite", nil)
		return o.compare(Setting{}, p, side(first, then), side("ID: 0", "ID: 0"))
	}
	require.Empty(t, run(0, "ID: 0", "ID: 0"))
	require.Empty(t, run(PlainKey, "ID: 7", "ID: 7"))
	require.Contains(t, run(PlainKey, "ID: 0", "ID: 7"), "step 2: other values",
		"memory was the same")
	require.Contains(t, run(0, "ID: 7", "ID: 7"), "step 2: other values", "no key of another")
	require.NotEmpty(t, secrets)
	require.Contains(t, run(PlainKey, secrets[0], ""), "a value of another tenant")
}
