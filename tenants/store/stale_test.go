package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	pgdriver "gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// statuses is a directory of one tenant, whose status changes.
type statuses struct{ atomic.Value }

func (s *statuses) Lookup(context.Context, string) (*tenants.Tenant, error) {
	return &tenants.Tenant{ID: "t-1", Slug: "acme", Status: s.Load().(tenants.Status)}, nil
}

// A suspended tenant is served for ten seconds at most, though the listener hears nothing and does
// not yet know it. It is the number in README.
func TestListen_on_a_silent_connection_holds_the_stale_limit(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{10 * time.Second, time.Minute} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			// At whatever time between two heartbeats it goes silent.
			for phase := range 20 {
				synctest.Test(t, func(t *testing.T) {
					silence(t, limit, time.Hour+time.Duration(phase)*limit/40)
				})
			}
		})
	}
}

func silence(t *testing.T, limit, after time.Duration) {
	t.Helper()
	var s server
	var directory statuses
	directory.Store(tenants.Active)
	cache := tenants.Cached(&directory, tenants.TTL(24*time.Hour), tenants.StaleLimit(limit))
	lost := make(chan error, 100)
	listener, err := store.Listen(t.Context(), s.config(t), cache,
		store.OnError(func(err error) { lost <- err }))
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	status := func() tenants.Status {
		found, err := cache.Lookup(t.Context(), "t-1")
		require.NoError(t, err)
		return found.Status
	}
	require.Equal(t, tenants.Active, status())
	time.Sleep(after)
	for range 100 { // one that is busy is asked too
		s.notify(store.Channel, "t-2")
		time.Sleep(limit / 100)
	}
	require.Empty(t, lost)
	require.Equal(t, tenants.Active, status())

	s.silence()
	s.refuse()
	begun := time.Now()
	directory.Store(tenants.Suspended)
	require.ErrorContains(t, <-lost, "lost the connection")
	require.LessOrEqual(t, time.Since(begun), limit/2)
	time.Sleep(time.Until(begun.Add(limit)))
	require.Equal(t, tenants.Suspended, status())
	directory.Store(tenants.Active)
	time.Sleep(limit)
	require.Equal(t, tenants.Active, status(), "it is asked again for as long as nobody answers")
}

// The same on PostgreSQL, behind a firewall that drops what is sent.
func TestListen_behind_a_firewall_that_drops(t *testing.T) {
	t.Parallel()
	direct := newDatabase(t)
	g, through := newGate(t, direct)
	s := newStore(t, dbtest.Open(t, pgdriver.Open(direct.ConnString()), &gorm.Config{}))
	require.NoError(t, s.Migrate(t.Context()))
	create(t, s, acme())
	var now atomic.Int64
	cache := tenants.Cached(s, tenants.TTL(24*time.Hour),
		tenants.Clock(func() time.Time { return time.Unix(0, now.Load()) }))
	listener, err := store.Listen(t.Context(), through, cache,
		store.Heartbeat(time.Hour, deadline)) // so that it does not notice
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	status := func() tenants.Status {
		found, err := cache.Lookup(t.Context(), "acme")
		require.NoError(t, err)
		return found.Status
	}
	require.Equal(t, tenants.Active, status())
	g.shut()
	require.NoError(t, s.Suspend(t.Context(), "t-1"))
	now.Store(int64(7 * time.Second))
	require.Equal(t, tenants.Active, status(), "it cannot know")
	now.Store(int64(10 * time.Second))
	require.Equal(t, tenants.Suspended, status())
}
