package tenants

import (
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant/internal/option"
)

// CacheOption changes what [Cached] makes.
type CacheOption interface {
	apply(config *cacheConfig) error
}

type cacheOption func(config *cacheConfig) error

func (o cacheOption) apply(config *cacheConfig) error { return o(config) }

type cacheConfig struct {
	ttl, negativeTTL, grace, timeout, stale time.Duration
	size, lookups                           int
	clock                                   func() time.Time
}

func newCacheConfig(options []CacheOption) (cacheConfig, error) {
	config := cacheConfig{
		ttl:         5 * time.Minute,
		negativeTTL: 30 * time.Second,
		timeout:     5 * time.Second,
		stale:       10 * time.Second,
		size:        10_000,
		lookups:     64,
	}
	err := option.Apply("tenants.Cached", options,
		func(o CacheOption) error { return o.apply(&config) })
	return config, err
}

// TTL sets how long a tenant stays cached, counted from the start of its lookup. It must be
// positive. Defaults to 5 minutes. A change goes unnoticed for at most that long if nobody calls
// [Cache.Invalidate].
func TTL(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.ttl = d
		return positive("TTL", d)
	})
}

// NegativeTTL sets how long ErrNotFound stays cached. It must be positive. Defaults to 30 seconds.
// A new tenant whose name was asked for too early is found after at most that long.
func NegativeTTL(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.negativeTTL = d
		return positive("NegativeTTL", d)
	})
}

// Grace sets how long after [TTL] a cached tenant is still returned while the directory fails. It
// must not be negative. Defaults to 0: an error as soon as the TTL is over. A failing directory is
// asked again once a second; for ten seconds after a failure no caller waits for it.
//
// During that time a tenant is served as it was cached, even if it has been suspended since, unless
// [Cache.Invalidate] was called.
func Grace(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.grace = d
		if d < 0 {
			return fmt.Errorf("gormtenant: tenants.Grace(%v): it must not be negative; 0 is no "+
				"grace", d)
		}
		return nil
	})
}

// Timeout limits a lookup. It must be positive. Defaults to 5 seconds. The directory's context ends
// then. A directory that ignores its context keeps its goroutine, but no caller waits for it any
// longer.
func Timeout(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.timeout = d
		return positive("Timeout", d)
	})
}

// Size limits how many identifiers are cached; a tenant takes one for each name under which it was
// looked up. As many unknown identifiers are cached separately. It must be at least 1. Defaults to
// 10,000.
func Size(n int) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.size = n
		if n < 1 {
			return fmt.Errorf("gormtenant: tenants.Size(%d): it must be at least 1", n)
		}
		return nil
	})
}

// StaleLimit sets how old an answer may be, once a listener was attached (store.Listen) and hears
// nothing: counted from when the answer was read, or from when the listener last made sure that it
// had missed no change. Then the directory is asked. It must be at least a second. Defaults to 10
// seconds. So a tenant that was suspended is served for no longer, in whatever way the connection
// was lost. A cache without a listener has [TTL] alone.
func StaleLimit(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.stale = d
		if d < time.Second {
			return fmt.Errorf("gormtenant: tenants.StaleLimit(%v): it must be at least a second: "+
				"a listener asks the server four times within it", d)
		}
		return nil
	})
}

// MaxLookups limits how many lookups are under way at the same time, and so the goroutines and the
// connections that misses take. It must be at least 1. Defaults to 64. A caller beyond them waits,
// within [Timeout] and as long as its context allows. A directory that ignores its context keeps
// its place until it returns.
func MaxLookups(n int) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.lookups = n
		if n < 1 {
			return fmt.Errorf("gormtenant: tenants.MaxLookups(%d): it must be at least 1", n)
		}
		return nil
	})
}

// Clock replaces the clock of the cache, for tests. It must not be nil, and must be safe for
// concurrent use. Defaults to the monotonic clock. If the clock is set back, cached tenants are
// looked up again; if it is set forward, they have expired.
func Clock(now func() time.Time) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.clock = now
		if now == nil {
			return errors.New("gormtenant: tenants.Clock(nil): give a function, such as time.Now")
		}
		return nil
	})
}

func positive(option string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("gormtenant: tenants.%s(%v): it must be positive", option, d)
	}
	return nil
}
