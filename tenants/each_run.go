package tenants

import (
	"cmp"
	"context"
	"slices"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// maxStacks is how many panics keep their stack.
const maxStacks = 100

// failure is a job that failed.
type failure struct {
	job
	err error
}

// run calls fn for the tenant of j, unless ctx ended while j waited for its turn.
func (r *eachRun) run(ctx context.Context, j job) {
	if ctx.Err() != nil {
		r.skip(j, stopped(ctx))
		return
	}
	guard(func() error {
		return r.fn(NewContext(ctx, j.tenant), j.tenant)
	}, func(err error) {
		r.finish(j, err)
	})
}

// skip notes that j was not started.
func (r *eachRun) skip(j job, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = why
	r.notDone(j)
}

// finish notes that j returned err.
func (r *eachRun) finish(j job, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.bar.Add(1)
		r.done++
		return
	}
	r.bar.Fail()
	//nolint:errorlint // The panic of fn itself, which nobody wrapped.
	if p, ok := err.(*PanicError); ok {
		if r.panics++; r.panics > maxStacks {
			err = &PanicError{Value: p.Value}
		}
	}
	r.failed = append(r.failed, failure{j, err})
	r.notDone(j)
}

// notDone keeps Resume before j.
func (r *eachRun) notDone(j job) {
	if r.first == 0 || j.number < r.first {
		r.first, r.resume = j.number, j.before
	}
}

// result is what Each returns. err is why the list was not read to its end.
func (r *eachRun) result(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = r.ended
	}
	if err == nil && len(r.failed) == 0 {
		return nil
	}
	slices.SortFunc(r.failed, func(a, b failure) int { return cmp.Compare(a.number, b.number) })
	failed := make([]TenantError, len(r.failed))
	for i, f := range r.failed {
		failed[i] = TenantError{ID: f.tenant.ID, Err: f.err}
	}
	return &EachError{Done: r.done, Failed: failed, Resume: r.resume, Err: err}
}

// stopped is the error of a run whose ctx has ended.
func stopped(ctx context.Context) error {
	return prefix.Errorf("stopped before every tenant was served: %w", ended(ctx))
}
