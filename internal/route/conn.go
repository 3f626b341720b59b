package route

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/gormtenant/gormtenant"
)

// connector opens virtual connections.
type connector struct{ pool *Pool }

func (c connector) Connect(context.Context) (driver.Conn, error) { return &conn{pool: c.pool}, nil }
func (c connector) Driver() driver.Driver                        { return noDriver{} }

// noDriver is asked for by sql.DB.Driver, and opens nothing.
type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) {
	return nil, errors.New("gormtenant: connections are opened by the pool of a tenant")
}

// conn is a virtual connection. It is on a real one, bound, from its first statement until
// database/sql puts it back. It passes on what is asked of it to database/sql's own types, not to
// the driver: they know what to do where a driver has only a part of the interfaces.
type conn struct {
	pool  *Pool
	route Route
	bound *sql.Conn
	tx    *sql.Tx
}

var (
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
)

// otherTenantError is returned for a statement on the connection of another place.
type otherTenantError struct{}

func (otherTenantError) Error() string {
	return "gormtenant: the transaction or connection belongs to another tenant: " +
		"begin a transaction with the context of its statements"
}

func (otherTenantError) Unwrap() error { return gormtenant.ErrOtherTenant }

// run runs use on the real connection, with the context that the picker gives for ctx.
func (c *conn) run(
	ctx context.Context, use func(ctx context.Context, inner *sql.Conn) error,
) error {
	if err := failureOf(ctx); err != nil {
		return err
	}
	if c.bound == nil {
		return c.bind(ctx, use)
	}
	ctx, err := c.check(ctx)
	if err != nil {
		return err
	}
	return use(ctx, c.bound)
}

// check refuses a context of another place than that of the real connection.
func (c *conn) check(ctx context.Context) (run context.Context, err error) {
	if c.pool.stayer != nil {
		run, ok, err := c.pool.stayer.Stay(ctx, c.route.Key)
		switch {
		case err != nil:
			return nil, final(err)
		case !ok:
			return nil, otherTenantError{}
		case run == nil:
			run = ctx
		}
		return run, nil
	}
	route, err := c.pool.pick(ctx)
	if err != nil {
		return nil, err
	}
	route.release()
	if route.Key != c.route.Key {
		return nil, otherTenantError{}
	}
	return route.Ctx, nil
}

// bind takes a real connection of the place of ctx, and runs use on it. One that turns out to be
// gone before anything was sent is replaced, as database/sql does, until there can be no idle one
// left.
func (c *conn) bind(
	ctx context.Context, use func(ctx context.Context, inner *sql.Conn) error,
) error {
	route, err := c.pool.pick(ctx)
	if err != nil {
		return err
	}
	for tries := route.DB.Stats().Idle + 2; ; tries-- {
		taken, err := route.DB.Conn(route.Ctx)
		if err != nil {
			route.release()
			return final(err)
		}
		err = use(route.Ctx, taken)
		if !errors.Is(err, driver.ErrBadConn) {
			c.route, c.bound = route, taken
			return err
		}
		_ = taken.Close() // it is closed: this only says so again
		if tries <= 1 {
			route.release()
			return final(err)
		}
	}
}

// unbind gives the real connection back. It waits for what is still going on there: a transaction
// whose context has ended is rolled back.
func (c *conn) unbind() {
	if c.bound == nil {
		return
	}
	if c.tx != nil {
		_ = c.tx.Rollback()
	}
	_ = c.bound.Close() // ErrConnDone, if it was lost
	c.route.release()
	c.tx, c.bound, c.route = nil, nil, Route{}
}

// IsValid is what database/sql asks when it puts the connection back: here the real one is given
// back.
func (c *conn) IsValid() bool {
	c.unbind()
	return true
}

// ResetSession has nothing to do: the real connection is reset by its own pool.
func (*conn) ResetSession(context.Context) error { return nil }

// Close gives the real connection back.
func (c *conn) Close() error {
	c.unbind()
	return nil
}

// CheckNamedValue lets every argument through. The real connection's driver checks it.
func (*conn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Ping reaches the place of ctx. Without a tenant there is none to reach, and no error.
func (c *conn) Ping(ctx context.Context) error {
	err := c.run(ctx, func(ctx context.Context,
		inner *sql.Conn,
	) error {
		return inner.PingContext(ctx)
	})
	if errors.Is(err, gormtenant.ErrNoTenant) {
		return nil
	}
	return err
}

// Raw runs use on the driver's own connection.
func (c *conn) Raw(ctx context.Context, use func(driverConn any) error) error {
	return c.run(ctx, func(_ context.Context, inner *sql.Conn) error { return inner.Raw(use) })
}

// Raw runs use on the driver's own connection under one of a [Pool], at the place of ctx. It must
// not be used after use returns.
func Raw(ctx context.Context, virtual *sql.Conn, use func(driverConn any) error) error {
	return virtual.Raw(func(driverConn any) error {
		if c, ok := driverConn.(*conn); ok {
			return c.Raw(ctx, use)
		}
		return use(driverConn)
	})
}
