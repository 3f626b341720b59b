package tenants

import (
	"sync/atomic"
	"time"
)

// StaleLimit returns how old an answer may be while the cache's listener hears nothing: see the
// option. A listener has to make sure of its connection more often than that.
func (c *Cache) StaleLimit() time.Duration { return c.stale }

// Heard tells the cache that Invalidate and InvalidateAll were called for every change that was
// committed until a time ago. With the first call [StaleLimit] comes into force: from then on what
// was read longer ago than that is trusted only if Heard says so. store.Listen calls it; a listener
// of your own has to, at least twice within StaleLimit. A cache has one listener at most.
func (c *Cache) Heard(ago time.Duration) {
	c.heard.note(c.elapsed() - max(ago, 0))
}

// heard is until when the cache knows of all changes.
type heard struct {
	until atomic.Pointer[time.Duration] // nil where nobody listens
}

func (h *heard) note(until time.Duration) { h.until.Store(&until) }

// unsure returns for how long an answer that was read at a time may have been wrong without the
// cache knowing; 0 where nobody listens. Like an age it is negative where the clock was set back.
func (h *heard) unsure(read, now time.Duration) time.Duration {
	until := h.until.Load()
	if until == nil {
		return 0
	}
	return now - max(read, *until)
}
