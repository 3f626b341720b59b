package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// hooks are what runs after a change.
type hooks struct {
	created, closed []func(ctx context.Context, t *tenants.Tenant)
	changed         []func(ctx context.Context, before, after *tenants.Tenant)
}

// OnCreated calls fn with each tenant that this Store has created, after the commit: to make its
// schema, to greet its users. fn runs in the goroutine of the call, with its context, before that
// returns; it may use the store, must be safe for concurrent use and must not change the tenant. A
// process that dies in between never calls it, so fn is not for what must not be lost. It may be
// given several times. [New] refuses it for a transaction, of whose commit the store hears nothing.
func OnCreated(fn func(ctx context.Context, t *tenants.Tenant)) Option {
	return optionFunc(func(s *Store) error {
		if fn == nil {
			return errors.New("gormtenant: store.OnCreated needs a function")
		}
		s.hooks.created = append(s.hooks.created, fn)
		return nil
	})
}

// OnChanged calls fn, as [OnCreated] does, with what a tenant was and is after each change of it,
// also of its status and its placement. A call that changes nothing does not count.
func OnChanged(fn func(ctx context.Context, before, after *tenants.Tenant)) Option {
	return optionFunc(func(s *Store) error {
		if fn == nil {
			return errors.New("gormtenant: store.OnChanged needs a function")
		}
		s.hooks.changed = append(s.hooks.changed, fn)
		return nil
	})
}

// OnClosed calls fn, as [OnCreated] does, with each tenant that became tenants.Closed, after the
// functions of [OnChanged].
func OnClosed(fn func(ctx context.Context, t *tenants.Tenant)) Option {
	return optionFunc(func(s *Store) error {
		if fn == nil {
			return errors.New("gormtenant: store.OnClosed needs a function")
		}
		s.hooks.closed = append(s.hooks.closed, fn)
		return nil
	})
}

// none reports whether nothing runs.
func (h *hooks) none() bool {
	return len(h.created) == 0 && len(h.changed) == 0 && len(h.closed) == 0
}

func (h *hooks) afterCreate(ctx context.Context, t *tenants.Tenant) {
	for _, fn := range h.created {
		fn(ctx, t)
	}
}

func (h *hooks) afterChange(ctx context.Context, before, after *tenants.Tenant) {
	for _, fn := range h.changed {
		fn(ctx, before, after)
	}
	if after.Status == tenants.Closed && before.Status != tenants.Closed {
		for _, fn := range h.closed {
			fn(ctx, after)
		}
	}
}

// isTransaction reports whether db is one.
func isTransaction(db *gorm.DB) bool {
	tx, ok := db.Statement.ConnPool.(gorm.TxCommitter)
	return ok && tx != nil
}
