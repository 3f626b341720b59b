// Package route makes one gorm.ConnPool of many *sql.DB: for each call a [Picker] says which.
package route

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// Picker says for each call where it goes. It is called by several goroutines at once.
type Picker interface {
	// Pick returns the pool for ctx. Of an error the call fails before anything is sent. What Pick
	// returns is released once.
	Pick(ctx context.Context) (Route, error)
}

// Stayer is a Picker that knows better than by comparing keys whether a connection that is in use
// may serve another context too, and opens nothing to say so.
type Stayer interface {
	// Stay returns the context to run with on the connection of the place whose Key is bound; nil
	// is the caller's. ok is false if ctx belongs elsewhere, and err is why nothing can be sent in
	// it.
	Stay(ctx context.Context, bound any) (run context.Context, ok bool, err error)
}

// Holder is told when what was picked is no longer needed.
type Holder interface{ Release() }

// Route is where a call goes: the pool of one tenant, held until it is released.
//
// A statement on the pool itself is released when the call returns, even though its *sql.Rows may
// be open then: from there on the connection counts in DB.Stats().InUse. All else is released when
// its connection is given back.
type Route struct {
	// DB is the pool.
	DB *sql.DB
	// Ctx is what to run with; it may carry more than the caller's. nil is the caller's.
	Ctx context.Context //nolint:containedctx // It is one call's.
	// Key is comparable: two contexts of one key may share a connection, and a transaction.
	Key any
	// Hold is released once. nil is nothing to release.
	Hold Holder
}

func (r *Route) release() {
	if r.Hold != nil {
		r.Hold.Release()
	}
}

// Pool is one pool over many. A single statement goes straight to the pool that was picked. All
// that needs one connection, or outlives a call, goes through one *sql.DB of virtual connections:
// each is on the real connection of one place from its first use until it is given back, and
// refuses contexts of another place till then. It is safe for concurrent use.
type Pool struct {
	picker  Picker
	stayer  Stayer // nil if the picker is none
	virtual *sql.DB
}

var (
	_ gorm.ConnPool       = (*Pool)(nil)
	_ gorm.TxBeginner     = (*Pool)(nil)
	_ gorm.GetDBConnector = (*Pool)(nil)
)

// New returns a pool that goes where picker says. Close it after use.
func New(picker Picker) *Pool {
	p := &Pool{picker: picker}
	p.stayer, _ = picker.(Stayer)
	p.virtual = sql.OpenDB(connector{p})
	// Virtual connections cost nothing while they are idle, but a prepared statement remembers
	// each.
	p.virtual.SetMaxIdleConns(16)
	return p
}

// Embedder is a pool that embeds a *[Pool].
type Embedder interface{ source() Picker }

// PickerOf returns the picker of a pool: what one of this module's packages asks of another's pool,
// though users of the pool do not see it.
func PickerOf(pool Embedder) Picker { return pool.source() }

func (p *Pool) source() Picker { return p.picker }

// pick asks the picker. database/sql repeats a call over driver.ErrBadConn, which is not meant
// here.
func (p *Pool) pick(ctx context.Context) (Route, error) {
	route, err := p.picker.Pick(ctx)
	if err != nil {
		return Route{}, final(err)
	}
	if route.Ctx == nil {
		route.Ctx = ctx
	}
	return route, nil
}

// final returns an error over which database/sql does not try again.
func final(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return fmt.Errorf("gormtenant: no connection of the tenant's pool works: "+
			"nothing was sent (%v)", err)
	}
	return err
}

// ExecContext runs a statement.
func (p *Pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	route, err := p.pick(ctx)
	if err != nil {
		return nil, err
	}
	defer route.release()
	return route.DB.ExecContext(route.Ctx, query, args...)
}

// QueryContext runs a query. Its rows may be read after the place was released.
func (p *Pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	route, err := p.pick(ctx)
	if err != nil {
		return nil, err
	}
	defer route.release()
	return route.DB.QueryContext(route.Ctx, query, args...)
}

// QueryRowContext runs a query of one row. An error of the picker is that of the row.
func (p *Pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	route, err := p.pick(ctx)
	if err != nil {
		return p.virtual.QueryRowContext(withFailure(ctx, err), query)
	}
	defer route.release()
	return route.DB.QueryRowContext(route.Ctx, query, args...)
}

// PrepareContext returns a statement for all places: each of its executions goes where its own
// context says. Nothing is sent before.
func (p *Pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.virtual.PrepareContext(ctx, query)
}

// BeginTx begins a transaction at the place of ctx. Statements in it whose context has another
// place fail with gormtenant.ErrOtherTenant.
func (p *Pool) BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	return p.virtual.BeginTx(ctx, options)
}

// Conn returns a connection that belongs to the place of its first statement until it is closed.
func (p *Pool) Conn(ctx context.Context) (*sql.Conn, error) { return p.virtual.Conn(ctx) }

// GetDBConn returns the *sql.DB whose statements go where their contexts say; gorm's db.DB() calls
// it. Its limits and its statistics are those of virtual connections, which are not limited.
func (p *Pool) GetDBConn() (*sql.DB, error) { return p.virtual, nil }

// Ping reports nothing: with no context there is no place to reach. gorm.Open calls it.
func (p *Pool) Ping() error { return nil }

// PingContext reaches the place of ctx. Without a tenant there is none to reach, and no error.
func (p *Pool) PingContext(ctx context.Context) error {
	route, err := p.pick(ctx)
	switch {
	case errors.Is(err, gormtenant.ErrNoTenant):
		return nil
	case err != nil:
		return err
	}
	defer route.release()
	return route.DB.PingContext(route.Ctx)
}

// Close closes the virtual connections, not the places.
func (p *Pool) Close() error { return p.virtual.Close() }
