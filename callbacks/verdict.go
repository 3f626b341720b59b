package callbacks

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// verdicts remembers what texts are. What a text is depends on the text and the tables alone; the
// arguments are compared at each run. Each text has one place, which it shares with others: the
// last one stays, so that memory is bounded and reading takes no lock.
type verdicts struct {
	seed  maphash.Seed
	short [2048]atomic.Pointer[verdict]
	long  [64]atomic.Pointer[verdict]
}

// Texts of more than longText bytes, such as an INSERT of many rows, share the fewer places, and
// those of more than longestText are read each time.
const (
	longText    = 4 << 10
	longestText = 512 << 10
)

// verdict is what the reader said of one text.
type verdict struct {
	text       string
	options    sqltext.Options // without Tables, of which the generation tells
	generation uint64
	plan       *sqltext.Plan
	err        error
}

func newVerdicts() *verdicts { return &verdicts{seed: maphash.MakeSeed()} }

// read returns the plan of a text, or its *sqltext.Refusal.
func (v *verdicts) read(text string, o sqltext.Options, generation uint64) (*sqltext.Plan, error) {
	if len(text) > longestText {
		return sqltext.Read(text, o)
	}
	hash := maphash.String(v.seed, text)
	place := &v.short[hash%uint64(len(v.short))]
	if len(text) > longText {
		place = &v.long[hash%uint64(len(v.long))]
	}
	tables := o.Tables
	o.Tables = nil
	if known := place.Load(); known != nil && known.generation == generation &&
		known.options == o && known.text == text {
		return known.plan, known.err
	}
	keep := verdict{text: strings.Clone(text), options: o, generation: generation}
	o.Tables = tables
	keep.plan, keep.err = sqltext.Read(keep.text, o)
	place.Store(&keep)
	return keep.plan, keep.err
}
