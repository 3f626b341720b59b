package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/tenants"
)

// list is a lister of the tenants 000001 to n, which makes them as it goes.
type list struct {
	n     int
	fails int // the tenant at which it fails, 0 for none
	err   error
}

func number(i int) string { return fmt.Sprintf("%06d", i) }

func (l list) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for i := 1; i <= l.n; i++ {
			if number(i) <= after {
				continue
			}
			err := ctx.Err()
			if err == nil && i == l.fails {
				err = l.err
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&tenants.Tenant{
				ID: number(i), Slug: "slug-" + number(i), Status: tenants.Active,
			}, nil) {
				return
			}
		}
	}
}

// listed is a lister of one function.
type listed func(yield func(*tenants.Tenant, error) bool)

func (l listed) List(context.Context, string) iter.Seq2[*tenants.Tenant, error] {
	return iter.Seq2[*tenants.Tenant, error](l)
}

// visits are the tenants that a job was called for.
type visits struct {
	mu  sync.Mutex
	ids []string
}

func (v *visits) add(t *tenants.Tenant) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids = append(v.ids, t.ID)
}

func (v *visits) sorted() []string { return slices.Sorted(slices.Values(v.ids)) }

func numbers(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, number(i))
	}
	return all
}

var quiet = tenants.Progress(nil)

func TestEach_runs_every_tenant_as_itself(t *testing.T) {
	t.Parallel()
	var seen visits
	outer := gormtenant.WithTenant(t.Context(), "somebody else")
	err := tenants.Each(outer, list{n: 100},
		func(ctx context.Context, tenant *tenants.Tenant) error {
			seen.add(tenant)
			got, ok := tenants.FromContext(ctx)
			if id, err := gormtenant.Require(ctx); !ok || got != tenant || err != nil ||
				id != any(tenant.ID) {
				return errors.New("in the context of another")
			}
			return nil
		}, quiet)
	require.NoError(t, err)
	require.Equal(t, numbers(1, 100), seen.sorted())
}

func TestEach_of_an_empty_list(t *testing.T) {
	t.Parallel()
	require.NoError(t,
		tenants.Each(t.Context(), list{}, func(context.Context, *tenants.Tenant) error {
			return errors.New("called")
		}, quiet))
}

func TestEach_after_and_only(t *testing.T) {
	t.Parallel()
	var seen visits
	err := tenants.Each(t.Context(), list{n: 10},
		func(_ context.Context, tenant *tenants.Tenant) error {
			seen.add(tenant)
			return nil
		}, quiet, tenants.After(number(4)),
		tenants.Only(func(t *tenants.Tenant) bool { return t.ID != number(7) }))
	require.NoError(t, err)
	require.Equal(t, append(numbers(5, 6), numbers(8, 10)...), seen.sorted())
}

func TestEach_runs_so_many_at_once(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options []tenants.EachOption
		want    time.Duration
	}{
		{"by_default", nil, 4},
		{"one", []tenants.EachOption{tenants.Concurrency(1)}, 1},
		{"fifty", []tenants.EachOption{tenants.Concurrency(50)}, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := tenants.Each(t.Context(), list{n: 200},
					func(context.Context, *tenants.Tenant) error {
						time.Sleep(time.Second)
						return nil
					}, append(test.options, quiet)...)
				require.NoError(t, err)
				require.Equal(t, 200*time.Second, time.Since(start)*test.want)
			})
		})
	}
}

