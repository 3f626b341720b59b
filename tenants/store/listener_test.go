package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	pgdriver "gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// deadline is when something that must happen counts as not happening. It is generous: the machine
// may be busy.
const deadline = 2 * time.Minute

// recorder is a cache that writes down what it is told: the identifiers, or "*" for all.
type recorder chan string

func (r recorder) Invalidate(identifiers ...string) { r <- strings.Join(identifiers, " ") }
func (r recorder) InvalidateAll()                   { r <- "*" }

// next returns what the cache is told next.
func (r recorder) next(t testing.TB) string {
	t.Helper()
	select {
	case told := <-r:
		return told
	case <-time.After(deadline):
		t.Fatal("the cache is told nothing")
		return ""
	}
}

// process is one of several that share a Postgres: a store, and a cache with its listener.
type process struct {
	config   *pgx.ConnConfig
	db       *gorm.DB
	store    *store.Store
	cache    recorder
	listener *store.Listener
	failures chan error
}

func start(t testing.TB, config *pgx.ConnConfig, options ...store.ListenOption) *process {
	t.Helper()
	p := &process{config: config, cache: make(recorder, 1000), failures: make(chan error, 1000)}
	p.db = dbtest.Open(t, pgdriver.Open(config.ConnString()), &gorm.Config{})
	p.store = newStore(t, p.db)
	require.NoError(t, p.store.Migrate(t.Context()))
	var err error
	p.listener, err = store.Listen(t.Context(), config, p.cache,
		append(options, store.OnError(func(err error) { p.failures <- err }))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.listener.Close()) })
	require.Equal(t, "*", p.cache.next(t), "what was cached before")
	return p
}

func newDatabase(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	return config
}

func TestListen_hears_each_change_of_another_process(t *testing.T) {
	t.Parallel()
	config := newDatabase(t)
	one := start(t, config)
	// A handler of the application's would take the notifications away.
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	two := start(t, config)
	ctx := t.Context()
	hear := func(want string) {
		t.Helper()
		for _, p := range []*process{one, two} {
			require.Equal(t, want, p.cache.next(t))
		}
	}
	tenant := create(t, one.store, acme())
	hear("t-1 acme acme.org projects.acme.com")
	began := time.Now()
	require.NoError(t, one.store.Suspend(ctx, "t-1"))
	require.Equal(t, "t-1", two.cache.next(t))
	t.Logf("a suspension reached another process %v after it was asked for", time.Since(began))
	require.Equal(t, "t-1", one.cache.next(t))
	require.NoError(t, two.store.Resume(ctx, "t-1"))
	hear("t-1")
	tenant = lookup(t, two.store, tenant.ID)
	tenant.Slug, tenant.Domains = "acme2", []string{"acme.org"}
	require.NoError(t, two.store.Update(ctx, tenant))
	hear("t-1 acme2 acme projects.acme.com")
	require.NoError(t, two.store.Close(ctx, "t-1"))
	hear("t-1")

	// A change that fails, or changes nothing, or is rolled back is not told.
	require.Error(t, one.store.Create(ctx, acme()))
	require.NoError(t, one.store.Close(ctx, "t-1"))
	undo := errors.New("undo")
	require.ErrorIs(t, one.db.Transaction(func(tx *gorm.DB) error {
		create(t, newStore(t, tx), &tenants.Tenant{ID: "t-2", Slug: "undone"})
		return undo
	}), undo)
	require.NoError(t, one.db.Transaction(func(tx *gorm.DB) error {
		create(t, newStore(t, tx), &tenants.Tenant{ID: "t-3", Slug: "done"})
		require.Empty(t, two.cache, "told before the commit")
		return nil
	}))
	hear("t-3 done")

	// What does not fit into a notification, and what is told by hand.
	var domains []string
	for i := range 500 {
		domains = append(domains, fmt.Sprint("projects", i, ".acme.com"))
	}
	create(t, one.store, &tenants.Tenant{ID: "t-4", Slug: "big", Domains: domains})
	hear("*")
	require.NoError(t, one.db.Exec("NOTIFY "+store.Channel).Error)
	hear("*")
	require.Empty(t, one.failures)
	require.Empty(t, two.failures)
}

// terminate ends all connections that listen, and returns how many there were.
func terminate(t testing.TB, db *gorm.DB) int {
	t.Helper()
	var ended []bool
	require.NoError(t, db.Raw("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "+
		"WHERE datname = current_database() AND query LIKE '%LISTEN%' AND pid <> pg_backend_pid()").
		Scan(&ended).Error)
	return len(ended)
}

