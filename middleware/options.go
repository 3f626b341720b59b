package middleware

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Option is what [New] takes: a source of tenants, or something that changes what is done with
// them.
type Option interface {
	apply(m *Middleware) error
}

type optionFunc func(m *Middleware) error

func (o optionFunc) apply(m *Middleware) error { return o(m) }

// AnyoneMayNameTheirTenant lets every client use every tenant that it names by [Header], [Query],
// [Path], [Subdomain], [Domain] or a [Source], with neither a [Claim] nor [Middleware.Authorize] to
// say that the tenant is its own. It is for what is public, such as the shops of a shopping
// platform, and for servers that only trusted ones can reach.
func AnyoneMayNameTheirTenant() Option {
	return optionFunc(func(m *Middleware) error {
		m.anyone = true
		m.rules = append(m.rules, resolve.AnyoneMayNameTheirTenant())
		return nil
	})
}

// HideUnknown answers a request that names an unknown tenant, and one whose sources disagree, as if
// it was not authorized: 403, with the same body. Otherwise a stranger can tell the names of
// tenants (403) from others (404). How long the answers take may still differ. It hides nothing
// under [AnyoneMayNameTheirTenant], which lets strangers in.
func HideUnknown() Option {
	return optionFunc(func(m *Middleware) error {
		m.rules = append(m.rules, resolve.HideUnknown())
		return nil
	})
}

// Annotate calls fn for each request that has found its tenant, before the handler. ctx is the
// handler's: it has the tenant. It is where a trace gets to know the tenant, as with OpenTelemetry:
//
//	middleware.Annotate(func(ctx context.Context, t *tenants.Tenant) {
//		if span := trace.SpanFromContext(ctx); span.IsRecording() {
//			span.SetAttributes(attribute.String("tenant.id", t.ID),
//				attribute.String("tenant.slug", t.Slug))
//		}
//	})
//
// fn must be safe for concurrent use. For logs see [LogHandler].
func Annotate(fn func(ctx context.Context, t *tenants.Tenant)) Option {
	return optionFunc(func(m *Middleware) error {
		if fn == nil {
			return errors.New("Annotate needs a function")
		}
		m.annotate = fn
		return nil
	})
}

// Clock gives the time at which tenants must be usable. Defaults to time.Now. It must be safe for
// concurrent use.
func Clock(now func() time.Time) Option {
	return optionFunc(func(m *Middleware) error {
		if now == nil {
			return errors.New("Clock needs a function, such as time.Now")
		}
		m.rules = append(m.rules, resolve.Clock(now))
		return nil
	})
}

// Logger gets one line for each request that is refused: at level Error if the directory failed,
// Warn if a tenant was named that the client may not use, else Info. Defaults to slog.Default, as
// it is at that time.
func Logger(logger *slog.Logger) Option {
	return optionFunc(func(m *Middleware) error {
		if logger == nil {
			return errors.New("Logger needs a *slog.Logger; " +
				"for silence give it slog.DiscardHandler")
		}
		m.logger = logger
		return nil
	})
}
