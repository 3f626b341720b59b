// Package pgsession sends settings of a Postgres session with each statement: in the same round
// trip, and for that statement alone. Packages rls and schemas are built on it.
//
// It promises that a statement runs with the settings of its context or fails, that nothing of them
// stays on the connection, that pgx never sees them, and that what a text leaves in its session
// reaches no other tenant. What is sent through Conn(), such as COPY, runs with no settings.
//
// To read it, begin with wire.go, which adds the settings to what pgx sends, then replies.go, which
// removes their replies, then conn.go, the connection of database/sql, and marked.go, what becomes
// of one on which something was left. package pgsessiontest has the contract.
package pgsession

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"
)

// Router decides for each statement what it runs with, and where.
type Router interface {
	// AppendSettings appends the settings that a statement in ctx runs with: always the same names,
	// in the same order. An error fails the statement before anything is sent.
	AppendSettings(ctx context.Context, settings []Setting) ([]Setting, error)
	// OtherPool returns the pool that a statement in ctx runs on instead of this one, nil for this
	// one. An error fails the statement before anything is sent.
	OtherPool(ctx context.Context) (*sql.DB, error)
}

// Verifier is a Router that looks at the server before the statements of a context run there.
type Verifier interface {
	// Verify is called before each statement, and before BEGIN, with the settings that it is to run
	// with, and returns why it must not be sent.
	Verify(ctx context.Context, settings []Setting, on Asked) error
}

// Connector opens connections for database/sql whose statements run with the settings of their
// context. It is safe for concurrent use.
type Connector struct {
	config *pgx.ConnConfig
	router Router
	// ExplicitTx makes every setting a SET LOCAL with its value in its text, and puts statements
	// that are in no transaction into one of their own, in the same round trip. Set it before the
	// first Connect.
	ExplicitTx bool
	// Names says that the settings decide what the names in a statement mean, as search_path does.
	// They then go with the preparation of a statement too, and pgx gets a text of its own for each
	// Setting.Mark. It is to be set before the first Connect, and not together with ExplicitTx.
	Names bool
	// AfterConnect prepares new connections. It may be nil, and is to be set before the first
	// Connect.
	AfterConnect AfterConnect

	traces traces
}

var (
	_ driver.Connector = (*Connector)(nil)
	_ io.Closer        = (*Connector)(nil)
)

// NewConnector returns a connector for the server in config, which is copied.
func NewConnector(config *pgx.ConnConfig, router Router) *Connector {
	return &Connector{config: config.Copy(), router: router}
}

// SetParameter makes connections start with a run-time parameter of the server, unless the
// configuration has one of that name. It is to be called before the first Connect.
func (c *Connector) SetParameter(name, value string) {
	if _, set := c.config.RuntimeParams[name]; !set {
		c.config.RuntimeParams[name] = value
	}
}

// Connect opens a connection.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	config := c.config.Copy()
	build := config.BuildFrontend
	if build == nil {
		build = pgproto3.NewFrontend
	}
	var last *wire // of several hosts that are tried, the last is the one that answered
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		last = &wire{in: r, out: w, explicitTx: c.ExplicitTx, names: c.Names}
		return build(last, last)
	}
	options := []stdlib.OptionOpenDB{PingStale()}
	if c.AfterConnect != nil {
		options = append(options, stdlib.OptionAfterConnect(c.AfterConnect))
	}
	conn, err := stdlib.GetConnector(*config, options...).Connect(ctx)
	if err != nil {
		return nil, err
	}
	plain, ok := conn.(*stdlib.Conn)
	if !ok || last == nil {
		return nil, errors.Join(fmt.Errorf("gormtenant: pgx opened a %T, "+
			"which cannot be given settings", conn), conn.Close())
	}
	if err := supported(plain.Conn().PgConn().ParameterStatus("server_version")); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	pooler, err := isPooled(ctx, plain.Conn().PgConn())
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	last.marked.Store(false) // what the configuration does to each connection is for all
	verifier, _ := c.router.(Verifier)
	return &Conn{
		pgxConn: plain, wire: last, router: c.router, verifier: verifier, traces: &c.traces,
		pooler: pooler, caches: c.Names && caches(config.DefaultQueryExecMode),
	}, nil
}

// oldest is the major version of the oldest server that is tested.
const oldest = 14

// supported refuses a server that is too old. One that gives no number, such as a pooler's console,
// is let be.
func supported(version string) error {
	digits, _, _ := strings.Cut(version, ".")
	digits, _, _ = strings.Cut(digits, " ")
	if major, err := strconv.Atoi(digits); err == nil && major < oldest {
		return fmt.Errorf("gormtenant: the server is PostgreSQL %s, which is too old: "+
			"upgrade it to %d or newer", version, oldest)
	}
	return nil
}

// Driver returns pgx's driver.
func (c *Connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Close closes what the router opened. sql.DB.Close calls it.
func (c *Connector) Close() error {
	if closer, ok := c.router.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
