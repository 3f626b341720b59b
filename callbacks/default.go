package callbacks

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/scopes"
)

// A default tenant stands in for a context that says nothing: neither WithTenant nor Unscoped was
// called for it. It is put into the context of the statement itself, once it is known that a table
// of tenants is touched, so that whatever the statement makes, and the pool that sends it, see the
// same tenant. The migrator's statements and those on shared tables have no tenant as ever.

// resolve returns what ctx says, or the default tenant where it says nothing.
func (g *guard) resolve(ctx context.Context) (s scope, defaulted bool, err error) {
	if g.config.Default != nil && (ctx == nil || !gormtenant.Decided(ctx)) {
		return scope{id: g.config.Default}, true, nil
	}
	s, err = resolve(ctx)
	return s, false, err
}

// asDefault makes a statement on a table of tenants run as the default tenant, if its context says
// nothing, and reports it. One that is only built is not reported.
func (r *run) asDefault(table string) {
	if !r.defaulted || r.open || table == "" || r.inDefault() {
		return
	}
	ctx := r.stmt.Context
	if ctx == nil {
		ctx = context.Background()
	}
	r.ctx, r.stmt.Context = ctx, gormtenant.WithTenant(ctx, r.guard.config.Default)
	if tell := r.guard.config.OnDefault; tell != nil && !r.stmt.DryRun {
		tell(ctx, r.op, table, caller())
	}
}

// inDefault reports whether asDefault has run.
func (r *run) inDefault() bool {
	return r.stmt.Context != nil && gormtenant.Decided(r.stmt.Context)
}

// leaveDefault gives a statement the context back that it had: it may be used again.
func (r *run) leaveDefault() {
	if r.defaulted && r.inDefault() {
		r.stmt.Context = r.ctx
	}
}

// rawAsDefault is asDefault for a text that was read, or refused.
func (r *run) rawAsDefault(plan *sqltext.Plan, err error) {
	if !r.defaulted {
		return
	}
	var refused *sqltext.Refusal
	switch {
	case errors.As(err, &refused):
		r.asDefault(refused.Table)
	case err == nil:
		r.asDefault(firstTable(plan))
	}
}

// contextOf returns the context in which a text is sent: a dialect may have taken the statement's
// before its text was read.
func (r *run) contextOf(ctx context.Context) context.Context {
	if r.defaulted && r.inDefault() && !gormtenant.Decided(ctx) {
		return gormtenant.WithTenant(ctx, r.guard.config.Default)
	}
	return ctx
}

// idsAsDefault returns the arguments with the default tenant in the place of every scopes.ID of a
// context that says nothing.
func (r *run) idsAsDefault(vars []any) []any {
	id := r.guard.config.Default
	if id == nil || r.argument {
		return vars
	}
	all := vars
	for i, value := range vars {
		bound, ok := value.(scopes.BoundID)
		if !ok {
			continue
		}
		if len(all) > 0 && &all[0] == &vars[0] {
			all = slices.Clone(vars)
		}
		all[i] = bound.Else(gormtenant.WithTenant(context.Background(), id))
	}
	return all
}

// caller returns where the statement was made, as file:line: the first function among the callers
// that is neither GORM's nor of this module's own machinery.
func caller() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if !ofMachinery(frame.Function) && strings.HasSuffix(frame.File, ".go") {
			return frame.File + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return ""
		}
	}
}

func ofMachinery(function string) bool {
	return slices.ContainsFunc([]string{
		"gorm.io/", "github.com/gormtenant/gormtenant/callbacks.",
		"github.com/gormtenant/gormtenant/plugin.",
		"github.com/gormtenant/gormtenant/tenants/", "runtime.", "reflect.",
	}, func(prefix string) bool { return strings.HasPrefix(function, prefix) })
}
