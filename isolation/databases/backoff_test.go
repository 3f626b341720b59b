package databases_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

func TestBackoff_leaves_a_failing_database_alone(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		acme := &broken{tenant: "acme"}
		f.before = acme.before
		failed := make(chan error, 10)
		pools := newPools(t, f, databases.Backoff(time.Hour, time.Hour),
			databases.OnFailed(func(d databases.Database, err error) {
				require.Equal(t, "acme", d.Tenant)
				failed <- err
			}))
		for range 5 {
			_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
			require.ErrorIs(t, err, errTest)
			var unavailable *databases.UnavailableError
			require.ErrorAs(t, err, &unavailable)
			require.Equal(t, 1, unavailable.Failures)
			require.GreaterOrEqual(
				t, time.Until(unavailable.Until), 30*time.Minute, "half the time at least")
			require.LessOrEqual(t, time.Until(unavailable.Until), time.Hour)
			require.ErrorContains(t, err, unavailable.Until.UTC().Format("15:04:05"))
		}
		_, connects := f.counted()
		require.Equal(t, 1, connects)
		require.ErrorIs(t, <-failed, errTest)
		require.Empty(t, failed)
		touch(t, pools, "zeta") // another tenant is not affected
		require.Equal(t, 1, pools.Stats().Failing)
		require.EqualValues(t, 1, pools.Stats().Failed)
		require.Equal(t, 4, pools.Stats().Connections, "nothing stays reserved for acme")

		acme.mend(true)
		require.NoError(t, pools.CloseTenant(t.Context(), "acme")) // as the operator does
		touch(t, pools, "acme")
	})
}

func TestBackoff_doubles_and_a_success_ends_it(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		acme := &broken{tenant: "acme"}
		f.before = acme.before
		pools := newPools(t, f, databases.Backoff(time.Second, 8*time.Second))
		fail := func() *databases.UnavailableError {
			t.Helper()
			_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
			var unavailable *databases.UnavailableError
			require.ErrorAs(t, err, &unavailable)
			return unavailable
		}
		for i, most := range []time.Duration{1, 2, 4, 8, 8, 8} {
			unavailable := fail()
			require.Equal(t, i+1, unavailable.Failures)
			pause := time.Until(unavailable.Until)
			require.LessOrEqual(t, pause, most*time.Second)
			require.GreaterOrEqual(t, pause, most*time.Second/2)
			time.Sleep(pause - time.Nanosecond) // it is not tried a nanosecond too early
			require.Equal(t, i+1, fail().Failures)
			time.Sleep(time.Nanosecond)
		}
		acme.mend(true)
		touch(t, pools, "acme")
		require.Zero(t, pools.Stats().Failing)
		acme.mend(false)
		require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
		require.Equal(t, 1, fail().Failures, "counting begins anew")
	})
}

// A database that does not exist may be made at any time, so it is asked for at the same short
// intervals.
func TestBackoff_of_a_missing_database_does_not_grow(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		f.before = func(context.Context, databases.Database) error {
			return databases.ErrNoDatabase
		}
		pools := newPools(t, f, databases.Backoff(time.Second, time.Hour))
		for range 6 {
			_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
			require.ErrorIs(t, err, databases.ErrNoDatabase)
			time.Sleep(time.Second)
		}
		between := f.attempts()
		require.Len(t, between, 5)
		for _, pause := range between {
			require.Equal(t, time.Second, pause)
		}
	})
}

// Failures are forgotten when nobody has tried again for long, so that their number stays bounded.
func TestBackoff_is_forgotten_in_time(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		f.before = (&broken{tenant: "acme"}).before
		pools := newPools(
			t, f, databases.Backoff(time.Second, time.Minute), databases.IdleTime(time.Hour))
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		require.ErrorIs(t, err, errTest)
		require.Equal(t, 1, pools.Stats().Failing)
		time.Sleep(2 * time.Minute)
		require.Zero(t, pools.Stats().Failing)
	})
}

func TestConnectTimeout_ends_a_server_that_does_not_answer(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		held(f)
		pools, err := databases.NewPools(f, databases.ConnectTimeout(3*time.Second),
			databases.Backoff(time.Hour, time.Hour))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pools.Close()) })
		began := time.Now()
		for range 2 { // the second fails at once
			_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
			var unavailable *databases.UnavailableError
			require.ErrorAs(t, err, &unavailable)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 3*time.Second, time.Since(began))
		}
		require.EqualValues(t, 1, pools.Stats().Failed)
	})
}

// A tenant whose database fails takes nobody's slot, for as long as it is not tried.
func TestBackoff_evicts_nobody(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		f.before = (&broken{tenant: "acme"}).before
		pools := newPools(t, f, databases.MaxPools(1), databases.Backoff(time.Hour, time.Hour))
		_, err := pools.ExecContext(as(t, "acme"), "SELECT 1")
		require.ErrorIs(t, err, errTest)
		touch(t, pools, "zeta")
		_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
		require.ErrorIs(t, err, errTest)
		require.Equal(t, 1, pools.Stats().Pools)
		require.Zero(t, pools.Stats().Closed)
	})
}

// A pool that is open makes no further connections either, and what is open goes on.
func TestBackoff_of_further_connections(t *testing.T) {
	t.Parallel()
	inFakeTime(t, func(t *testing.T, f *fake) {
		acme := &broken{tenant: "acme", mended: true}
		f.before = acme.before
		pools := newPools(t, f, databases.Backoff(time.Hour, time.Hour))
		tx, err := pools.BeginTx(as(t, "acme"), nil)
		require.NoError(t, err)
		acme.mend(false)
		for range 3 {
			_, err = pools.ExecContext(as(t, "acme"), "SELECT 1")
			require.ErrorIs(t, err, errTest)
		}
		_, connects := f.counted()
		require.Equal(t, 2, connects)
		_, err = tx.ExecContext(as(t, "acme"), "SELECT 1")
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
	})
}
