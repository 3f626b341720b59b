package connecttenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Option is what [NewServer] takes.
type Option interface {
	apply(s *Server) error
}

type optionFunc func(s *Server) error

func (o optionFunc) apply(s *Server) error { return o(s) }

// Claim is the source of tenants that vouches for them: the tenant of a verified token, by its ID.
// It is asked for each call, by several goroutines at once, and usually reads what
// authentication in front put into the context. "" names no tenant. An error refuses the call with
// unauthenticated, unless it wraps resolve.ErrUnavailable or ErrNotAuthorized, or the error of a
// context. A slug or a domain is no ID, and is refused: see [ClaimSlug].
func Claim(claim func(ctx context.Context, call Call) (string, error)) Option {
	return optionFunc(func(s *Server) error {
		return s.addSource("Claim", "Claim", true, true, claim)
	})
}

// ClaimSlug is [Claim] for tokens that hold the slug or a domain of the tenant. It is dangerous
// where tenants may change these: the token follows the slug to whoever takes it next.
func ClaimSlug(claim func(ctx context.Context, call Call) (string, error)) Option {
	return optionFunc(func(s *Server) error {
		return s.addSource("ClaimSlug", "ClaimSlug", true, false, claim)
	})
}

// Source is a source of the application's own, such as a header: an ID, a slug or a
// domain that the client chose, "" where there is none. It needs a [Claim] or [Authorize] beside
// it. An error refuses the call with invalid_argument, unless it wraps another. name is for errors
// and logs.
func Source(name string, find func(ctx context.Context, call Call) (string, error)) Option {
	return ownSource("Source", name, false, find)
}

// VouchingSource is a [Source] that vouches for the tenant, as [Claim] does: what it finds was
// verified, and is the tenant's ID.
func VouchingSource(name string, find func(ctx context.Context, call Call) (string, error)) Option {
	return ownSource("VouchingSource", name, true, find)
}

func ownSource(
	option, name string, vouches bool, find func(ctx context.Context, call Call) (string, error),
) Option {
	return optionFunc(func(s *Server) error {
		if name == "" {
			return fmt.Errorf("%s needs a name, which errors call it by", option)
		}
		full := fmt.Sprintf("%s(%q)", option, name)
		return s.addSource(full, full, vouches, vouches, find)
	})
}

// TrustCallers believes the tenant that a [Client] has sent where trusts reports that the caller is
// a service which may act as any tenant. It is asked for each call that has such a tenant, by
// several goroutines at once. Connect does not tell the certificate of a caller: put it into the
// context with a handler of net/http in front, from http.Request.TLS.
func TrustCallers(trusts func(ctx context.Context, call Call) bool) Option {
	return optionFunc(func(s *Server) error {
		if trusts == nil {
			return errors.New("TrustCallers needs a function")
		}
		s.trusts = append(s.trusts, trusts)
		return nil
	})
}

// Authorize reports whether a call may use the tenant that it names: whether its user is a member.
// It is asked for each call, also where a claim has named the tenant, and before the tenant's
// status is. An error refuses the call with permission_denied, unless it wraps another. t is
// shared: read it only.
func Authorize(authorize func(ctx context.Context, t *tenants.Tenant) error) Option {
	return optionFunc(func(s *Server) error {
		if authorize == nil || s.authorize != nil {
			return errors.New("Authorize needs a function, once")
		}
		s.authorize = authorize
		return nil
	})
}

// Except lets calls of these methods through without a tenant: "/package.Service/Method", or all
// methods of "/package.Service/". Nothing is looked up for them, and their statements on tenants'
// tables fail with gormtenant.ErrNoTenant.
func Except(methods ...string) Option {
	return optionFunc(func(s *Server) error {
		for _, method := range methods {
			service, name, ok := strings.Cut(strings.TrimPrefix(method, "/"), "/")
			if !strings.HasPrefix(method, "/") || !ok || service == "" ||
				strings.Contains(name, "/") {
				return fmt.Errorf("Except(%q): a method such as \"/grpc.health.v1.Health/Check\" "+
					"is needed, or a service such as \"/grpc.health.v1.Health/\"", method)
			}
			s.except = append(s.except, method)
		}
		return nil
	})
}

// AnyoneMayNameTheirTenant lets every client use every tenant that it names, with nothing to say
// that the tenant is its own.
func AnyoneMayNameTheirTenant() Option {
	return optionFunc(func(s *Server) error {
		s.anyone = true
		s.rules = append(s.rules, resolve.AnyoneMayNameTheirTenant())
		return nil
	})
}

// HideUnknown answers a call that names an unknown tenant, and one whose sources disagree, as if it
// was not authorized.
func HideUnknown() Option {
	return optionFunc(func(s *Server) error {
		s.rules = append(s.rules, resolve.HideUnknown())
		return nil
	})
}

// Clock gives the time at which tenants must be usable. Defaults to time.Now. It must be safe for
// concurrent use.
func Clock(now func() time.Time) Option {
	return optionFunc(func(s *Server) error {
		if now == nil {
			return errors.New("Clock needs a function, such as time.Now")
		}
		s.rules = append(s.rules, resolve.Clock(now))
		return nil
	})
}

// Logger gets one line for each call that is refused: at level Error if the directory failed, Warn
// if a tenant was named that the client may not use, else Info. Defaults to slog.Default.
func Logger(logger *slog.Logger) Option {
	return optionFunc(func(s *Server) error {
		if logger == nil {
			return errors.New("Logger needs a *slog.Logger")
		}
		s.logger = logger
		return nil
	})
}
