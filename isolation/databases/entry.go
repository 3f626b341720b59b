package databases

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"

	"github.com/gormtenant/gormtenant/internal/route"
)

// clock counts nanoseconds from a start, whatever happens to the time of day.
type clock struct{ start time.Time }

func (c clock) now() int64 { return int64(time.Since(c.start)) }

// entry is the open pool of one database.
type entry struct {
	clock
	database Database
	key      any // the database, once in an interface
	db       *sql.DB
	size     int
	asked    []Database // under which it is found
	retired  bool       // its share of the budget counts as freed

	// held counts the calls that have picked it. It leaves 0 only under the registry's read lock.
	held     atomic.Int64
	used     atomic.Int64 // when it was last picked, or seen in use
	released func()       // is called when held is 0 again

	file watched // nil if the database is no file
}

// watched is the connector of a database that another one can replace under the same name, while
// connections to the old one go on.
type watched interface{ gone() bool }

// replaced reports whether the pool's file is gone, or another one has its name. It is looked at
// for each statement: what is written into a file that was deleted is lost.
func (e *entry) replaced() bool { return e.file != nil && e.file.gone() }

// route returns where a statement of ctx goes. The entry is held already.
func (e *entry) route(ctx context.Context) route.Route {
	return route.Route{DB: e.db, Ctx: ctx, Key: e.key, Hold: e}
}

// Release ends a call.
func (e *entry) Release() {
	if e.held.Add(-1) == 0 {
		e.released()
	}
}

// idle reports whether nothing uses the pool: no call has picked it, and no rows, transaction or
// connection of an earlier call is open. Under the registry's write lock it stays so.
func (e *entry) idle() bool {
	if e.held.Load() != 0 || e.db.Stats().InUse != 0 {
		e.used.Store(e.now())
		return false
	}
	return true
}

// unused returns for how long the pool was not used.
func (e *entry) unused() time.Duration { return time.Duration(e.now() - e.used.Load()) }
