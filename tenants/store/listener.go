package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gormtenant/gormtenant/internal/option"
)

// Invalidator is what a [Listener] tells of changes: a tenants.Cache.
type Invalidator interface {
	// Invalidate forgets what is known of the tenants that have these identifiers, and that there
	// were none.
	Invalidate(identifiers ...string)
	// InvalidateAll forgets everything.
	InvalidateAll()
}

// A hearer is an Invalidator that trusts nothing for long while its listener hears nothing, as a
// tenants.Cache does.
type hearer interface {
	StaleLimit() time.Duration
	Heard(ago time.Duration)
}

// ListenOption changes what [Listen] does.
type ListenOption interface {
	apply(l *Listener) error
}

type listenOption func(l *Listener) error

func (o listenOption) apply(l *Listener) error { return o(l) }

// OnError calls fn with what interrupts a [Listener]: once when its connection is lost, and once
// for each attempt at another that fails. fn runs in the listener's goroutine, so it must be quick,
// and must not call Close. Without it nothing is reported.
func OnError(fn func(err error)) ListenOption {
	return listenOption(func(l *Listener) error {
		if fn == nil {
			return errors.New("gormtenant: store.OnError needs a function")
		}
		l.onError = fn
		return nil
	})
}

// Listener makes a cache forget the tenants that other processes change. It is made by [Listen].
type Listener struct {
	config        *pgx.ConnConfig
	cache         Invalidator
	onError       func(err error)
	heartbeat     time.Duration
	pingTimeout   time.Duration
	serverTimeout time.Duration
	cancel        context.CancelFunc
	done          chan struct{}
}

const (
	// serverTimeout is how long the server may take to let the listener in.
	serverTimeout = 10 * time.Second
	// staleLimit is that of a cache which has none.
	staleLimit = 10 * time.Second
)

// beat sets how often the server is asked whether it lives, and how long it may take to answer. A
// server, or a firewall on the way, can go without saying so: that is noticed in half of the time
// for which the cache trusts a listener that hears nothing.
func (l *Listener) beat() {
	limit := staleLimit
	if h, ok := l.cache.(hearer); ok {
		limit = h.StaleLimit()
	}
	l.heartbeat, l.pingTimeout = limit/4, limit/4
}

// Listen makes cache forget each tenant that a [Store] changes in the Postgres database of config,
// in whatever process, within milliseconds of the change's commit. It keeps one connection of its
// own until ctx is done or [Listener.Close] is called. If the connection is lost it makes another,
// at intervals that grow from a tenth of a second to five seconds; as changes may have been missed,
// the cache then forgets everything.
//
// Until then, and after Close, a tenants.Cache serves nothing that is older than its StaleLimit, 10
// seconds by default, and asks the directory instead. The server is asked four times within it
// whether it still lives, so that a connection that is silent, because a firewall drops what is
// sent, counts as lost in half of that time. An Invalidator of your own that passes calls on to a
// tenants.Cache has to have its methods StaleLimit and Heard too.
//
// After changes that were made by hand, tell every listener to forget everything:
//
//	NOTIFY gormtenant_tenants
//
// The connection has to be direct, to the primary: LISTEN is lost in a pooler that gives each
// transaction another connection, such as pgbouncer in transaction mode, and a standby refuses it.
// Listen returns an error where the server cannot be reached, and where a first notification does
// not arrive. The other statements of the application may go through the pooler. Any role that may
// connect will do. config is copied.
func Listen(
	ctx context.Context, config *pgx.ConnConfig, cache Invalidator, options ...ListenOption,
) (*Listener, error) {
	if config == nil || cache == nil {
		return nil, errors.New("gormtenant: store.Listen needs a configuration, as " +
			"pgx.ParseConfig returns it, and a cache")
	}
	l := &Listener{
		config: config.Copy(), cache: cache, onError: func(error) {},
		serverTimeout: serverTimeout, done: make(chan struct{}),
	}
	l.beat()
	// pgx keeps notifications for WaitForNotification only where there is none.
	l.config.OnNotification = nil
	err := option.Apply("store.Listen", options, func(o ListenOption) error { return o.apply(l) })
	if err != nil {
		return nil, err
	}
	began := time.Now()
	conn, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.prove(ctx, conn); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	l.cache.InvalidateAll()
	l.heard(began)
	ctx, l.cancel = context.WithCancel(ctx)
	go l.run(ctx, conn)
	return l, nil
}

// Close stops the listener and waits for its end: after it the cache is told nothing more. It may
// be called more than once, and returns nil.
func (l *Listener) Close() error {
	l.cancel()
	<-l.done
	return nil
}

// run listens until ctx is done.
func (l *Listener) run(ctx context.Context, conn *pgx.Conn) {
	defer close(l.done)
	defer l.cancel()
	for conn != nil {
		err := l.receive(ctx, conn)
		hangUp(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		l.onError(fmt.Errorf("gormtenant: lost the connection that listens for changes of "+
			"tenants: %w", err))
		conn = l.reconnect(ctx)
	}
}

// receive passes notifications on until the connection fails or ctx is done.
func (l *Listener) receive(ctx context.Context, conn *pgx.Conn) error {
	var asked time.Time // when the server was asked, until all that it sent before is passed on
	next := time.Now().Add(l.heartbeat)
	for {
		notification, err := within(ctx, time.Until(next), conn.WaitForNotification)
		switch {
		case err == nil:
			l.pass(notification.Payload)
		case ctx.Err() != nil || conn.IsClosed() || !pgconn.Timeout(err):
			return err
		case asked.IsZero():
			asked = time.Now()
			if _, err := within(ctx, l.pingTimeout, func(ctx context.Context) (any, error) {
				return nil, conn.Ping(ctx)
			}); err != nil {
				return err
			}
		default:
			l.heard(asked)
			asked, next = time.Time{}, time.Now().Add(l.heartbeat)
		}
	}
}

// heard tells the cache that it knows of all changes until then.
func (l *Listener) heard(until time.Time) {
	if h, ok := l.cache.(hearer); ok {
		h.Heard(time.Since(until))
	}
}

// pass tells the cache of a change.
func (l *Listener) pass(payload string) {
	if names := strings.Fields(payload); len(names) > 0 {
		l.cache.Invalidate(names...)
		return
	}
	l.cache.InvalidateAll()
}

// within calls f with a context that ends after a time.
func within[T any](
	ctx context.Context, limit time.Duration, f func(ctx context.Context) (T, error),
) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}
