package middleware

import (
	"context"
	"log/slog"
	"slices"

	"github.com/gormtenant/gormtenant/tenants"
)

// LogHandler returns a handler that adds the tenant of a record's context to the record, and gives
// it to next:
//
//	slog.SetDefault(slog.New(middleware.LogHandler(slog.NewJSONHandler(os.Stderr, nil))))
//	slog.InfoContext(r.Context(), "project created") // ... "tenant":{"id":"42","slug":"acme"}
//
// The group tenant is a top-level one, whatever groups the logger has opened. Records without a
// context of a tenant, or under gormtenant.Unscoped, stay as they are.
func LogHandler(next slog.Handler) slog.Handler {
	if next == nil {
		panic("gormtenant: LogHandler needs the handler that it is in front of")
	}
	return &logHandler{root: next, next: next}
}

// logHandler is next, which is root with all of opened done to it. Attributes of a record go into
// the groups that are open; to put the tenant above them it is given to root before they are
// opened.
type logHandler struct {
	root, next slog.Handler
	opened     []func(slog.Handler) slog.Handler
}

// Enabled says what next says.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle adds the tenant of ctx.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	t, ok := tenants.FromContext(ctx)
	if !ok {
		return h.next.Handle(ctx, record)
	}
	tenant := slog.Group("tenant", slog.String("id", t.ID), slog.String("slug", t.Slug))
	if len(h.opened) == 0 {
		record = record.Clone()
		record.AddAttrs(tenant)
		return h.next.Handle(ctx, record)
	}
	next := h.root.WithAttrs([]slog.Attr{tenant})
	for _, open := range h.opened {
		next = open(next)
	}
	return next.Handle(ctx, record)
}

// WithAttrs returns a handler whose records have attrs too.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	with := func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) }
	if len(h.opened) == 0 {
		next := with(h.next)
		return &logHandler{root: next, next: next}
	}
	return h.open(with)
}

// WithGroup returns a handler whose further attributes are in the group name.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.open(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *logHandler) open(do func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{root: h.root, next: do(h.next), opened: append(slices.Clip(h.opened), do)}
}
