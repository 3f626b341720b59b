package tenants

import (
	"strings"
	"sync"
	"sync/atomic"
)

// Invalidate makes the cache forget the tenants that have these identifiers: each of them under its
// ID, its slug and all its domains, as far as it is cached under them. Call it when a tenant has
// been changed (after the commit), with its ID, which never changes, and with any names that it has
// lost or gained. All unknown identifiers are forgotten too. If a lookup under way turns out to be
// of such a tenant, its answer goes to the callers that wait for it, but is neither cached nor
// given to later callers.
//
// It costs a few map writes, whatever the size of the cache. A cache that has been told of more
// identifiers than its [Size] forgets everything, and starts to count anew.
func (c *Cache) Invalidate(identifiers ...string) {
	names := make([]string, 0, len(identifiers))
	for _, identifier := range identifiers {
		if identifier == "" {
			continue
		}
		names = append(names, strings.Clone(identifier))
		if e, ok := c.tenants.GetIfPresent(identifier); ok {
			// By its ID it is also found where it is cached under a name that it has lost since.
			names = append(names, e.tenant.ID, e.tenant.Slug)
			names = append(names, e.tenant.Domains...)
		}
	}
	if len(names) == 0 {
		return
	}
	c.voided.add(names)
	for _, name := range names {
		c.tenants.Invalidate(name) // what is not reached this way is void all the same
	}
}

// InvalidateAll makes the cache forget everything. Call it when notices of changes may have been
// missed.
func (c *Cache) InvalidateAll() {
	c.voided.addAll()
	c.tenants.InvalidateAll()
	c.absent.InvalidateAll()
}

// invalidations are numbered, from 1. An entry knows the number of the last one before its lookup
// began; it is void if one of its tenant's names has a later one. So an entry is void from the
// moment that its invalidation is counted, and it does not matter when it is stored, or under which
// names.
type invalidations struct {
	limit int           // of last
	count atomic.Uint64 // the number of the last one; it changes under mu only

	mu   sync.RWMutex
	last map[string]uint64 // by identifier
	all  uint64            // the last one of everything
}

// add counts an invalidation of these identifiers.
func (v *invalidations) add(identifiers []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	number := v.count.Load() + 1
	if v.last == nil {
		v.last = map[string]uint64{}
	}
	for _, identifier := range identifiers {
		v.last[identifier] = number
	}
	if len(v.last) > v.limit {
		v.last, v.all = nil, number
	}
	v.count.Store(number)
}

// addAll counts an invalidation of everything.
func (v *invalidations) addAll() {
	v.mu.Lock()
	defer v.mu.Unlock()
	number := v.count.Load() + 1
	v.last, v.all = nil, number
	v.count.Store(number)
}

// void reports whether e has been invalidated.
func (v *invalidations) void(e *entry) bool {
	if e.checked.Load() == v.count.Load() {
		return false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.all > e.since || v.last[e.tenant.ID] > e.since || v.last[e.tenant.Slug] > e.since {
		return true
	}
	for _, domain := range e.tenant.Domains {
		if v.last[domain] > e.since {
			return true
		}
	}
	e.checked.Store(v.count.Load())
	return false
}
