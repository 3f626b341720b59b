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
	ttl, negativeTTL, grace, timeout time.Duration
	size                             int
	clock                            func() time.Time
}

func newCacheConfig(options []CacheOption) (cacheConfig, error) {
	config := cacheConfig{
		ttl:         5 * time.Minute,
		negativeTTL: 30 * time.Second,
		timeout:     5 * time.Second,
		size:        10_000,
	}
	err := option.Apply("tenants.Cached", options,
		func(o CacheOption) error { return o.apply(&config) })
	return config, err
}

// TTL is how long a tenant is answered from the cache, counted from the start of its lookup. It
// must be positive. Defaults to 5 minutes: the longest that a change goes unnoticed which nobody
// calls [Cache.Invalidate] for.
func TTL(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.ttl = d
		return positive("TTL", d)
	})
}

// NegativeTTL is how long ErrNotFound is answered from the cache. It must be positive. Defaults to
// 30 seconds: the longest that a new tenant waits whose name was asked for too early.
func NegativeTTL(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.negativeTTL = d
		return positive("NegativeTTL", d)
	})
}

// Grace is for how long after [TTL] a tenant is still answered from the cache while the directory
// fails. It must not be negative. Defaults to 0: an error as soon as the TTL is over. A directory
// that is found to fail is asked again once a second; within ten seconds of a failure nobody waits
// for it.
//
// In its grace a tenant is served as it was: one who has been suspended meanwhile still is, unless
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

// Timeout is how long a lookup may take. It must be positive. Defaults to 5 seconds. The
// directory's context ends then; one that goes on nevertheless keeps its goroutine, and nobody
// waits for it any more.
func Timeout(d time.Duration) CacheOption {
	return cacheOption(func(config *cacheConfig) error {
		config.timeout = d
		return positive("Timeout", d)
	})
}

// Size is how many identifiers of tenants are cached at most; a tenant has one for each name that
// it is asked for by. As many absences are cached beside them. It must be at least 1. Defaults to
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

// Clock is what the cache tells the time by, for tests. It must not be nil, and is called by
// several goroutines at once. Defaults to the monotonic clock, which nobody can set. With a clock
// that is set back, what was cached is looked up again; with one that is set forward, it has
// expired.
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