func TestListen_forgets_everything_when_its_connection_is_back(t *testing.T) {
	t.Parallel()
	config := newDatabase(t)
	p := start(t, config)
	create(t, p.store, acme())
	require.Equal(t, "t-1 acme acme.org projects.acme.com", p.cache.next(t))
	for range 3 {
		// Nobody may connect, so that the listener stays away while a tenant changes.
		admin := config.Copy()
		admin.Database = "postgres"
		conn, err := pgx.ConnectConfig(t.Context(), admin)
		require.NoError(t, err)
		allow := func(yes string) {
			_, err := conn.Exec(t.Context(),
				"ALTER DATABASE "+config.Database+" ALLOW_CONNECTIONS "+yes)
			require.NoError(t, err)
		}
		require.NoError(t, p.db.Exec("SELECT 1").Error) // a connection of the store's is open
		allow("false")
		require.Equal(t, 1, terminate(t, p.db))
		require.ErrorContains(t, <-p.failures, "lost the connection")
		require.ErrorContains(t, <-p.failures, "connecting to listen", "it tries again")
		require.NoError(t, p.store.Suspend(t.Context(), "t-1"))
		require.NoError(t, p.store.Resume(t.Context(), "t-1"))
		require.Empty(t, p.cache)
		allow("true")
		require.NoError(t, conn.Close(t.Context()))
		require.Equal(t, "*", p.cache.next(t))
		require.NoError(t, p.store.Suspend(t.Context(), "t-1"))
		require.Equal(t, "t-1", p.cache.next(t), "it hears again")
		require.NoError(t, p.store.Resume(t.Context(), "t-1"))
		require.Equal(t, "t-1", p.cache.next(t))
		for len(p.failures) > 0 {
			require.ErrorContains(t, <-p.failures, "connecting to listen")
		}
	}
}

func TestListen_notices_a_connection_that_went_silent(t *testing.T) {
	t.Parallel()
	direct := newDatabase(t)
	g, through := newGate(t, direct)
	p := &process{cache: make(recorder, 1000), failures: make(chan error, 1000)}
	p.store = newStore(t, dbtest.Open(t, pgdriver.Open(direct.ConnString()), &gorm.Config{}))
	require.NoError(t, p.store.Migrate(t.Context()))
	listener, err := store.Listen(t.Context(), through, p.cache,
		store.Heartbeat(50*time.Millisecond, 2*time.Second),
		store.OnError(func(err error) { p.failures <- err }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	require.Equal(t, "*", p.cache.next(t))
	g.shut()
	create(t, p.store, acme())
	require.Equal(t, "*", p.cache.next(t))
	require.ErrorContains(t, <-p.failures, "lost the connection")
	require.NoError(t, p.store.Suspend(t.Context(), "t-1"))
	require.Equal(t, "t-1", p.cache.next(t))
}

// A silent connection that lives stays: the heartbeat costs nothing of what arrives between.
func TestListen_outlives_many_heartbeats(t *testing.T) {
	t.Parallel()
	p := start(t, newDatabase(t), store.Heartbeat(time.Millisecond, deadline))
	create(t, p.store, acme())
	require.Equal(t, "t-1 acme acme.org projects.acme.com", p.cache.next(t))
	for range 100 {
		require.NoError(t, p.store.Suspend(t.Context(), "t-1"))
		require.Equal(t, "t-1", p.cache.next(t))
		require.NoError(t, p.store.Resume(t.Context(), "t-1"))
		require.Equal(t, "t-1", p.cache.next(t))
	}
	require.Empty(t, p.failures)
}

func TestListen_refuses_a_pooler(t *testing.T) {
	t.Parallel()
	through := pgtest.NewPgBouncer(t, newDatabase(t), 4)
	through.DefaultQueryExecMode = pgx.QueryExecModeExec
	cache := make(recorder, 10)
	var connections dialed
	through.DialFunc = connections.dial
	_, err := store.Listen(t.Context(), through, cache)
	require.ErrorContains(t, err, "pgbouncer")
	require.ErrorContains(t, err, "the server's own address")
	require.Empty(t, cache)
	require.Zero(t, connections.open.Load())
}

func TestListen_refuses_bad_arguments(t *testing.T) {
	t.Parallel()
	config := newDatabase(t)
	nobody := config.Copy()
	nobody.Database = "no_such_database"
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		config *pgx.ConnConfig
		cache  store.Invalidator
		option []store.ListenOption
		says   string
	}{
		{"no_config", t.Context(), nil, make(recorder), nil, "a configuration"},
		{"no_cache", t.Context(), config, nil, nil, "a cache"},
		{
			"no_function", t.Context(), config, make(recorder),
			[]store.ListenOption{store.OnError(nil)},
			"store.OnError",
		},
		{
			"nil_option", t.Context(), config, make(recorder),
			[]store.ListenOption{nil},
			"store.Listen: option 1 is nil",
		},
		{"wrong_dsn", t.Context(), nobody, make(recorder), nil, "no_such_database"},
		{"ended_context", ended, config, make(recorder), nil, "canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			listener, err := store.Listen(test.ctx, test.config, test.cache, test.option...)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "gormtenant: ")
			require.Nil(t, listener)
		})
	}
}

