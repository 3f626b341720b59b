package tenants_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

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
					err := tenants.Each(ctx, lister,
						func(_ context.Context, tenant *tenants.Tenant) error {
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
						require.True(t, done[number(i)], "%s comes before %s and was not done",
							number(i), resume)
					}
				}
				require.Len(t, done, n)
			})
		})
	}
}

func TestEach_resumes_after_who_was_left_out(t *testing.T) {
	t.Parallel()
	err := tenants.Each(t.Context(), list{n: 9},
		func(_ context.Context, tenant *tenants.Tenant) error {
			if tenant.ID == number(6) {
				return errDown
			}
			return nil
		}, quiet,
		tenants.Only(func(t *tenants.Tenant) bool {
			return t.ID == number(2) || t.ID == number(6)
		}))
	var each *tenants.EachError
	require.ErrorAs(t, err, &each)
	require.Equal(t, number(5), each.Resume)
	require.Equal(t, 1, each.Done)
}

func TestEach_refuses_bad_arguments(t *testing.T) {
	t.Parallel()
	job := func(context.Context, *tenants.Tenant) error { return nil }
	for _, test := range []struct {
		name   string
		lister tenants.Lister
		job    func(context.Context, *tenants.Tenant) error
		option tenants.EachOption
		want   string
	}{
		{"no_lister", nil, job, quiet, "gormtenant: tenants.Each: the lister is nil"},
		{"no_function", list{}, nil, quiet, "gormtenant: tenants.Each: the function is nil"},
		{"nil_option", list{}, job, nil, "gormtenant: tenants.Each: option 1 is nil"},
		{
			"concurrency_zero",
			list{},
			job, tenants.Concurrency(0),
			"gormtenant: tenants.Concurrency(0): it must be at least 1",
		},
		{
			"concurrency_negative",
			list{},
			job, tenants.Concurrency(-1),
			"gormtenant: tenants.Concurrency(-1): it must be at least 1",
		},
		{
			"only_nil",
			list{},
			job, tenants.Only(nil),
			"gormtenant: tenants.Only(nil): leave it out to keep every tenant",
		},
		{
			"total_negative",
			list{},
			job, tenants.Total(-1),
			"gormtenant: tenants.Total(-1): it must not be negative",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tenants.Each(t.Context(), test.lister, test.job, test.option),
				test.want)
		})
	}
}

// Each of 100,000 tenants holds a few at a time: what it has worked for can be collected.
func TestEach_of_many_holds_few(t *testing.T) {
	const n, page, sample = 100_000, 1 << 14, 64
	var live, most atomic.Int64
	big := listed(func(yield func(*tenants.Tenant, error) bool) {
		for i := 1; i <= n; i++ {
			tenant := &tenants.Tenant{ID: number(i), Status: tenants.Active}
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
	for _, test := range []struct {
		name    string
		options []tenants.EachOption
		want    string
	}{
		{"no_total", nil, `^gormtenant: 20 tenants so far, 2 failed, after 10s
gormtenant: 40 tenants so far, 4 failed, after 20s
gormtenant: 45 tenants in all, 4 failed, after 22.5s
$`},
		{
			"total",
			[]tenants.EachOption{tenants.Total(50)},
			"20 of 50 tenants so far.*\n.*40 of 50.*\n.*45 of 50",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var text strings.Builder
				_ = tenants.Each(t.Context(), list{n: 45},
					func(_ context.Context, tenant *tenants.Tenant) error {
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
