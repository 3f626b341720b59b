package databases

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// budget counts what is reserved of MaxPools and MaxConnections: by pools that are open, being
// opened and being closed. The registry's mutex guards all of it but waiting.
type budget struct {
	maxPools, maxConnections int
	pools, connections       int
	// freedPools and freedConnections are about to be given back by pools that are being closed.
	freedPools, freedConnections int

	queue   []chan struct{} // those who wait, first come first served; the first is woken
	waiting atomic.Int64    // how many
}

// take reserves a pool of that size, and reports whether there was room.
func (b *budget) take(size int) bool {
	if b.pools+1 > b.maxPools || b.connections+size > b.maxConnections {
		return false
	}
	b.pools++
	b.connections += size
	return true
}

// give ends what take began.
func (b *budget) give(size int) {
	b.pools--
	b.connections -= size
	b.wake()
}

// lacks returns what is missing for a pool of that size, once all that is being closed is gone.
func (b *budget) lacks(size int) (pools, connections int) {
	return b.pools - b.freedPools + 1 - b.maxPools,
		b.connections - b.freedConnections + size - b.maxConnections
}

// enqueue adds one to those who wait. Its channel tells it to look again.
func (b *budget) enqueue() chan struct{} {
	wake := make(chan struct{}, 1)
	b.queue = append(b.queue, wake)
	b.waiting.Add(1)
	return wake
}

// dequeue removes one that waits no more.
func (b *budget) dequeue(wake chan struct{}) {
	b.queue = slices.DeleteFunc(b.queue, func(other chan struct{}) bool { return other == wake })
	b.waiting.Add(-1)
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

// String returns how much is in use.
func (b *budget) String() string {
	return fmt.Sprintf("%d of %d pools, %d of %d connections",
		b.pools, b.maxPools, b.connections, b.maxConnections)
}
