package databases

import (
	"context"
	"fmt"
	"runtime/debug"
)

// flight is the opening of one pool, for all who wait for it.
type flight struct {
	database Database
	cancel   context.CancelFunc
	waiters  int // under the write lock of the pools, as is all else until done is closed
	waits    bool
	done     chan struct{}
	entry    *entry
	err      error
}

// open returns the pool of a database that is not found under what was asked, held once.
func (p *Pools) open(ctx context.Context, asked Database) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := asked.named()
	if err != nil {
		return nil, err
	}
	f, e, err := p.join(ctx, asked, d)
	if f == nil {
		return e, err
	}
	select {
	case <-f.done:
		return f.entry, f.err
	case <-ctx.Done():
		return p.leave(ctx, f)
	}
}

// join returns the pool if it is open after all, or else the flight that opens it, begun if there is none.
func (p *Pools) join(ctx context.Context, asked, d Database) (*flight, *entry, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	if e, ok := p.opened[d]; ok {
		if p.entries[asked] != e {
			p.entries[asked] = e
			e.asked = append(e.asked, asked)
		}
		e.held.Add(1)
		return nil, e, nil
	}
	f, ok := p.flights[d]
	if !ok {
		if err := p.failures.current(d); err != nil {
			return nil, nil, err
		}
		if err := p.owners.take(d); err != nil {
			return nil, nil, err
		}
		f = &flight{database: d, done: make(chan struct{})}
		// It outlives the caller, but not the pools.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(p.ctx, cancel) //nolint:contextcheck // Two contexts end it.
		f.cancel = func() { stop(); cancel() }
		p.flights[d] = f
		p.work.Go(func() { p.fly(own, f, asked) })
	}
	f.waiters++
	return f, nil, nil
}

// leave stops waiting. A flight that nobody waits for is ended.
func (p *Pools) leave(ctx context.Context, f *flight) (*entry, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-f.done: // it is held for this caller
		return f.entry, f.err
	default:
	}
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		if p.flights[f.database] == f {
			delete(p.flights, f.database)
		}
	}
	if f.waits {
		return nil, fmt.Errorf("%w (%s): %w", ErrBusy, p.spent(), ctx.Err())
	}
	return nil, fmt.Errorf("gormtenant: the tenant's database was still being connected to: %w", ctx.Err())
}

// fly opens the pool, and gives it to all who wait.
func (p *Pools) fly(ctx context.Context, f *flight, asked Database) {
	defer f.cancel()
	e, err := p.fetch(ctx, f)
	p.mutex.Lock()
	if p.flights[f.database] == f {
		delete(p.flights, f.database)
	}
	switch {
	case err != nil:
		p.owners.give(f.database)
	case p.closed:
		err = ErrClosed
		p.discard(e)
	case f.waiters == 0:
		p.discard(e)
	default:
		p.opened[f.database] = e
		p.entries[asked] = e
		e.asked = []Database{asked}
		e.held.Store(int64(f.waiters))
		f.entry = e
	}
	if p.closed && ctx.Err() != nil && f.entry == nil {
		err = ErrClosed
	}
	f.err = err
	close(f.done)
	p.mutex.Unlock()
	p.schedule()
}

// discard closes a pool that nobody wants any more.
func (p *Pools) discard(e *entry) {
	p.closing[e] = true
	p.work.Go(func() { _ = p.finish(e, Closed) })
}

// fetch reserves what the pool needs and opens it. A panic of the application's code is an error: here it
// would end the process.
func (p *Pools) fetch(ctx context.Context, f *flight) (e *entry, err error) {
	reserved := 0
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("gormtenant: opening the tenant's database panicked: %v\n%s", value, debug.Stack())
		}
		if err != nil && e != nil {
			_ = e.db.Close()
			e = nil
		}
		if err != nil && reserved > 0 {
			p.mutex.Lock()
			p.unreserve(reserved)
			p.mutex.Unlock()
		}
	}()
	size := min(max(1, p.size(ctx, f.database)), p.maxConnections)
	if err := p.reserve(ctx, f, size); err != nil {
		return nil, err
	}
	reserved = size
	if e, err = p.openEntry(ctx, f.database, size); err != nil {
		return nil, err
	}
	p.onOpened(f.database)
	p.counts.opened.Add(1)
	return e, nil
}

// flightOf returns one that opens a pool of a tenant.
func (p *Pools) flightOf(tenant string) *flight {
	for d, f := range p.flights {
		if d.Tenant == tenant {
			return f
		}
	}
	return nil
}