func TestClose_ends_the_listener(t *testing.T) {
	t.Parallel()
	config := newDatabase(t)
	other := start(t, config)
	for _, test := range []struct {
		name string
		end  func(p *process, cancel context.CancelFunc)
	}{
		{
			"close",
			func(p *process, _ context.CancelFunc) { require.NoError(t, p.listener.Close()) },
		},
		{"end_of_context", func(_ *process, cancel context.CancelFunc) { cancel() }},
		{
			"close_while_it_reconnects", func(p *process, _ context.CancelFunc) {
				terminate(t, other.db)
				<-p.failures
				require.NoError(t, p.listener.Close())
			},
		},
		{
			"close_at_once_by_many", func(p *process, _ context.CancelFunc) {
				var group sync.WaitGroup
				for range 10 {
					group.Go(func() { _ = p.listener.Close() })
				}
				group.Wait()
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := &process{
				config: config.Copy(), cache: make(recorder, 1000),
				failures: make(chan error, 1000),
			}
			var connections dialed
			p.config.DialFunc = connections.dial
			var err error
			p.listener, err = store.Listen(ctx, p.config, p.cache,
				store.OnError(func(err error) { p.failures <- err }))
			require.NoError(t, err)
			require.EqualValues(t, 1, connections.open.Load())
			test.end(p, cancel)
			require.NoError(t, p.listener.Close(), "it waits for the end, and may be called again")
			require.Zero(t, connections.open.Load(), "a connection is left open")
			told := len(p.cache)
			require.NoError(t, other.db.Exec("NOTIFY "+store.Channel).Error)
			require.Len(t, p.cache, told)
		})
	}
}

// slow is a cache that takes its time.
type slow struct{ begun, release, ended chan struct{} }

func (slow) InvalidateAll() {}

func (s slow) Invalidate(...string) {
	close(s.begun)
	<-s.release
	close(s.ended)
}

func TestClose_waits_for_the_end(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s server
		cache := slow{make(chan struct{}), make(chan struct{}), make(chan struct{})}
		listener, err := store.Listen(t.Context(), s.config(t), cache)
		require.NoError(t, err)
		s.notify(store.Channel, "t-1")
		<-cache.begun
		closed := make(chan struct{})
		go func() {
			_ = listener.Close()
			close(closed)
		}()
		synctest.Wait()
		require.False(t, isClosed(closed), "the cache is still being told")
		close(cache.release)
		<-closed
		require.True(t, isClosed(cache.ended))
	})
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A connection that lives is kept however long nothing comes. One that went silent is given up
// after a heartbeat and the time that the server has for its answer.
func TestListen_asks_a_silent_connection_whether_it_lives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s server
		cache, failures := make(recorder, 10), make(chan error, 10)
		listener, err := store.Listen(t.Context(), s.config(t), cache,
			store.OnError(func(err error) { failures <- err }))
		require.NoError(t, err)
		require.Equal(t, "*", cache.next(t))
		time.Sleep(time.Hour)
		s.notify(store.Channel, "t-1")
		require.Equal(t, "t-1", cache.next(t))
		require.Empty(t, failures)

		s.silence()
		begun := time.Now()
		require.ErrorContains(t, <-failures, "lost the connection")
		require.Less(t, time.Since(begun), 30*time.Second)
		require.Equal(t, "*", cache.next(t), "there is another connection")
		require.NoError(t, listener.Close())
	})
}
