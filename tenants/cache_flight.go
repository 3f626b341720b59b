package tenants

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// flights are the lookups under way. A flight is started by whichever of its callers finds a slot
// free, so that those who wait for a slot need no goroutine, and are gone when their clients are.
type flights struct {
	slots chan struct{} // holds one for each lookup under way

	mu  sync.Mutex
	all map[flightKey]*flight
}

// flightKey is what callers share a lookup by. An invalidation parts those who came before it from
// those who come after: its number is in the key.
type flightKey struct {
	identifier string
	since      uint64
}

// flight is one lookup.
type flight struct {
	flightKey
	done chan struct{} // closed when the answer is there

	// Under flights.mu:
	//nolint:containedctx // At first it has the first caller's values, then the deadline too.
	ctx     context.Context
	callers int // those who wait
	begun   bool
	landed  bool

	tenant *Tenant // the answer
	err    error
}

// join returns the flight of an identifier, a new one where there is none. old is what the caller
// found in the cache; if there is a better answer by now, the flight that is returned has it.
func (c *Cache) join(ctx context.Context, identifier string, old *entry) *flight {
	key := flightKey{identifier, c.voided.count.Load()}
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	f := c.flights.all[key]
	// One that nobody waited for when its time was over may be there still.
	if f != nil && (!f.begun || f.ctx.Err() == nil) {
		f.callers++
		return f
	}
	f = &flight{flightKey: key, callers: 1, done: make(chan struct{})}
	// The last flight may have landed since the caller looked.
	now := c.elapsed()
	if e, ok := c.tenants.GetIfPresent(identifier); ok && e != old && c.fresh(e, now) {
		f.tenant = e.tenant
	} else if c.knownAbsent(identifier, now) {
		f.err = ErrNotFound
	} else {
		// It may be a piece of a request's header, and outlives it.
		f.identifier = strings.Clone(identifier)
		f.ctx = context.WithoutCancel(ctx)
		if c.flights.all == nil {
			c.flights.all = map[flightKey]*flight{}
		}
		c.flights.all[f.flightKey] = f
		return f
	}
	f.begun, f.landed, f.ctx = true, true, ctx
	close(f.done)
	return f
}

// leave ends the wait of one caller. A flight that nobody began is not needed without callers.
func (c *Cache) leave(f *flight) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f.callers--; f.callers == 0 && !f.begun {
		c.flights.drop(f)
	}
}

func (fs *flights) drop(f *flight) {
	if fs.all[f.flightKey] == f {
		delete(fs.all, f.flightKey)
	}
}

// wait returns the answer of f, and starts it where nobody has. answered is false if ctx has ended
// before.
func (c *Cache) wait(ctx context.Context, f *flight) (t *Tenant, answered bool, err error) {
	defer c.leave(f)
	slots := c.flights.slots
	var timeout <-chan struct{} // of a flight that has begun
	var late <-chan time.Time   // of one that waits for a slot
	select {
	case slots <- struct{}{}:
		slots, timeout = nil, c.begin(f) //nolint:contextcheck // It has the context of all callers.
	default:
		timer := time.NewTimer(c.timeout)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil, false, prefix.Errorf("look up a tenant: %w", ended(ctx))
		case <-f.done:
			return f.tenant, true, f.err
		case slots <- struct{}{}:
			slots, late, timeout = nil, nil, c.begin(f) //nolint:contextcheck // The same.
		case <-timeout:
			c.land(f, 0, nil, c.timedOut())
			return f.tenant, true, f.err // which may have come meanwhile
		case <-late:
			c.failed.Add(1)
			return nil, true, fmt.Errorf("gormtenant: look up a tenant: %d lookups are under "+
				"way, and none ended within %v: see tenants.MaxLookups: %w", c.lookups, c.timeout,
				context.DeadlineExceeded)
		}
	}
}

// ahead starts a lookup that nobody waits for, if a slot is free.
func (c *Cache) ahead(ctx context.Context, identifier string, old *entry) {
	select {
	case c.flights.slots <- struct{}{}:
		f := c.join(ctx, identifier, old)
		c.begin(f) //nolint:contextcheck // It has the context of all callers.
		c.leave(f)
	default:
	}
}

// begin runs the lookup of f in a goroutine, in the slot that the caller has taken. Where f was
// begun before, it gives the slot back. It returns what is closed when the time of f is over.
func (c *Cache) begin(f *flight) (timeout <-chan struct{}) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f.begun {
		<-c.flights.slots
		return f.ctx.Done()
	}
	ctx, cancel := context.WithTimeout(f.ctx, c.timeout)
	f.begun, f.ctx = true, ctx
	// A directory may ignore its context. Then the goroutine stays, and nobody waits for it.
	go func() {
		defer func() { <-c.flights.slots }()
		defer cancel()
		c.run(ctx, f)
	}()
	return ctx.Done()
}

// run asks the directory. An error that comes when the time is up comes of that, even ErrNotFound:
// some directories take every error of their database for it.
func (c *Cache) run(ctx context.Context, f *flight) {
	read := c.elapsed()
	var t *Tenant
	guard(func() (err error) {
		t, err = c.directory.Lookup(ctx, f.identifier)
		return err
	}, func(err error) {
		if err != nil && ctx.Err() != nil {
			c.land(f, read, nil, c.timedOut())
			return
		}
		t, err = judge(f.identifier, t, err)
		c.land(f, read, t, err)
	})
}

// land keeps the answer of f, which was read at that time, and gives it to those who wait. Only the
// first answer counts.
func (c *Cache) land(f *flight, read time.Duration, t *Tenant, err error) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if f.landed {
		return
	}
	f.landed = true
	switch {
	case err == nil:
		t = t.clone() // a directory may go on with its own
		c.keep(f.identifier, newEntry(t, read, f.since))
	case errors.Is(err, ErrNotFound):
		c.keepAbsence(f.identifier, &absence{read: read, since: f.since})
	default:
		c.failed.Add(1)
		if e, ok := c.tenants.GetIfPresent(f.identifier); ok {
			e.fail(c.elapsed())
		}
	}
	f.tenant, f.err = t, err
	c.flights.drop(f)
	close(f.done)
}
