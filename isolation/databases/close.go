package databases

import (
	"context"
	"fmt"
	"time"
)

// detach makes a pool one that nobody finds any more. It is called under the write lock.
func (p *Pools) detach(e *entry) {
	delete(p.opened, e.database)
	for _, asked := range e.asked {
		delete(p.entries, asked)
	}
	p.closing[e] = true
}

// retire closes a pool that is not in use, in the background. It is called under the write lock.
func (p *Pools) retire(e *entry, reason Reason) {
	p.detach(e)
	e.retired = true
	p.budget.freedPools++
	p.budget.freedConnections += e.size
	p.work.Go(func() { _ = p.finish(e, reason) }) // what fails to close is lost all the same
}

// drop closes a pool whose database is not there any more.
func (p *Pools) drop(e *entry) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.opened[e.database] == e {
		p.detach(e)
		p.discard(e)
	}
}

// finish closes a pool that was detached, and gives its share of the budget back.
func (p *Pools) finish(e *entry, reason Reason) error {
	err := e.db.Close()
	p.mutex.Lock()
	delete(p.closing, e)
	p.owners.give(e.database)
	if e.retired {
		p.budget.freedPools--
		p.budget.freedConnections -= e.size
	}
	p.unreserve(e.size)
	p.mutex.Unlock()
	p.counts.closed.Add(1)
	p.onClosed(e.database, reason)
	return err
}

// drain waits until a pool that was detached is not in use.
func (e *entry) drain(ctx context.Context) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for !e.idle() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("gormtenant: the pool of the tenant's database was closed while it was in use: %w", ctx.Err())
		}
	}
	return nil
}

// schedule makes sure that idle pools are closed, and old failures forgotten, for as long as there are any.
func (p *Pools) schedule() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.timer == nil && !p.closed {
		p.timer = time.AfterFunc(p.idle, p.sweep)
	}
}

// sweep closes the pools that were not used for too long.
func (p *Pools) sweep() {
	left := p.failures.prune()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return
	}
	next := p.idle
	for _, e := range p.opened {
		if !e.idle() {
			continue
		}
		if age := e.since(p.now()); age < p.idle {
			next = min(next, p.idle-age)
		} else {
			p.retire(e, Idle)
		}
	}
	p.timer = nil
	if len(p.opened)+left > 0 {
		p.timer = time.AfterFunc(max(next, p.idle/10), p.sweep)
	}
}
