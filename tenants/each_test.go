package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
			if !yield(&tenants.Tenant{ID: number(i), Slug: "slug-" + number(i), Status: tenants.Active}, nil) {
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
	err := tenants.Each(outer, list{n: 100}, func(ctx context.Context, tenant *tenants.Tenant) error {
		seen.add(tenant)
		got, ok := tenants.FromContext(ctx)
		if id, err := gormtenant.Require(ctx); !ok || got != tenant || err != nil || id != any(tenant.ID) {
			return errors.New("in the context of another")
		}
		return nil
	}, quiet)
	require.NoError(t, err)
	require.Equal(t, numbers(1, 100), seen.sorted())
}

func TestEach_of_nobody(t *testing.T) {
	t.Parallel()
	require.NoError(t, tenants.Each(t.Context(), list{}, func(context.Context, *tenants.Tenant) error {
		return errors.New("called")
	}, quiet))
}

func TestEach_after_and_only(t *testing.T) {
	t.Parallel()
	var seen visits
	err := tenants.Each(t.Context(), list{n: 10}, func(_ context.Context, tenant *tenants.Tenant) error {
		seen.add(tenant)
		return nil
	}, quiet, tenants.After(number(4)), tenants.Only(func(t *tenants.Tenant) bool { return t.ID != number(7) }))
	require.NoError(t, err)
	require.Equal(t, append(numbers(5, 6), numbers(8, 10)...), seen.sorted())
}

func TestEach_runs_so_many_at_once(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []tenants.EachOption
		want    time.Duration
	}{
		"by_default": {nil, 4},
		"one":        {[]tenants.EachOption{tenants.Concurrency(1)}, 1},
		"fifty":      {[]tenants.EachOption{tenants.Concurrency(50)}, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := tenants.Each(t.Context(), list{n: 200}, func(context.Context, *tenants.Tenant) error {
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
	err := tenants.Each(t.Context(), list{n: 20}, func(_ context.Context, tenant *tenants.Tenant) error {
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
	require.EqualError(t, err, `gormtenant: tenants.Each: 15 done, 5 failed; tenant "000005": odd; `+
		`tenant "000009": odd; tenant "000012": gormtenant: panic: twelve; `+
		`tenant "000014": gormtenant: runtime.Goexit was called before the end; `+
		`tenant "000016": gormtenant: panic: two; `+
		`resume with tenants.After("000004")`)
}

func TestEach_tells_of_failures_in_the_order_of_the_list(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := tenants.Each(t.Context(), list{n: 3}, func(_ context.Context, tenant *tenants.Tenant) error {
			time.Sleep(time.Duration('9'-tenant.ID[5]) * time.Second) // the last fails first
			return errDown
		}, quiet)
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.Equal(t, []tenants.TenantError{{number(1), errDown}, {number(2), errDown}, {number(3), errDown}}, each.Failed)
		require.Empty(t, each.Resume)
	})
}

func TestEachError_text_stays_short(t *testing.T) {
	t.Parallel()
	err := &tenants.EachError{Done: 3, Err: errors.New("list\nand more")}
	for i := range 100 {
		err.Failed = append(err.Failed, tenants.TenantError{ID: number(i), Err: errors.New("x")})
	}
	require.EqualError(t, err, `gormtenant: tenants.Each: 3 done, 100 failed; tenant "000000": x; tenant "000001": x; `+
		`tenant "000002": x; tenant "000003": x; tenant "000004": x; and 95 more; list; run it again from the start`)
}

func TestEach_stops_when_its_context_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		var seen visits
		err := tenants.Each(ctx, list{n: 100}, func(ctx context.Context, tenant *tenants.Tenant) error {
			seen.add(tenant)
			switch tenant.ID {
			case number(5):
				synctest.Wait() // the fourth has started
				cancel(why)
				return nil
			case number(4):
				<-ctx.Done() // sees it
				return ctx.Err()
			}
			return nil
		}, quiet, tenants.Concurrency(2))
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.ErrorIs(t, each.Err, context.Canceled)
		require.ErrorIs(t, each.Err, why)
		require.Equal(t, numbers(1, 5), seen.sorted(), "no new job starts")
		require.Equal(t, 4, each.Done)
		require.Equal(t, number(3), each.Resume)
		require.Equal(t, []tenants.TenantError{{ID: number(4), Err: context.Canceled}}, each.Failed)
	})
}

func TestEach_with_a_context_that_has_ended(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lister := map[string]tenants.Lister{
		"lister_that_says_so": list{n: 5},
		"lister_that_goes_on": listed(func(yield func(*tenants.Tenant, error) bool) {
			_ = yield(acme(), nil) && yield(zeta(), nil)
		}),
		"lister_that_just_ends": listed(func(func(*tenants.Tenant, error) bool) {}),
	}
	for name, lister := range lister {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tenants.Each(ctx, lister, func(context.Context, *tenants.Tenant) error {
				return errors.New("called")
			}, quiet, tenants.After("0"))
			var each *tenants.EachError
			require.ErrorAs(t, err, &each)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, "0", each.Resume)
			require.Zero(t, each.Done)
			require.Empty(t, each.Failed)
		})
	}
}

