package databases

// Stats is what [Pools] have and have done. Its numbers are of one instant, except the counters.
type Stats struct {
	// Pools is how many are open. InUse is how many of them have a statement, rows, a transaction
	// or a connection open. Opening is how many are being opened, including those that wait;
	// Closing is how many are being closed.
	Pools, InUse, Opening, Closing int
	// Waiting is how many pools wait to be opened because the limits are reached. Callers is how
	// many statements wait for any pool that is being opened.
	Waiting, Callers int
	// Failing is how many databases could not be connected to at the last attempt.
	Failing int
	// MaxPools and MaxConnections are the limits. Connections is how many connections the pools may
	// open, which is what counts against the limit.
	MaxPools, Connections, MaxConnections int
	// OpenConnections is how many connections are open.
	OpenConnections int
	// Opened, Closed and Evicted count pools; Evicted is the part of Closed that made room for
	// another tenant. Failed counts connections that could not be made, Busy the times that a pool
	// was not opened because of the limits.
	Opened, Closed, Evicted, Failed, Busy uint64
}

// Stats returns what the pools have and have done.
func (p *Pools) Stats() Stats {
	r := p.registry
	s := Stats{
		MaxPools: r.maxPools, MaxConnections: r.maxConnections,
		Opened: r.counts.opened.Load(), Closed: r.counts.closed.Load(),
		Evicted: r.counts.evicted.Load(),
		Failed:  r.dialer.failed.Load(), Busy: r.counts.busy.Load(),
		Failing: r.dialer.failures.prune(),
	}
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	s.Pools, s.Opening, s.Closing = len(r.opened), len(r.calls), len(r.closing)
	s.Waiting, s.Connections = len(r.budget.queue), r.budget.connections
	for _, c := range r.calls {
		s.Callers += c.waiters
	}
	for _, e := range r.opened {
		stats := e.db.Stats()
		s.OpenConnections += stats.OpenConnections
		if e.held.Load() > 0 || stats.InUse > 0 {
			s.InUse++
		}
	}
	for e := range r.closing {
		s.OpenConnections += e.db.Stats().OpenConnections
	}
	return s
}
