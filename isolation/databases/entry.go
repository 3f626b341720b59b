package databases

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/gormtenant/gormtenant/internal/route"
)

// entry is the pool of one database.
type entry struct {
	pools    *Pools
	database Database
	key      any // the database, once in an interface
	db       *sql.DB
	size     int
	asked    []Database // under which it is found
	retired  bool       // its share of the budget counts as about to be given back

	// held counts the calls that have picked it. It grows from 0 only under the read lock of the pools.
	held atomic.Int64
	used atomic.Int64 // when it was last picked, or seen in use, on the pools' clock

	file   watched // nil where there is none
	looked atomic.Int64
}

// watched is the connector of a database that can be replaced by another under the same name, while
// connections to the old one go on.
type watched interface{ gone() bool }

// betweenLooks is how often a file is looked at, in nanoseconds.
const betweenLooks = int64(100 * time.Millisecond)

// replaced says whether the database is another one than that of the pool, as far as anybody has looked.
func (e *entry) replaced(now int64) bool {
	if e.file == nil {
		return false
	}
	last := e.looked.Load()
	return now-last >= betweenLooks && e.looked.CompareAndSwap(last, now) && e.file.gone()
}

// place is where a statement of ctx goes, held once.
func (e *entry) place(ctx context.Context) route.Place {
	return route.Place{DB: e.db, Ctx: ctx, Key: e.key, Hold: e}
}

// Release ends a call.
func (e *entry) Release() {
	if e.held.Add(-1) == 0 && e.pools.budget.waiting.Load() > 0 {
		e.pools.wake()
	}
}

// idle says whether nothing uses the pool: no call has picked it, and no rows, transaction or connection
// of an earlier one is open. Under the write lock of the pools it stays so.
func (e *entry) idle() bool {
	if e.held.Load() != 0 || e.db.Stats().InUse != 0 {
		e.used.Store(e.pools.now())
		return false
	}
	return true
}

// since returns for how long it was not used.
func (e *entry) since(now int64) time.Duration { return time.Duration(now - e.used.Load()) }

// openEntry makes a pool and its first connection.
func (p *Pools) openEntry(ctx context.Context, d Database, size int) (*entry, error) {
	if err := p.failures.current(d); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, p.connect)
	defer cancel()
	inner, err := p.opener.Open(limited, d)
	if err != nil {
		return nil, p.fail(ctx, d, err)
	}
	e := &entry{pools: p, database: d, key: d, size: size}
	e.file, _ = inner.(watched)
	e.looked.Store(p.now())
	e.db = sql.OpenDB(connector{inner, e})
	e.db.SetMaxOpenConns(size)
	e.db.SetMaxIdleConns(size)
	e.db.SetConnMaxIdleTime(p.idle)
	e.used.Store(p.now())
	if err := e.db.PingContext(limited); err != nil {
		_ = e.db.Close() // the error is that of the connection
		if unavailable := (*UnavailableError)(nil); !errors.As(err, &unavailable) {
			err = p.fail(ctx, d, err)
		}
		return nil, err
	}
	return e, nil
}

// fail remembers that a database could not be connected to, unless the caller's own context ended.
func (p *Pools) fail(ctx context.Context, d Database, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	err := p.failures.add(d, cause)
	p.counts.failed.Add(1)
	p.onFailed(d, cause)
	p.schedule()
	return err
}

// connector makes the connections of a pool, each within the time that it may take, and none while the
// database is not to be tried.
type connector struct {
	driver.Connector
	entry *entry
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	p, d := c.entry.pools, c.entry.database
	if err := p.failures.current(d); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, p.connect)
	defer cancel()
	conn, err := c.Connector.Connect(limited)
	if err != nil {
		return nil, p.fail(ctx, d, err)
	}
	p.failures.forget(d)
	return conn, nil
}

// Close closes the connector of the opener. sql.DB.Close calls it.
func (c connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
