package tenants

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// A directory that failed to read an entry again counts as failing for failingFor: callers then get
// the entry at once, lest every request wait for a database that is down. One of them has it asked
// again, behind their backs, as soon as retryAfter has passed since the last attempt.
const (
	retryAfter = time.Second
	failingFor = 10 * time.Second
)

// entry is a tenant in a cache.
type entry struct {
	tenant *Tenant
	read   time.Duration // when the look-up began
	since  uint64        // the last invalidation before that
	// checked is the last invalidation that is known not to concern the entry, so that one hit
	// after each looks, and not all.
	checked atomic.Uint64
	// failedAt is when the last attempt to read it again failed, or began after one that failed;
	// nil where none did.
	failedAt atomic.Pointer[time.Duration]
	// claimed is when it was last to be read again ahead of time; 0 for never.
	claimed atomic.Int64
}

func newEntry(t *Tenant, read time.Duration, since uint64) *entry {
	e := &entry{tenant: t, read: read, since: since}
	e.checked.Store(since)
	return e
}

// absence says that an identifier was nobody's.
type absence struct {
	read  time.Duration
	since uint64
}

// fresh reports whether e may be answered. One that comes from the future is not fresh: the clock
// was set back, and its age is not known.
func (c *Cache) fresh(e *entry, now time.Duration) bool {
	age := now - e.read
	return age >= 0 && age < c.ttl && c.sure(e.read, now) && !c.voided.void(e)
}

// inGrace reports whether e may be answered while the directory fails.
func (c *Cache) inGrace(e *entry, now time.Duration) bool {
	return c.grace > 0 && (now-e.read).Abs()-c.ttl < c.grace && !c.voided.void(e)
}

// due reports whether a fresh entry is to be read again, before callers would have to wait for it.
func (c *Cache) due(e *entry, now time.Duration) bool {
	return now-e.read >= c.ttl-c.ttl/5 || c.heard.unsure(e.read, now) >= c.stale-c.stale/5
}

// claim reports whether the caller is to read the entry again, once in retryAfter.
func (e *entry) claim(now time.Duration) bool {
	last := e.claimed.Load()
	return (last == 0 || (now-time.Duration(last)).Abs() >= retryAfter) &&
		e.claimed.CompareAndSwap(last, int64(now))
}

// knownAbsent reports whether identifier was nobody's a moment ago. Every invalidation puts that in
// doubt: the tenant that has changed may have got this name.
func (c *Cache) knownAbsent(identifier string, now time.Duration) bool {
	a, ok := c.absent.GetIfPresent(identifier)
	if !ok || a.since != c.voided.count.Load() {
		return false
	}
	age := now - a.read
	return age >= 0 && age < c.negativeTTL && c.sure(a.read, now)
}

// sure reports whether the cache would have heard of a change of what was read, or it is not old.
func (c *Cache) sure(read, now time.Duration) bool {
	unsure := c.heard.unsure(read, now)
	return unsure >= 0 && unsure < c.stale
}

// fail notes that e could not be read again.
func (e *entry) fail(now time.Duration) { e.failedAt.Store(&now) }

// failing reports whether callers get e without waiting for a lookup, and whether this one is to
// start it.
func (e *entry) failing(now time.Duration) (failing, retry bool) {
	at := e.failedAt.Load()
	if at == nil {
		return false, false
	}
	ago := now - *at
	if ago < 0 || ago >= failingFor {
		return false, false
	}
	if ago < retryAfter {
		return true, false
	}
	attempt := now // on the heap, where now itself must not be
	return true, e.failedAt.CompareAndSwap(at, &attempt)
}

// clone returns a tenant that shares nothing with t.
func (t *Tenant) clone() *Tenant {
	clone := *t
	clone.Domains = slices.Clone(t.Domains)
	clone.Limits = maps.Clone(t.Limits)
	clone.Attributes = maps.Clone(t.Attributes)
	if t.ExpiresAt != nil {
		expires := *t.ExpiresAt
		clone.ExpiresAt = &expires
	}
	return &clone
}