func TestEach_joins_the_failures(t *testing.T) {
	t.Parallel()
	errOdd := errors.New("odd")
	err := tenants.Each(t.Context(), list{n: 20},
		func(_ context.Context, tenant *tenants.Tenant) error {
			switch tenant.ID {
			case number(5), number(9):
				return errOdd
			case number(12):
				panic("twelve")
			case number(14):
				runtime.Goexit()
			case number(16):
				panic(fmt.Errorf("two\nlines"))
			}
			return nil
		}, quiet)
	var each *tenants.EachError
	require.ErrorAs(t, err, &each)
	require.Equal(t, 15, each.Done)
	require.Equal(t, number(4), each.Resume)
	require.NoError(t, each.Err)
	var failed []string
	for _, f := range each.Failed {
		failed = append(failed, f.ID)
	}
	require.Equal(t, []string{number(5), number(9), number(12), number(14), number(16)}, failed)
	require.ErrorIs(t, err, errOdd)
	require.Equal(t, tenants.TenantError{ID: number(5), Err: errOdd}, each.Failed[0])
	var panicked *tenants.PanicError
	require.ErrorAs(t, each.Failed[2], &panicked)
	require.Equal(t, "twelve", panicked.Value)
	require.Contains(t, string(panicked.Stack), "TestEach_joins_the_failures")
	require.ErrorContains(t, each.Failed[3], "runtime.Goexit was called")
	require.EqualError(t, err,
		`gormtenant: tenants.Each: 15 done, 5 failed; tenant "000005": odd; `+
			`tenant "000009": odd; tenant "000012": gormtenant: panic: twelve; `+
			`tenant "000014": gormtenant: runtime.Goexit was called before the end; `+
			`tenant "000016": gormtenant: panic: two; `+
			`resume with tenants.After("000004")`)
}

func TestEach_tells_of_failures_in_the_order_of_the_list(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := tenants.Each(t.Context(), list{n: 3},
			func(_ context.Context, tenant *tenants.Tenant) error {
				time.Sleep(time.Duration('9'-tenant.ID[5]) * time.Second) // the last fails first
				return errDown
			}, quiet)
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.Equal(t,
			[]tenants.TenantError{{number(1), errDown}, {number(2), errDown}, {number(3), errDown}},
			each.Failed)
		require.Empty(t, each.Resume)
	})
}

func TestEachError_text_stays_short(t *testing.T) {
	t.Parallel()
	err := &tenants.EachError{Done: 3, Err: errors.New("list\nand more")}
	for i := range 100 {
		err.Failed = append(err.Failed, tenants.TenantError{ID: number(i), Err: errors.New("x")})
	}
	require.EqualError(t, err,
		`gormtenant: tenants.Each: 3 done, 100 failed; tenant "000000": x; tenant "000001": x; `+
			`tenant "000002": x; tenant "000003": x; tenant "000004": x; and 95 more; list; run `+
			`it again from the start`)
}

// Tenants that are not served are left out, unless everyone is meant.
func TestEach_serves_who_is_served(t *testing.T) {
	t.Parallel()
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	all := []*tenants.Tenant{
		{ID: "1", Status: tenants.Active},
		{ID: "2", Status: tenants.Suspended},
		{ID: "3", Status: tenants.Closed},
		{ID: "4", Status: tenants.Active, ExpiresAt: &past},
		{ID: "5", Status: tenants.Active, ExpiresAt: &future},
		{ID: "6"},
		{ID: "7", Status: tenants.Active, Plan: "pro"},
	}
	lister := listed(func(yield func(*tenants.Tenant, error) bool) {
		for _, tenant := range all {
			if !yield(tenant, nil) {
				return
			}
		}
	})
	pro := tenants.Only(func(t *tenants.Tenant) bool { return t.Plan == "pro" || t.ID == "2" })
	for _, test := range []struct {
		name    string
		options []tenants.EachOption
		want    []string
	}{
		{"by_default", nil, []string{"1", "5", "7"}},
		{
			"everyone",
			[]tenants.EachOption{tenants.Everyone()},
			[]string{"1", "2", "3", "4", "5", "6", "7"},
		},
		{"only", []tenants.EachOption{pro}, []string{"7"}},
		{"only_of_everyone", []tenants.EachOption{pro, tenants.Everyone()}, []string{"2", "7"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var seen visits
			fails := errors.New("fails")
			ctx := t.Context()
			err := tenants.Each(ctx, lister, func(_ context.Context, t *tenants.Tenant) error {
				seen.add(t)
				if t.ID == "7" {
					return fails
				}
				return nil
			}, append(test.options, quiet, tenants.Concurrency(1))...)
			require.Equal(t, test.want, seen.sorted())
			var each *tenants.EachError
			require.ErrorAs(t, err, &each)
			require.Equal(t, len(test.want)-1, each.Done)
			require.Equal(t, "6", each.Resume, "whoever was left out needs no second run")
		})
	}
}
