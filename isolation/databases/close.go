package databases

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// detach removes a pool from where it is found. The caller holds the write lock.
func (r *registry) detach(e *entry) {
	delete(r.opened, e.database)
	for _, asked := range e.asked {
		delete(r.entries, asked)
	}
	r.closing[e] = true
}

// retire closes a pool that is not in use, in the background. The caller holds the write lock.
func (r *registry) retire(e *entry) {
	r.detach(e)
	e.retired = true
	r.budget.freedPools++
	r.budget.freedConnections += e.size
	r.discard(e)
}

// drop closes a pool whose database is gone.
func (r *registry) drop(e *entry) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.opened[e.database] == e {
		r.detach(e)
		r.discard(e)
	}
}

// discard closes a pool that nobody finds, in the background. Its error helps nobody.
func (r *registry) discard(e *entry) {
	r.closing[e] = true
	r.work.Go(func() { _ = r.finish(e) })
}

// finish closes a detached pool, and gives its share of the budget back.
func (r *registry) finish(e *entry) error {
	err := e.db.Close()
	r.mutex.Lock()
	delete(r.closing, e)
	r.owners.give(e.database)
	if e.retired {
		r.budget.freedPools--
		r.budget.freedConnections -= e.size
	}
	r.counts.closed.Add(1)
	r.budget.give(e.size)
	r.mutex.Unlock()
	return err
}

// drain waits until a detached pool is not in use.
func (e *entry) drain(ctx context.Context) error {
	ticker := time.NewTicker(recheckInterval)
	defer ticker.Stop()
	for !e.idle() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf(
				"gormtenant: the pool of the tenant's database was closed while it was in use: %w",
				ctx.Err())
		}
	}
	return nil
}

// closeTenant closes the pools of a tenant, once those that are being opened are open.
func (r *registry) closeTenant(ctx context.Context, tenant string) (err error) {
	r.mutex.Lock()
	for call := r.callOf(tenant); call != nil; call = r.callOf(tenant) {
		r.mutex.Unlock()
		select {
		case <-call.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.mutex.Lock()
	}
	var own []*entry
	for d, e := range r.opened {
		if d.Tenant == tenant {
			r.detach(e)
			own = append(own, e)
		}
	}
	r.mutex.Unlock()
	r.dialer.failures.forgetTenant(tenant)
	for _, e := range own {
		err = errors.Join(err, e.drain(ctx), r.finish(e))
	}
	return err
}

// callOf returns a call that opens a pool of the tenant, nil if there is none.
func (r *registry) callOf(tenant string) *call {
	for d, c := range r.calls {
		if d.Tenant == tenant {
			return c
		}
	}
	return nil
}

// close closes all pools, and waits for what runs in the background. Only the first call does.
func (r *registry) close() (err error) {
	r.mutex.Lock()
	if r.closed {
		r.mutex.Unlock()
		return nil
	}
	r.closed = true
	r.cancel()
	if r.timer != nil {
		r.timer.Stop()
	}
	var all []*entry
	for _, e := range r.opened {
		r.detach(e)
		all = append(all, e)
	}
	r.mutex.Unlock()
	for _, e := range all {
		err = errors.Join(err, r.finish(e))
	}
	r.work.Wait()
	return err
}
