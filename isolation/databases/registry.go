package databases

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// recheckInterval is how often those who wait for a pool to be idle look again by themselves:
// database/sql does not tell when rows are closed.
const recheckInterval = 10 * time.Millisecond

// registry holds the pools that are open, being opened and being closed.
type registry struct {
	config
	clock
	dialer dialer
	counts struct{ opened, closed, evicted, busy atomic.Uint64 }
	budget budget

	mutex   sync.RWMutex
	entries map[Database]*entry // by what a context asks for; one entry may be there several times
	opened  map[Database]*entry // by their databases
	calls   map[Database]*call
	closing map[*entry]bool
	owners  owners
	closed  bool
	timer   *time.Timer // of the next sweep

	ctx    context.Context //nolint:containedctx // It ends what runs in the background.
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// call is the opening of one pool, for all who wait for it.
type call struct {
	database Database
	cancel   context.CancelFunc
	waiters  int  // guarded by the registry's mutex, as is all below until done is closed
	queued   bool // it waits for room in the budget
	done     chan struct{}
	entry    *entry
	err      error
}

func newRegistry(opener Opener, c config) *registry {
	r := &registry{
		config: c, clock: clock{time.Now()},
		budget:  budget{maxPools: c.maxPools, maxConnections: c.maxConnections},
		entries: map[Database]*entry{}, opened: map[Database]*entry{}, calls: map[Database]*call{},
		closing: map[*entry]bool{},
		owners:  owners{folds: foldsCase(opener), all: map[Database]*owner{}},
		dialer: dialer{
			opener: opener, timeout: c.connect, onFailed: c.onFailed,
			failures: failures{
				from: c.backoffFrom, to: c.backoffTo, last: map[Database]*UnavailableError{},
			},
		},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// released lets those who wait look whether a pool that is not in use any more gives them room.
func (r *registry) released() {
	if r.budget.waiting.Load() == 0 {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.budget.wake()
}