// endsLate is a context that ends when the list has been read and the job of its one tenant is about to start.
type endsLate struct {
	context.Context
	calls *atomic.Int64
	ended chan struct{}
}

func (c endsLate) Err() error {
	switch c.calls.Add(1) {
	case 1: // of the list, at the tenant
		return nil
	case 2: // of the job
		<-c.ended
	case 3: // of the list, at its end
		close(c.ended)
		return nil
	}
	return context.Canceled
}

func TestEach_a_job_that_does_not_start_is_not_done(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := endsLate{t.Context(), new(atomic.Int64), make(chan struct{})}
		err := tenants.Each(ctx, listed(func(yield func(*tenants.Tenant, error) bool) {
			yield(acme(), nil)
			synctest.Wait() // the job asks whether it may start
		}), func(context.Context, *tenants.Tenant) error { return errors.New("called") }, quiet)
		var each *tenants.EachError
		require.ErrorAs(t, err, &each)
		require.ErrorIs(t, each.Err, context.Canceled)
		require.Zero(t, each.Done)
		require.Empty(t, each.Failed)
		require.Empty(t, each.Resume)
	})
}

// A context that ends when all is done takes nothing away.
func TestEach_done_before_its_context_ended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, tenants.Each(ctx, list{n: 3}, func(_ context.Context, tenant *tenants.Tenant) error {
			if tenant.ID == number(3) {
				synctest.Wait() // the list has been read
				cancel()
			}
			return nil
		}, quiet))
	})
}

func TestEach_a_lister_that_fails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lister tenants.Lister
		says   string
		done   int
		resume string
	}{
		"at_once":  {list{n: 9, fails: 1, err: errDown}, "list the tenants: connection refused", 0, ""},
		"half_way": {list{n: 9, fails: 5, err: errDown}, "list the tenants: connection refused", 4, number(4)},
		"by_panic": {listed(func(yield func(*tenants.Tenant, error) bool) {
			yield(acme(), nil)
			panic("page two")
		}), "panic: page two", 1, "t1"},
		"with_nil": {listed(func(yield func(*tenants.Tenant, error) bool) {
			_ = yield(acme(), nil) && yield(nil, nil)
		}), "a tenant without an ID", 1, "t1"},
		"with_no_ID": {listed(func(yield func(*tenants.Tenant, error) bool) {
			_ = yield(acme(), nil) && yield(&tenants.Tenant{Slug: "x"}, nil)
		}), "a tenant without an ID", 1, "t1"},
		"in_a_circle": {listed(func(yield func(*tenants.Tenant, error) bool) {
			for yield(acme(), nil) {
			}
		}), "the same tenant again", 1, "t1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tenants.Each(t.Context(), test.lister, func(context.Context, *tenants.Tenant) error { return nil }, quiet)
			var each *tenants.EachError
			require.ErrorAs(t, err, &each)
			require.ErrorContains(t, each.Err, test.says)
			require.Equal(t, test.done, each.Done)
			require.Equal(t, test.resume, each.Resume)
			require.Empty(t, each.Failed)
		})
	}
}

func TestEach_waits_for_its_jobs_whatever_the_lister_does(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]func(){
		"ends": func() {}, "panics": func() { panic("page two") }, "exits": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Bool
				returned := make(chan bool, 1)
				go func() {
					defer func() { returned <- done.Load() }()
					_ = tenants.Each(t.Context(), listed(func(yield func(*tenants.Tenant, error) bool) {
						yield(acme(), nil)
						ends()
					}), func(context.Context, *tenants.Tenant) error {
						time.Sleep(time.Hour)
						done.Store(true)
						return nil
					}, quiet)
				}()
				require.True(t, <-returned)
			})
		})
	}
}

// Whatever fails, and in whatever order the jobs end, resuming leaves nothing out.
func TestEach_resume_leaves_nothing_out(t *testing.T) {
	t.Parallel()
	const n = 60
	for seed := range int64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				roll := func(id string, run, of int64) bool {
					sum := seed*7919 + run*104729
					for _, c := range id {
						sum = sum*31 + int64(c)
					}
					return (sum%of+of)%of == 0
				}
				var mu sync.Mutex
				done := map[string]bool{}
				resume := ""
				for run := int64(0); ; run++ {
					require.Less(t, run, int64(100), "it does not come to an end")
					ctx, cancel := context.WithCancel(t.Context())
					lister := list{n: n, err: errDown}
					if run%3 == 1 {
						lister.fails = n/2 + int(run)
					}
					err := tenants.Each(ctx, lister, func(_ context.Context, tenant *tenants.Tenant) error {
						time.Sleep(time.Duration(tenant.ID[5]%7) * time.Second)
						switch {
						case roll(tenant.ID, run, 11):
							return errDown
						case roll(tenant.ID, run, 37):
							cancel()
						}
						mu.Lock()
						defer mu.Unlock()
						done[tenant.ID] = true
						return nil
					}, quiet, tenants.After(resume), tenants.Concurrency(5))
					cancel()
					if err == nil {
						break
					}
					var each *tenants.EachError
					require.ErrorAs(t, err, &each)
					require.GreaterOrEqual(t, each.Resume, resume)
					resume = each.Resume
					for i := 1; number(i) <= resume; i++ {
						require.True(t, done[number(i)], "%s comes before %s and was not done", number(i), resume)
					}
				}
				require.Len(t, done, n)
			})
		})
	}
}

