package pgsession

import (
	"sync"
	"sync/atomic"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// traces remembers the texts that leave nothing behind: an application sends the same ones again
// and again. It is safe for concurrent use.
type traces struct {
	none  sync.Map
	count atomic.Int32
}

const (
	mostTraces   = 1000
	longestTrace = 4096
)

// of returns what a text may leave behind.
func (t *traces) of(text string) sqltext.Trace {
	if _, none := t.none.Load(text); none {
		return sqltext.NoTrace
	}
	trace := sqltext.TraceOf(text)
	if trace == sqltext.NoTrace && len(text) <= longestTrace {
		if t.count.Add(1) > mostTraces {
			t.none.Clear()
			t.count.Store(1)
		}
		t.none.Store(text, struct{}{})
	}
	return trace
}
