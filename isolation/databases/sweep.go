package databases

import "time"

// schedule makes sure that a sweep comes.
func (r *registry) schedule() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.timer == nil && !r.closed {
		r.timer = time.AfterFunc(r.idle, r.sweep)
	}
}

// sweep closes the pools that were not used for too long, and forgets old failures. It comes again
// for as long as there are any of either.
func (r *registry) sweep() {
	failing := r.dialer.failures.prune()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		return
	}
	next := r.idle
	for _, e := range r.opened {
		if !e.idle() {
			continue
		}
		if unused := e.unused(); unused < r.idle {
			next = min(next, r.idle-unused)
		} else {
			r.retire(e)
		}
	}
	r.timer = nil
	if len(r.opened)+failing > 0 {
		r.timer = time.AfterFunc(max(next, r.idle/10), r.sweep)
	}
}