func TestEach_resumes_after_who_was_left_out(t *testing.T) {
	t.Parallel()
	err := tenants.Each(t.Context(), list{n: 9}, func(_ context.Context, tenant *tenants.Tenant) error {
		if tenant.ID == number(6) {
			return errDown
		}
		return nil
	}, quiet, tenants.Only(func(t *tenants.Tenant) bool { return t.ID == number(2) || t.ID == number(6) }))
	var each *tenants.EachError
	require.ErrorAs(t, err, &each)
	require.Equal(t, number(5), each.Resume)
	require.Equal(t, 1, each.Done)
}

func TestEach_refuses_what_cannot_be(t *testing.T) {
	t.Parallel()
	job := func(context.Context, *tenants.Tenant) error { return nil }
	for name, test := range map[string]struct {
		lister tenants.Lister
		job    func(context.Context, *tenants.Tenant) error
		option tenants.EachOption
		want   string
	}{
		"no_lister":            {nil, job, quiet, "gormtenant: tenants.Each: the lister is nil"},
		"no_function":          {list{}, nil, quiet, "gormtenant: tenants.Each: the function is nil"},
		"nil_option":           {list{}, job, nil, "gormtenant: tenants.Each: an option is nil"},
		"concurrency_zero":     {list{}, job, tenants.Concurrency(0), "gormtenant: tenants.Concurrency(0): it must be at least 1"},
		"concurrency_negative": {list{}, job, tenants.Concurrency(-1), "gormtenant: tenants.Concurrency(-1): it must be at least 1"},
		"only_nil":             {list{}, job, tenants.Only(nil), "gormtenant: tenants.Only(nil): leave it out to keep every tenant"},
		"total_negative":       {list{}, job, tenants.Total(-1), "gormtenant: tenants.Total(-1): it must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tenants.Each(t.Context(), test.lister, test.job, test.option), test.want)
		})
	}
}

// Each of 100,000 tenants holds a few at a time: what it has worked for can be collected.
func TestEach_of_many_holds_few(t *testing.T) {
	const n, page, sample = 100_000, 1 << 14, 64
	var live, most atomic.Int64
	big := listed(func(yield func(*tenants.Tenant, error) bool) {
		for i := 1; i <= n; i++ {
			tenant := &tenants.Tenant{ID: number(i)}
			if i%sample == 0 {
				live.Add(1)
				runtime.AddCleanup(tenant, func(int) { live.Add(-1) }, 0)
			}
			if i%page == 0 {
				runtime.GC()
			}
			if !yield(tenant, nil) {
				return
			}
		}
	})
	err := tenants.Each(t.Context(), big, func(context.Context, *tenants.Tenant) error {
		most.Store(max(most.Load(), live.Load()))
		return nil
	}, quiet)
	require.NoError(t, err)
	require.Less(t, most.Load(), int64(n/sample/2))
}

func TestEach_of_many_panics_keeps_few_stacks(t *testing.T) {
	t.Parallel()
	err := tenants.Each(t.Context(), list{n: 1000}, func(context.Context, *tenants.Tenant) error {
		panic("always")
	}, quiet)
	var each *tenants.EachError
	require.ErrorAs(t, err, &each)
	require.Len(t, each.Failed, 1000)
	stacks := 0
	for _, failed := range each.Failed {
		var panicked *tenants.PanicError
		require.ErrorAs(t, failed, &panicked)
		if panicked.Stack != nil {
			stacks++
		}
	}
	require.Equal(t, 100, stacks)
}

func TestEach_writes_its_progress_in_few_lines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []tenants.EachOption
		want    string
	}{
		"no_total": {nil, `^gormtenant: 20 tenants so far, 2 failed, after 10s
gormtenant: 40 tenants so far, 4 failed, after 20s
gormtenant: 45 tenants in all, 4 failed, after 22.5s
$`},
		"total": {[]tenants.EachOption{tenants.Total(50)}, "20 of 50 tenants so far.*\n.*40 of 50.*\n.*45 of 50"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var text strings.Builder
				_ = tenants.Each(t.Context(), list{n: 45}, func(_ context.Context, tenant *tenants.Tenant) error {
					time.Sleep(time.Second / 2)
					if tenant.ID[5] == '7' {
						return errDown
					}
					return nil
				}, append(test.options, tenants.Progress(&text), tenants.Concurrency(1))...)
				require.Regexp(t, test.want, text.String())
			})
		})
	}
}

func TestEach_ignores_a_progress_that_cannot_be_written(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	_ = r.Close()
	require.NoError(t, tenants.Each(t.Context(), list{n: 3},
		func(context.Context, *tenants.Tenant) error { return nil }, tenants.Progress(w)))
}
