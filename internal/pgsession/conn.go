package pgsession

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gormtenant/gormtenant"
)

// Conn is pgx's connection for database/sql. Each of its statements runs with the settings of its
// context. What it does not override is pgx's own, and runs with no settings: COPY, LISTEN and all
// else that goes through Conn(), which returns the *pgx.Conn as stdlib.Conn's does.
type Conn struct {
	*pgxConn
	wire     *wire
	router   Router
	verifier Verifier  // nil if the router is none
	settings []Setting // of the last statement; its memory is used again
	// caches reports that pgx caches by text, which means something else to each tenant.
	caches bool
	// other is the connection of another pool on which the transaction of this one runs.
	other driver.Conn
	// leaver has the settings of the tenant whose statement left something here; nil if none did.
	leaver []Setting
	traces *traces
	pooler bool // between this and the server
}

// pgxConn is embedded by a name that leaves the method Conn visible.
type pgxConn = stdlib.Conn

var (
	_ driver.ConnBeginTx        = (*Conn)(nil)
	_ driver.ConnPrepareContext = (*Conn)(nil)
	_ driver.ExecerContext      = (*Conn)(nil)
	_ driver.QueryerContext     = (*Conn)(nil)
	_ driver.NamedValueChecker  = (*Conn)(nil)
	_ driver.Pinger             = (*Conn)(nil)
	_ driver.SessionResetter    = (*Conn)(nil)
)

const (
	idle   = 'I' // in no transaction
	failed = 'E' // in a transaction that failed
)

// status is that of the connection, as the server said last.
func (c *Conn) status() byte { return c.pgxConn.Conn().PgConn().TxStatus() }

// errAcross is returned for a statement whose transaction was begun on another pool.
var errAcross = fmt.Errorf("%w in a transaction of a tenant, "+
	"nor a tenant's statements in one that was begun under Unscoped: "+
	"begin a transaction with the context of its statements", gormtenant.ErrUnscopedDenied)

// pool returns the pool that a statement in ctx runs on, nil for this one. It fails if the
// transaction was begun on another.
func (c *Conn) pool(ctx context.Context) (pool *sql.DB, err error) {
	pool, err = c.router.OtherPool(ctx)
	switch {
	case err != nil:
		return nil, err
	case c.other != nil && pool == nil, c.other == nil && pool != nil && c.status() != idle:
		return nil, errAcross
	}
	return pool, nil
}

// arm makes the next statement run with the settings of ctx. In a transaction that failed none can
// be set, and none is needed: only its end is accepted.
func (c *Conn) arm(ctx context.Context, query string) error {
	if c.wire.explicitTx && c.status() == idle && opens.MatchString(query) {
		return errOpens
	}
	settings, err := c.router.AppendSettings(ctx, c.settings[:0])
	if err != nil {
		return err
	}
	c.settings = settings
	if err := c.verify(ctx, settings); err != nil {
		return err
	}
	if err := c.guard(ctx, query, settings); err != nil {
		return err
	}
	c.wire.wrote.Store(false)
	if c.status() != failed {
		c.wire.arm(settings, c.status() == idle)
	}
	return nil
}

// ExecContext runs a statement with the settings of ctx.
func (c *Conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	pool, err := c.pool(ctx)
	switch {
	case err != nil:
		return nil, err
	case c.other != nil:
		return execOn(ctx, c.other, query, args)
	case pool != nil:
		return execIn(ctx, pool, query, args)
	}
	result, err := c.exec(ctx, query, args)
	if c.outdated(err) {
		result, err = c.exec(ctx, query, args)
	}
	return result, err
}

// exec runs a statement here.
func (c *Conn) exec(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if err := c.arm(ctx, query); err != nil {
		return nil, err
	}
	defer c.wire.disarm()
	text := query
	if len(args) > 0 { // without any, pgx uses the simple protocol, and keeps nothing
		text = c.text(query, args)
	}
	result, err := c.pgxConn.ExecContext(ctx, text, args)
	return result, c.several(c.hideSentBadConn(c.clampPosition(err, query)))
}

