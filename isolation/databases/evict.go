package databases

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// reserve takes a pool and its connections out of the budget. If nothing is left, it closes the
// pools that were not used for longest, and waits while all are in use.
func (r *registry) reserve(ctx context.Context, c *call, size int) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.budget.queue) == 0 && r.budget.take(size) {
		return nil
	}
	wake := r.budget.enqueue()
	c.queued = true
	defer func() {
		c.queued = false
		r.budget.dequeue(wake)
	}()
	limit := time.NewTimer(r.wait)
	defer limit.Stop()
	for {
		var again <-chan time.Time
		if r.budget.queue[0] == wake {
			if r.budget.take(size) {
				return nil
			}
			r.evict(size)
			again = time.After(recheckInterval)
		}
		r.mutex.Unlock()
		var err error
		select {
		case <-wake:
		case <-again:
		case <-ctx.Done():
			err = ctx.Err()
		case <-limit.C:
			err = fmt.Errorf("waited for %v", r.wait)
		}
		r.mutex.Lock()
		if err != nil {
			r.counts.busy.Add(1)
			return fmt.Errorf("%w (%s): %w", ErrBusy, &r.budget, err)
		}
	}
}

// evict begins to close the pools that were not used for longest, as many as a pool of that size
// needs. It closes none if that would not be enough.
func (r *registry) evict(size int) {
	pools, connections := r.budget.lacks(size)
	if pools <= 0 && connections <= 0 {
		return // it is on its way
	}
	idle := make([]*entry, 0, len(r.opened))
	for _, e := range r.opened {
		if e.idle() {
			idle = append(idle, e)
		}
	}
	slices.SortFunc(idle, func(a, b *entry) int {
		return cmp.Compare(a.used.Load(), b.used.Load())
	})
	for i, e := range idle {
		pools, connections = pools-1, connections-e.size
		if pools <= 0 && connections <= 0 {
			for _, e := range idle[:i+1] {
				r.counts.evicted.Add(1)
				r.retire(e)
			}
			return
		}
	}
}
