package databases

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// budget is what is reserved of MaxPools and MaxConnections: by pools that are open, that are being opened,
// and that are being closed. It is under the write lock of the pools.
type budget struct {
	pools, connections int
	// freed is what the pools that are being closed are about to give back.
	freedPools, freedConnections int
	queue                        []chan struct{} // who waits, first come first served; the first is woken
	waiting                      atomic.Int64    // how many
}

// poll is how often the first in the queue looks again by itself: database/sql says nothing when rows are
// closed.
const poll = 10 * time.Millisecond

// reserve takes a pool and its connections out of the budget. Where they are spent, it closes the pools
// that were not used for longest, and waits while all are in use.
func (p *Pools) reserve(ctx context.Context, f *flight, size int) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.budget.queue) == 0 && p.take(size) {
		return nil
	}
	wake := make(chan struct{}, 1)
	p.budget.queue = append(p.budget.queue, wake)
	p.budget.waiting.Add(1)
	f.waits = true
	defer p.depart(wake, f)
	limit := time.NewTimer(p.wait)
	defer limit.Stop()
	for {
		var again <-chan time.Time
		if p.budget.queue[0] == wake {
			if p.take(size) {
				return nil
			}
			p.evict(size)
			again = time.After(poll)
		}
		p.mutex.Unlock()
		var err error
		select {
		case <-wake:
		case <-again:
		case <-ctx.Done():
			err = ctx.Err()
		case <-limit.C:
			err = fmt.Errorf("waited for %v", p.wait)
		}
		p.mutex.Lock()
		if err != nil {
			p.counts.busy.Add(1)
			return fmt.Errorf("%w (%s): %w", ErrBusy, p.spent(), err)
		}
	}
}

// depart leaves the queue.
func (p *Pools) depart(wake chan struct{}, f *flight) {
	b := &p.budget
	b.queue = slices.DeleteFunc(b.queue, func(other chan struct{}) bool { return other == wake })
	b.waiting.Add(-1)
	f.waits = false
	b.wake()
}

// wake lets the first in the queue look again.
func (b *budget) wake() {
	if len(b.queue) > 0 {
		select {
		case b.queue[0] <- struct{}{}:
		default:
		}
	}
}

func (p *Pools) wake() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.budget.wake()
}

// take takes a pool of that size out of the budget, if it is there.
func (p *Pools) take(size int) bool {
	b := &p.budget
	if b.pools+1 > p.maxPools || b.connections+size > p.maxConnections {
		return false
	}
	b.pools++
	b.connections += size
	return true
}

// unreserve gives back what take took.
func (p *Pools) unreserve(size int) {
	p.budget.pools--
	p.budget.connections -= size
	p.budget.wake()
}

// evict begins to close the pools that were not used for longest, as many as are needed for one of that
// size; none if that would not be enough.
func (p *Pools) evict(size int) {
	b := &p.budget
	pools := b.pools - b.freedPools + 1 - p.maxPools
	connections := b.connections - b.freedConnections + size - p.maxConnections
	if pools <= 0 && connections <= 0 {
		return // it is on its way
	}
	idle := make([]*entry, 0, len(p.opened))
	for _, e := range p.opened {
		if e.idle() {
			idle = append(idle, e)
		}
	}
	slices.SortFunc(idle, func(a, b *entry) int { return int(a.used.Load() - b.used.Load()) })
	for i, e := range idle {
		pools, connections = pools-1, connections-e.size
		if pools <= 0 && connections <= 0 {
			for _, e := range idle[:i+1] {
				p.retire(e, Evicted)
			}
			return
		}
	}
}

// spent says how much of the budget is in use.
func (p *Pools) spent() string {
	return fmt.Sprintf("%d of %d pools, %d of %d connections",
		p.budget.pools, p.maxPools, p.budget.connections, p.maxConnections)
}
