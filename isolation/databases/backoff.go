package databases

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// failures remembers the databases that could not be connected to.
type failures struct {
	from, to time.Duration
	mutex    sync.Mutex
	last     map[Database]*UnavailableError
}

// current returns the error of a database that must not be tried yet, nil if it may be.
func (f *failures) current(d Database) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if last, ok := f.last[d]; ok && time.Now().Before(last.Until) {
		return last
	}
	return nil
}

// add remembers a failure, and returns the error for its statements.
func (f *failures) add(d Database, cause error) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	next := &UnavailableError{Failures: 1, Err: cause}
	if last, ok := f.last[d]; ok {
		next.Failures = last.Failures + 1
	}
	pause := f.from
	for i := 1; i < next.Failures && pause < f.to && !wanting(cause); i++ {
		pause = min(2*pause, f.to)
	}
	//nolint:gosec // Nobody gains by guessing it.
	pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1))
	next.Until = time.Now().Add(pause)
	f.last[d] = next
	return next
}

// wanting reports whether the server works and the database has to be made or marked.
func wanting(cause error) bool {
	return errors.Is(cause, ErrNoDatabase) || errors.Is(cause, ErrNotOurs)
}

// forget forgets the failures of a database that was connected to.
func (f *failures) forget(d Database) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.last, d)
}

// forgetTenant forgets the failures of a tenant.
func (f *failures) forgetTenant(tenant string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for d := range f.last {
		if d.Tenant == tenant {
			delete(f.last, d)
		}
	}
}

// prune forgets the failures that nobody has tried to end for long, and returns how many remain.
func (f *failures) prune() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for d, last := range f.last {
		if time.Since(last.Until) > f.to {
			delete(f.last, d)
		}
	}
	return len(f.last)
}
