package databases

// Stats is what [Pools] have and have done. Its numbers are of one instant, except those that only grow.
type Stats struct {
	// Pools is how many are open, InUse how many of them have a statement, rows, a transaction or a
	// connection open. Opening is how many are being opened, those that wait included; Closing how many
	// are being closed.
	Pools, InUse, Opening, Closing int
	// Waiting is how many pools wait to be opened because the limits are reached, Callers how many
	// statements wait for any pool that is being opened.
	Waiting, Callers int
	// Failing is how many databases could not be connected to when it was last tried.
	Failing int
	// MaxPools and MaxConnections are the limits; Connections is how many connections the pools may
	// have at most, which is what counts.
	MaxPools, Connections, MaxConnections int
	// OpenConnections is how many connections there are.
	OpenConnections int
	// Opened and Closed count pools; Failed counts connections that could not be made, Busy the times
	// that a pool was not opened because of the limits.
	Opened, Closed, Failed, Busy uint64
}

// Stats returns what the pools have and have done.
func (p *Pools) Stats() Stats {
	s := Stats{
		MaxPools: p.maxPools, MaxConnections: p.maxConnections,
		Opened: p.counts.opened.Load(), Closed: p.counts.closed.Load(),
		Failed: p.counts.failed.Load(), Busy: p.counts.busy.Load(),
		Failing: p.failures.prune(),
	}
	p.mutex.RLock()
	defer p.mutex.RUnlock()
	s.Pools, s.Opening, s.Closing = len(p.opened), len(p.flights), len(p.closing)
	s.Waiting, s.Connections = len(p.budget.queue), p.budget.connections
	for _, f := range p.flights {
		s.Callers += f.waiters
	}
	for _, e := range p.opened {
		stats := e.db.Stats()
		s.OpenConnections += stats.OpenConnections
		if e.held.Load() > 0 || stats.InUse > 0 {
			s.InUse++
		}
	}
	for e := range p.closing {
		s.OpenConnections += e.db.Stats().OpenConnections
	}
	return s
}
