package databases

import (
	"context"
	"fmt"
	"runtime/debug"
)

// hold returns the open pool of what a context asks for, held once; nil if there is none.
func (r *registry) hold(asked Database) *entry {
	r.mutex.RLock()
	e := r.entries[asked]
	if e != nil {
		e.held.Add(1)
	}
	r.mutex.RUnlock()
	if e == nil {
		return nil
	}
	e.used.Store(r.now())
	if e.replaced() {
		e.Release()
		r.drop(e)
		return nil
	}
	return e
}

// open returns the pool of a database that is not found under what was asked for, held once.
func (r *registry) open(ctx context.Context, asked Database) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d, err := asked.named()
	if err != nil {
		return nil, err
	}
	c, e, err := r.join(ctx, asked, d)
	if c == nil {
		return e, err
	}
	select {
	case <-c.done:
		return c.entry, c.err
	case <-ctx.Done():
		return r.leave(ctx, c)
	}
}

// join returns the pool if it is open after all. If not, it returns the call that opens it, which
// it begins if there is none.
func (r *registry) join(ctx context.Context, asked, d Database) (*call, *entry, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	if e, ok := r.opened[d]; ok {
		if r.entries[asked] != e {
			r.entries[asked] = e
			e.asked = append(e.asked, asked)
		}
		e.held.Add(1)
		return nil, e, nil
	}
	c, ok := r.calls[d]
	if !ok {
		if err := r.dialer.failures.current(d); err != nil {
			return nil, nil, err
		}
		if err := r.owners.take(d); err != nil {
			return nil, nil, err
		}
		c = &call{database: d, done: make(chan struct{})}
		// It outlives the caller, but not the pools.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(r.ctx, cancel) //nolint:contextcheck // Two contexts end it.
		c.cancel = func() { stop(); cancel() }
		r.calls[d] = c
		r.work.Go(func() { r.run(own, c, asked) })
	}
	c.waiters++
	return c, nil, nil
}

// leave stops waiting. A call that nobody waits for is ended.
func (r *registry) leave(ctx context.Context, c *call) (*entry, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	select {
	case <-c.done: // the pool is held for this caller
		return c.entry, c.err
	default:
	}
	if c.waiters--; c.waiters == 0 {
		c.cancel()
		if r.calls[c.database] == c {
			delete(r.calls, c.database)
		}
	}
	if c.queued {
		return nil, fmt.Errorf("%w (%s): %w", ErrBusy, &r.budget, ctx.Err())
	}
	return nil, fmt.Errorf(
		"gormtenant: the tenant's database was still being connected to: %w", ctx.Err())
}

// run opens the pool, and gives it to all who wait.
func (r *registry) run(ctx context.Context, c *call, asked Database) {
	defer c.cancel()
	e, err := r.fetch(ctx, c)
	r.mutex.Lock()
	if r.calls[c.database] == c {
		delete(r.calls, c.database)
	}
	switch {
	case err != nil:
		r.owners.give(c.database)
	case r.closed:
		err = ErrClosed
		r.discard(e)
	case c.waiters == 0:
		r.discard(e)
	default:
		r.opened[c.database] = e
		r.entries[asked] = e
		e.asked = []Database{asked}
		e.held.Store(int64(c.waiters))
		c.entry = e
	}
	if r.closed && ctx.Err() != nil && c.entry == nil {
		err = ErrClosed
	}
	c.err = err
	close(c.done)
	r.mutex.Unlock()
	r.schedule()
}

// fetch reserves what the pool needs and opens it. A panic of the application's code becomes an
// error: in this goroutine it would end the process.
func (r *registry) fetch(ctx context.Context, c *call) (e *entry, err error) {
	reserved := 0
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf(
				"gormtenant: opening the tenant's database panicked: %v\n%s", value, debug.Stack())
		}
		if err != nil && reserved > 0 {
			r.mutex.Lock()
			r.budget.give(reserved)
			r.mutex.Unlock()
		}
	}()
	size := min(max(1, r.size(ctx, c.database)), r.maxConnections)
	if err := r.reserve(ctx, c, size); err != nil {
		return nil, err
	}
	reserved = size
	db, inner, err := r.dialer.open(ctx, c.database, size, r.idle)
	if err != nil {
		return nil, err
	}
	e = &entry{
		clock: r.clock, database: c.database, key: c.database, db: db, size: size,
		released: r.released,
	}
	e.file, _ = inner.(watched)
	e.used.Store(r.now())
	r.counts.opened.Add(1)
	return e, nil
}
