package tenants

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/progress"
)

// Lister lists tenants. Package tenants/store has one.
type Lister interface {
	// List yields all tenants whose ID comes after the given one, in ascending order of their IDs;
	// after "" that is all there are. It reads them page by page, by their key, and holds neither
	// all of them nor a connection while the caller works. An error is the last thing that it
	// yields.
	List(ctx context.Context, after string) iter.Seq2[*Tenant, error]
}

// Each runs fn for every tenant that lister lists and that is to be served, in the context of that
// tenant: NewContext(ctx, t). Those that are suspended, closed or expired when their turn in the
// list comes are left out, unless [Everyone] is given.
//
//	err := tenants.Each(ctx, store, func(ctx context.Context, t *tenants.Tenant) error {
//		return sendInvoice(db.WithContext(ctx), t)
//	})
//
// Up to [Concurrency] calls run at the same time, so fn must be safe for concurrent use. They start
// in the lister's order. A call that fails ends none of the others. One that panics fails with a
// [*PanicError]; after a hundred panics the others keep no stack, so that a bug in fn does not take
// all memory.
//
// Each returns nil if every call succeeded. Otherwise, after the last call has returned, it returns
// an [*EachError]: how many succeeded, which failed, and where to resume. Each stops early when ctx
// ends, which running calls see too, and when the lister fails. For invalid options and arguments
// it returns a plain error before it does anything.
//
// Each keeps in memory the tenants at work and the failures, never the list.
func Each(
	ctx context.Context, lister Lister, fn func(ctx context.Context, t *Tenant) error,
	options ...EachOption,
) error {
	config, err := newEachConfig(options)
	switch {
	case err != nil:
		return err
	case lister == nil:
		return errors.New("gormtenant: tenants.Each: the lister is nil")
	case fn == nil:
		return errors.New("gormtenant: tenants.Each: the function is nil")
	}
	r := &eachRun{
		eachConfig: config, fn: fn, resume: config.after,
		bar: progress.New(config.progress, "tenants", int64(config.total), true),
	}
	defer r.bar.Finish()
	return r.result(r.all(ctx, lister))
}

// eachRun is one call of Each.
type eachRun struct {
	eachConfig
	fn  func(ctx context.Context, t *Tenant) error
	bar *progress.Bar

	mu     sync.Mutex // guards what follows
	done   int
	panics int
	failed []failure
	ended  error // why jobs were not started
	// resume is the ID before the first job that was not done, at position first; as long as all
	// were done, that of the last tenant.
	resume string
	first  int
}

// job is the call for one tenant.
type job struct {
	tenant *Tenant
	number int    // from 1
	before string // the ID that comes before the tenant's in the list
}

// all starts the jobs, and returns when the last has returned. Its error is why the list was not
// read to its end.
func (r *eachRun) all(ctx context.Context, lister Lister) (err error) {
	var jobs errgroup.Group // for its limit; the jobs' errors are not its
	jobs.SetLimit(r.concurrency)
	defer func() { _ = jobs.Wait() }()
	guard(func() error {
		return r.list(ctx, lister, func(j job) {
			jobs.Go(func() error {
				r.run(ctx, j)
				return nil
			})
		})
	}, func(failed error) { err = failed })
	return err
}

// list reads the list and starts a job for each tenant.
func (r *eachRun) list(ctx context.Context, lister Lister, start func(job)) error {
	last, number := r.after, 0
	for t, err := range lister.List(ctx, r.after) {
		switch {
		case ctx.Err() != nil:
			return stopped(ctx) // whatever error of the lister came of it
		case err != nil:
			return prefix.Errorf("list the tenants: %w", err)
		case t == nil || t.ID == "":
			return errors.New("gormtenant: list the tenants: the lister yielded a tenant " +
				"without an ID")
		case t.ID == last:
			return errors.New("gormtenant: list the tenants: the lister yielded the same tenant " +
				"again: it has to start after the ID that it is given, and to ascend")
		}
		if (r.everyone || t.Usable(time.Now()) == nil) && (r.only == nil || r.only(t)) {
			number++
			start(job{tenant: t, number: number, before: last})
		}
		last = t.ID
		r.listed(last)
	}
	if ctx.Err() != nil {
		return stopped(ctx) // a lister may just end its list then
	}
	return nil
}

// listed notes that the list has come to id.
func (r *eachRun) listed(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == 0 {
		r.resume = id
	}
}
