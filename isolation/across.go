package isolation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Listed tells a [Router] who the tenants are: lister is the directory itself, such as a
// store.Store. [Router.Across] needs it, and so do reads under gormtenant.Unscoped to pass over the
// rows that tenants have left in the shared tables until [Mover.Remove]. Defaults to the router's
// directory, if it is a lister: a tenants.Cache is none.
func Listed(lister tenants.Lister) Option {
	return routerOption(func(r *routes) error {
		if lister == nil {
			return errors.New("gormtenant: isolation.Listed needs a lister, such as a store.Store")
		}
		r.left.lister = lister
		return nil
	})
}

// Across calls fn once for every place that tenants have, for reports over all of them: first for
// the shared tables, with no tenant and a context under which statements cross those who live
// there, then for each tenant that has a schema or a database of its own, in that tenant's context.
// db is the one that was opened on the router; fn is given it with the context of its call. Rows
// that tenants left in the shared tables are passed over, so that each row is seen once, where its
// tenant lives.
//
//	var total int64
//	ctx := gormtenant.Unscoped(ctx, "monthly invoicing")
//	err := router.Across(ctx, db, func(
//		ctx context.Context, t *tenants.Tenant, db *gorm.DB,
//	) error {
//		var here int64
//		err := db.Model(&Invoice{}).Count(&here).Error
//		total += here
//		return err
//	})
//
// ctx must be of gormtenant.Unscoped: the reason is what the audit log gets. Calls come one after
// the other, unless the option tenants.Concurrency says otherwise. One that fails ends none of the
// others: the error joins that of the shared tables and a *tenants.EachError with those that failed
// and those that did not. Who lives where is asked once, at the beginning; a tenant that moves
// meanwhile is seen at one of its places. Raw SQL, and joins that keep every row of the joined
// table, do see rows that were left. A router without a lister returns an error: see [Listed].
func (r *Router) Across(
	ctx context.Context, db *gorm.DB,
	fn func(ctx context.Context, t *tenants.Tenant, db *gorm.DB) error,
	options ...tenants.EachOption,
) error {
	_, unscoped, err := gormtenant.UnscopedReason(ctx)
	switch {
	case err != nil:
		return err
	case !unscoped:
		return errors.New("gormtenant: isolation.Router.Across needs the context of " +
			"gormtenant.Unscoped(ctx, reason): it crosses tenants")
	case db == nil || fn == nil:
		return errors.New("gormtenant: isolation.Router.Across needs the *gorm.DB on the router, " +
			"and a function")
	case r.routes.left.lister == nil:
		return errors.New("gormtenant: isolation.Router.Across needs to know who the tenants " +
			"are: give NewRouter isolation.Listed(store)")
	}
	away, err := elsewhere(ctx, r.routes.left.lister)
	if err != nil {
		return err
	}
	shared := context.WithValue(ctx, leftKey{}, away.left())
	err = fn(shared, nil, db.WithContext(shared))
	if err != nil {
		err = fmt.Errorf("gormtenant: the shared tables: %w", err)
	}
	options = append([]tenants.EachOption{tenants.Concurrency(1), tenants.Progress(nil)},
		options...)
	return errors.Join(err, tenants.Each(ctx, away, func(
		ctx context.Context, t *tenants.Tenant,
	) error {
		return fn(ctx, t, db.WithContext(ctx))
	}, options...))
}

// Elsewhere returns how many tenants live in schemas and databases of their own, which statements
// under gormtenant.Unscoped do not reach, and the IDs of those among them that have rows in the
// shared tables, as far as the router knows who the tenants are: see [Listed]. The plugin asks for
// both: reads pass over those rows, and the audit log gets the number. In a call of [Router.Across]
// the number is 0. What it has found out it remembers for ten seconds.
func (r *Router) Elsewhere(ctx context.Context) (living int, left []string, err error) {
	if left, ok := ctx.Value(leftKey{}).([]string); ok {
		return 0, left, nil
	}
	return r.routes.left.find(ctx)
}

// leftKey is the key of those whose rows a call of Across passes over.
type leftKey struct{}

// leftRows knows whose rows were left in the shared tables.
type leftRows struct {
	lister tenants.Lister

	mu     sync.Mutex
	living int
	ids    []string
	known  time.Time // when they were read
}

// leftFor is how long they are remembered.
const leftFor = 10 * time.Second

func (l *leftRows) find(ctx context.Context) (living int, left []string, err error) {
	if l.lister == nil {
		return 0, nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known.IsZero() && time.Since(l.known) < leftFor {
		return l.living, l.ids, nil
	}
	begun := time.Now()
	away, err := elsewhere(ctx, l.lister)
	if err != nil {
		return 0, nil, err
	}
	l.living, l.ids, l.known = len(away), away.inShared(), begun
	return l.living, l.ids, nil
}

// homes are the tenants that do not live in the shared tables, in the order of their IDs.
type homes []*tenants.Tenant

func elsewhere(ctx context.Context, lister tenants.Lister) (homes, error) {
	var all homes
	for t, err := range lister.List(ctx, "") {
		if err != nil {
			return nil, prefix.Errorf("listing the tenants: %w", err)
		}
		if t.Placement.Normal().Level != tenants.Rows {
			all = append(all, t)
		}
	}
	return all, nil
}

// List yields them, as a tenants.Lister does.
func (h homes) List(_ context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for _, t := range h {
			if t.ID > after && !yield(t, nil) {
				return
			}
		}
	}
}

// inShared returns those that have rows in the shared tables, from before or by a move that is
// under way.
func (h homes) inShared() []string {
	isRows := func(p tenants.Placement) bool { return p.Normal().Level == tenants.Rows }
	var ids []string
	for _, t := range h {
		if slices.ContainsFunc(t.Left, isRows) || t.Moving != nil && isRows(*t.Moving) {
			ids = append(ids, strings.Clone(t.ID))
		}
	}
	return ids
}

// mostParameters is how many tenants are named in one statement; SQLite takes 32,766 parameters.
const mostParameters = 20_000

// left returns whose rows are passed over: also those that come back meanwhile, if they are few
// enough to be named.
func (h homes) left() []string {
	if len(h) > mostParameters {
		return h.inShared()
	}
	ids := make([]string, len(h))
	for i, t := range h {
		ids[i] = t.ID
	}
	return ids
}
