package tenants

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// Cache is a [Directory] that remembers what another one answered. [Cached] makes one. It is safe
// for concurrent use, and runs no goroutine but those of lookups under way.
type Cache struct {
	cacheConfig
	directory Directory
	elapsed   func() time.Duration // by the clock, since some moment or other

	tenants *otter.Cache[string, *entry]   // by the identifier that was asked for
	absent  *otter.Cache[string, *absence] // apart, so that the unknown cannot evict the known
	voided  invalidations
	heard   heard
	flights flights

	asked                 *stats.Counter // hits and misses; spread over several cache lines
	negative, failed, old atomic.Uint64
}

// Cached puts a cache in front of d.
//
//	directory := tenants.Cached(store, tenants.TTL(time.Minute))
//
// It is a directory that keeps these promises:
//
//   - Callers that miss the same identifier at the same time share one lookup. That lookup has the
//     values of the first caller's context, but neither its deadline nor its cancellation, and ends
//     after [Timeout]; each caller waits only as long as its own context allows. There are at most
//     [MaxLookups] lookups, and goroutines of the cache, at a time.
//   - A tenant in use is looked up again before its [TTL] is over: in the last fifth of it a call
//     is answered from the cache, and starts a lookup.
//   - A directory that fails, panics, times out or returns nonsense yields an error, never
//     [ErrNotFound]; within [Grace] it yields the previous answer.
//   - Unknown identifiers are cached for [NegativeTTL], separately, so that asking for them evicts
//     no tenant. Those that are not [ValidIdentifier] are ErrNotFound at once.
//   - A call that begins after [Cache.Invalidate] has returned never gets an answer that was read
//     before it.
//   - Where a listener calls Invalidate for the changes of others (store.Listen) and its connection
//     falls silent, no answer is older than [StaleLimit].
//
// A hit takes no lock and allocates nothing. It does not look at the tenant's status and expiry:
// call [Tenant.Usable] with the time of the request.
//
// The directory must compare identifiers byte by byte: the ID, the slug or a domain of the tenant
// it returns must equal the identifier. Otherwise anyone could fill the cache with spellings of one
// name, such as ACME and acme. Convert host names to lower case first.
//
// Cached panics if d is nil or an option is out of its range.
func Cached(d Directory, options ...CacheOption) *Cache {
	if d == nil {
		panic("gormtenant: tenants.Cached: the directory is nil")
	}
	config, err := newCacheConfig(options)
	if err != nil {
		panic(err.Error())
	}
	return &Cache{
		cacheConfig: config,
		directory:   d,
		elapsed:     elapsed(config.clock),
		tenants:     bounded[*entry](config.size),
		absent:      bounded[*absence](config.size),
		voided:      invalidations{limit: config.size},
		flights:     flights{slots: make(chan struct{}, config.lookups)},
		asked:       stats.NewCounter(),
	}
}

// elapsed returns what tells ages apart. Without a clock of the caller's it is the monotonic clock,
// which is also the cheaper to read. UnixNano wraps where Sub would stop at 292 years, and time
// with it.
func elapsed(clock func() time.Time) func() time.Duration {
	if clock == nil {
		start := time.Now()
		return func() time.Duration { return time.Since(start) }
	}
	return func() time.Duration { return time.Duration(clock().UnixNano()) }
}

// bounded returns a map that holds size entries. It does its housekeeping in the calls, not in
// goroutines.
func bounded[V any](size int) *otter.Cache[string, V] {
	return otter.Must(&otter.Options[string, V]{
		MaximumSize: size,
		Executor:    func(fn func()) { fn() },
	})
}

// Lookup returns the tenant whose ID, slug or domain the identifier is, shared with everybody who
// asks: do not change it. Where there is none the error is [ErrNotFound]; every other error says
// that it could not be found out, the caller's own ctx.Err() included. A cached answer is given
// whatever the state of ctx.
func (c *Cache) Lookup(ctx context.Context, identifier string) (*Tenant, error) {
	if !ValidIdentifier(identifier) {
		return nil, ErrNotFound
	}
	now := c.elapsed()
	e, ok := c.tenants.GetIfPresent(identifier)
	if ok && c.fresh(e, now) {
		c.asked.RecordHits(1)
		if c.due(e, now) && e.claim(now) {
			c.ahead(ctx, identifier, e)
		}
		return e.tenant, nil
	}
	if c.knownAbsent(identifier, now) {
		c.negative.Add(1)
		return nil, ErrNotFound
	}
	if ok && c.inGrace(e, now) {
		failing, retry := e.failing(now)
		if retry {
			c.ahead(ctx, identifier, e)
		}
		if failing {
			c.old.Add(1)
			return e.tenant, nil
		}
	}
	return c.miss(ctx, identifier, e)
}

// miss asks the directory, or waits with those who do. e is what was cached until now, or nil.
func (c *Cache) miss(ctx context.Context, identifier string, e *entry) (*Tenant, error) {
	c.asked.RecordMisses(1)
	if ctx.Err() != nil {
		return nil, prefix.Errorf("look up a tenant: %w", ended(ctx))
	}
	t, answered, err := c.wait(ctx, c.join(ctx, identifier, e))
	if answered && err != nil && !errors.Is(err, ErrNotFound) && e != nil &&
		c.inGrace(e, c.elapsed()) {
		e.fail(c.elapsed())
		c.old.Add(1)
		return e.tenant, nil
	}
	return t, err
}

// keep caches a tenant, unless it is void already and would only displace a newer one. An absence
// must not outlast it, or it would be back when the tenant is evicted or the clock is set back.
func (c *Cache) keep(identifier string, e *entry) {
	c.absent.Invalidate(identifier)
	if !c.voided.void(e) {
		c.tenants.Set(identifier, e)
	}
}

// keepAbsence caches that there is nobody. Who was there before is not served any more, in no
// grace; who came after it is.
func (c *Cache) keepAbsence(identifier string, a *absence) {
	if e, ok := c.tenants.GetIfPresent(identifier); ok && e.since <= a.since {
		c.tenants.Invalidate(identifier)
	}
	c.absent.Set(identifier, a)
}
