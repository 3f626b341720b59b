package gormtenant

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strings"
)

// contextKey is the key of the one value that this package keeps in a context. WithTenant and
// Unscoped share it, so that the innermost of them decides.
type contextKey struct{}

// scope is what a context says: a tenant (id), all tenants (unscoped), or neither, with the reason
// why its statements must fail (err).
type scope struct {
	id       any
	unscoped bool
	reason   string
	err      error
}

// WithTenant returns a context whose statements run as tenant id: a string, an integer, a
// uuid.UUID, or any comparable value that GORM can write to the tenant column. A pointer stands
// for what it points at.
//
//	ctx := gormtenant.WithTenant(r.Context(), "acme")
//	db.WithContext(ctx).Find(&projects)
//	// SELECT * FROM "projects" WHERE "projects"."tenant_id" = 'acme'
//
// nil, "", 0, uuid.Nil and every other zero value never match rows: statements of such a context
// fail with [ErrNoTenant], as do those of an ID that cannot be compared. Where contexts are nested
// the innermost of WithTenant and [Unscoped] decides.
func WithTenant(ctx context.Context, id any) context.Context {
	return context.WithValue(ctx, contextKey{}, newScope(id))
}

// FromContext returns the tenant that statements of ctx run as. ok is false when there is none,
// and under [Unscoped].
func FromContext(ctx context.Context) (id any, ok bool) {
	s, ok := ctx.Value(contextKey{}).(*scope)
	if !ok || s.id == nil {
		return nil, false
	}
	return s.id, true
}

// Require is [FromContext] for code that cannot go on without a tenant. Its error is an
// [ErrNoTenant].
func Require(ctx context.Context) (id any, err error) {
	s, ok := ctx.Value(contextKey{}).(*scope)
	switch {
	case !ok || s.unscoped:
		return nil, ErrNoTenant
	case s.err != nil:
		return nil, s.err
	}
	return s.id, nil
}

// Unscoped returns a context whose statements cross tenants, for the given reason. It is the only
// way across; the reason goes to tenantplugin.OnUnscoped, for an audit log.
//
//	db.WithContext(gormtenant.Unscoped(ctx, "monthly invoicing")).Find(&projects)
//
// An empty or blank reason makes the statements fail with [ErrNoReason]. gorm's own
// db.Unscoped() is about soft delete only and never lifts isolation.
func Unscoped(ctx context.Context, reason string) context.Context {
	s := &scope{unscoped: true, reason: strings.TrimSpace(reason)}
	if s.reason == "" {
		s.err = ErrNoReason
	}
	return context.WithValue(ctx, contextKey{}, s)
}

// UnscopedReason returns the reason that was given to [Unscoped]. ok is false for a context that
// is not unscoped, because it has a tenant or because nobody said anything. A reason that was left
// empty gives [ErrNoReason].
func UnscopedReason(ctx context.Context) (reason string, ok bool, err error) {
	s, ok := ctx.Value(contextKey{}).(*scope)
	if !ok || !s.unscoped {
		return "", false, nil
	}
	return s.reason, true, s.err
}

// Decided reports whether ctx says whose its statements are: whether [WithTenant] or [Unscoped] was
// called for it, if only with an ID or a reason that makes them fail. Only where it is false does
// tenantplugin.DefaultTenant stand in.
func Decided(ctx context.Context) bool {
	_, ok := ctx.Value(contextKey{}).(*scope)
	return ok
}

// newScope decides once, when the context is made, whether id names a tenant.
func newScope(id any) *scope {
	switch text, ok := id.(string); {
	case id == nil:
		return &scope{err: ErrNoTenant}
	case ok && text != "": // reflect, below, would allocate for each request
		return &scope{id: id}
	}
	value := reflect.ValueOf(id)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
		id = value.Interface()
	}
	if !value.Comparable() {
		return &scope{err: fmt.Errorf("%w (an ID of type %T cannot be compared)", ErrNoTenant, id)}
	}
	if value.IsZero() || writesNothing(id) {
		return &scope{err: ErrNoTenant}
	}
	return &scope{id: id}
}

// writesNothing reports whether id would be written as NULL or as a zero value: a sql.NullString
// that is not valid, or one that holds "".
func writesNothing(id any) bool {
	valuer, ok := id.(driver.Valuer)
	if !ok {
		return false
	}
	written, err := valuer.Value()
	return err != nil || written == nil || reflect.ValueOf(written).IsZero()
}