// QueryContext runs a query with the settings of ctx.
func (c *Conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	pool, err := c.pool(ctx)
	switch {
	case err != nil:
		return nil, err
	case c.other != nil:
		return queryOn(ctx, c.other, query, args)
	case pool != nil:
		return queryIn(ctx, pool, query, args)
	}
	rows, err := c.query(ctx, query, args)
	if c.outdated(err) {
		rows, err = c.query(ctx, query, args)
	}
	return rows, err
}

// query runs a query here.
func (c *Conn) query(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	if err := c.arm(ctx, query); err != nil {
		return nil, err
	}
	defer c.wire.disarm()
	rows, err := c.pgxConn.QueryContext(ctx, c.text(query, args), args)
	return rows, c.several(c.hideSentBadConn(c.clampPosition(err, query)))
}

var errUnknown = errors.New("gormtenant: the connection was lost after the statement was sent: " +
	"whether it ran is not known")

// hideSentBadConn replaces driver.ErrBadConn if something was sent, because database/sql would send
// it again. pgx also returns it for a statement without arguments that was sent and whose reply was
// lost: its MultiResultReader reads again after a failed read, and is told that the connection is
// closed.
func (c *Conn) hideSentBadConn(err error) error {
	if err != nil && c.wire.wrote.Load() && errors.Is(err, driver.ErrBadConn) {
		return errUnknown
	}
	return err
}

// Prepare prepares a statement.
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext prepares a statement. Each of its executions runs with the settings of its own
// context.
func (c *Conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.other != nil {
		preparer, ok := c.other.(driver.ConnPrepareContext)
		if !ok {
			return nil, errNoPgx(c.other)
		}
		return preparer.PrepareContext(ctx, query)
	}
	if c.wire.names {
		return c.prepareLazily(ctx, query)
	}
	prepared, err := c.pgxConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &stmt{Stmt: prepared, conn: c, query: query}, nil
}

// stmt is a prepared statement.
type stmt struct {
	driver.Stmt
	conn  *Conn
	query string
}

var (
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

// ExecContext runs the statement with the settings of ctx. pgx finds it by its text.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

// QueryContext runs the query with the settings of ctx.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// Begin begins a transaction.
func (c *Conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx begins a transaction where the statements of ctx run. BEGIN needs no settings: each
// statement brings its own.
func (c *Conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	pool, err := c.pool(ctx)
	if err != nil {
		return nil, err
	}
	if pool == nil {
		settings, err := c.router.AppendSettings(ctx, nil)
		if err != nil {
			return nil, err
		}
		if err := c.verify(ctx, settings); err != nil {
			return nil, err
		}
		begun, err := c.pgxConn.BeginTx(ctx, options)
		if err != nil {
			return nil, err
		}
		return &tx{Tx: begun, conn: c, settings: settings}, nil
	}
	other := &otherPoolTx{conn: c}
	other.release, err = on(ctx, pool, func(conn driver.Conn) (err error) {
		beginner, ok := conn.(driver.ConnBeginTx)
		if !ok {
			return errNoPgx(conn)
		}
		c.other = conn
		other.Tx, err = beginner.BeginTx(ctx, options)
		return err
	})
	if err != nil {
		c.other = nil
		return nil, err
	}
	return other, nil
}

// tx is a transaction on this connection.
type tx struct {
	driver.Tx
	conn     *Conn
	settings []Setting
}

// Commit commits. What the server does then, such as deferred triggers, runs with the settings of
// the transaction's own context, whatever its last statement had.
func (t *tx) Commit() error {
	if t.conn.status() != failed {
		t.conn.wire.arm(t.settings, false)
		defer t.conn.wire.disarm()
	}
	return t.Tx.Commit()
}

// otherPoolTx is a transaction on a connection of another pool.
type otherPoolTx struct {
	driver.Tx
	conn    *Conn
	release func() error
}

// Commit commits, and gives the connection back.
func (t *otherPoolTx) Commit() error {
	t.conn.other = nil
	return errors.Join(t.Tx.Commit(), t.release())
}

// Rollback rolls back, and gives the connection back.
func (t *otherPoolTx) Rollback() error {
	t.conn.other = nil
	return errors.Join(t.Tx.Rollback(), t.release())
}
