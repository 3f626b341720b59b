package tenants

// CacheStats is what a [Cache] has done since it was made. Its numbers are read one after the
// other, not at one instant.
type CacheStats struct {
	// Hits counts the calls answered with a cached tenant.
	Hits uint64
	// NegativeHits counts those answered ErrNotFound from the cache. Identifiers that are not
	// [ValidIdentifier] are not counted at all.
	NegativeHits uint64
	// Misses counts the calls that waited for a lookup, their own or another's.
	Misses uint64
	// Failed counts the lookups that failed: errors other than ErrNotFound, panics, nonsense, no
	// answer.
	Failed uint64
	// Stale counts the answers given within [Grace], because the directory failed.
	Stale uint64
	// Entries is how many identifiers of tenants are cached, those included that are no longer
	// valid and not yet dropped.
	Entries int
	// NegativeEntries is how many unknown identifiers are cached.
	NegativeEntries int
}

// Stats returns what the cache has done so far.
func (c *Cache) Stats() CacheStats {
	asked := c.asked.Snapshot()
	return CacheStats{
		Hits:            asked.Hits,
		NegativeHits:    c.negative.Load(),
		Misses:          asked.Misses,
		Failed:          c.failed.Load(),
		Stale:           c.old.Load(),
		Entries:         c.tenants.EstimatedSize(),
		NegativeEntries: c.absent.EstimatedSize(),
	}
}
