package databases

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gormtenant/gormtenant/internal/place"
	"github.com/gormtenant/gormtenant/internal/route"
)

// Pools is one gorm.ConnPool over the databases of all tenants: each call goes to the database of the
// tenant in its context. It is safe for concurrent use.
//
// Pools of single databases are opened when they are first needed, and closed when they are not used any
// more, or when another tenant needs the place: never while a statement, rows, a transaction or a
// connection of theirs is open.
//
// A call with no tenant in its context fails with gormtenant.ErrNoTenant, one under gormtenant.Unscoped
// with gormtenant.ErrUnscopedDenied. A transaction stays on the database that it was begun on; statements
// in it with the context of another tenant fail with gormtenant.ErrOtherTenant.
type Pools struct {
	*pool
	config
	opener   Opener
	start    time.Time
	failures failures
	counts   counts
	budget   budget

	mutex   sync.RWMutex
	entries map[Database]*entry // by what a context says; one may be there under several
	opened  map[Database]*entry // by their databases
	flights map[Database]*flight
	closing map[*entry]bool
	owners  owners
	closed  bool
	timer   *time.Timer

	ctx    context.Context //nolint:containedctx // It ends what goes on in the background.
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// pool is embedded by a name that is not exported.
type pool = route.Pool

var _ route.Stayer = (*Pools)(nil)

// NewPools returns pools over the databases that opener opens. Close them after use.
//
//	pools, err := databases.NewPools(databases.SQLite("data"))
//	db, err := gorm.Open(sqlite.Dialector{Conn: pools}, &gorm.Config{})
//
//	pools, err := databases.NewPools(databases.Postgres(config), databases.MaxConnections(200))
//	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pools}), &gorm.Config{})
//
// The database of a tenant is that of its placement, where its context is of tenants.NewContext and the
// placement is of the level tenants.Database. Otherwise its name is made of the ID: no two tenants have
// the same, whatever their IDs are.
func NewPools(opener Opener, options ...Option) (*Pools, error) {
	c, err := configure(options)
	switch {
	case err != nil:
		return nil, err
	case opener == nil:
		return nil, errors.New("gormtenant: databases.NewPools needs an opener, such as databases.Postgres or databases.SQLite")
	}
	if err := check(opener); err != nil {
		return nil, err
	}
	p := &Pools{
		config: c, opener: opener, start: time.Now(),
		failures: failures{from: c.backoffFrom, to: c.backoffTo, last: map[Database]*UnavailableError{}},
		entries:  map[Database]*entry{}, opened: map[Database]*entry{}, flights: map[Database]*flight{},
		closing: map[*entry]bool{}, owners: newOwners(opener),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.pool = route.New(p)
	return p, nil
}

// now is the time on a clock that nobody sets.
func (p *Pools) now() int64 { return int64(time.Since(p.start)) }

// Pick returns the pool of the tenant in ctx, opened if it is not yet, and held until it is released.
func (p *Pools) Pick(ctx context.Context) (route.Place, error) {
	asked, err := find(ctx)
	if err != nil {
		return route.Place{}, err
	}
	return p.PickDatabase(ctx, asked)
}

// PickDatabase returns the pool of a database, whatever placement ctx has, as Pick does. Without a name it
// is the one that is made of the tenant's ID.
func (p *Pools) PickDatabase(ctx context.Context, asked Database) (_ route.Place, err error) {
	p.mutex.RLock()
	e, open := p.entries[asked]
	if open {
		e.held.Add(1)
	}
	p.mutex.RUnlock()
	if open {
		now := p.now()
		e.used.Store(now)
		if e.replaced(now) {
			e.Release()
			p.drop(e)
			open = false
		}
	}
	if !open {
		if e, err = p.open(ctx, asked); err != nil {
			return route.Place{}, err
		}
	}
	return e.place(ctx), nil
}

// Stay says whether ctx has the database of a connection that is in use, and opens nothing.
func (p *Pools) Stay(ctx context.Context, bound any) (run context.Context, ok bool, err error) {
	asked, err := find(ctx)
	if err != nil {
		return nil, false, err
	}
	p.mutex.RLock()
	e, open := p.entries[asked]
	p.mutex.RUnlock()
	if open {
		return ctx, e.key == bound, nil
	}
	database, err := asked.named()
	return ctx, database == bound, err
}

// Raw runs use on the driver's own connection, such as a *stdlib.Conn of pgx for COPY, under a connection
// of the pools: one of db.Connection, or of sql.DB.Conn on what db.DB returns. ctx says whose it is.
// The connection must not be used after use returns.
func Raw(ctx context.Context, conn *sql.Conn, use func(driverConn any) error) error {
	return route.Raw(ctx, conn, use)
}

// CloseTenant closes all pools of the tenant with that ID, and forgets that its databases could not be
// reached. It waits for statements, rows and transactions that are open; when ctx ends it waits no longer
// and returns its error: then what is open goes on, and its connections are closed when they are given
// back. Statements that come later open a pool again: keep them away first where the database is to be
// dropped.
func (p *Pools) CloseTenant(ctx context.Context, id any) error {
	tenant, err := place.TextOf(id)
	if err != nil {
		return err
	}
	for {
		p.mutex.Lock()
		flight := p.flightOf(tenant)
		if flight == nil {
			break
		}
		p.mutex.Unlock()
		select {
		case <-flight.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var mine []*entry
	for d, e := range p.opened {
		if d.Tenant == tenant {
			p.detach(e)
			mine = append(mine, e)
		}
	}
	p.mutex.Unlock()
	p.failures.forgetTenant(tenant)
	for _, e := range mine {
		err = errors.Join(err, e.drain(ctx), p.finish(e, Closed))
	}
	return err
}

// Close closes all pools, as sql.DB.Close does: what is in use goes on, and its connections are closed
// when they are given back. Later calls fail with [ErrClosed].
func (p *Pools) Close() error {
	p.mutex.Lock()
	if p.closed {
		p.mutex.Unlock()
		return nil
	}
	p.closed = true
	p.cancel()
	if p.timer != nil {
		p.timer.Stop()
	}
	var all []*entry
	for _, e := range p.opened {
		p.detach(e)
		all = append(all, e)
	}
	p.mutex.Unlock()
	var err error
	for _, e := range all {
		err = errors.Join(err, p.finish(e, Closed))
	}
	p.work.Wait()
	return errors.Join(err, p.pool.Close())
}

// counts are the numbers that only grow.
type counts struct{ opened, closed, failed, busy atomic.Uint64 }
