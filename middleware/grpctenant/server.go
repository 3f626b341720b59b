package grpctenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Server turns calls into tenants, or refuses them. It is made by [NewServer] and safe for
// concurrent use.
type Server struct {
	resolver  *resolve.Resolver
	rules     []resolve.Option
	sources   []source
	trusts    []func(ctx context.Context) bool
	authorize func(ctx context.Context, t *tenants.Tenant) error
	anyone    bool
	except    []string
	logger    *slog.Logger
}

// NewServer returns a Server that finds tenants in directory. The options are at least one source:
// [Claim], [ClaimSlug], [Source], [VouchingSource], or the callers that are trusted; sources are
// asked in the order given.
//
// It panics if the directory is nil, if there is no source, if an option is wrong, and if clients
// could use any tenant by naming it, with neither a claim nor [Authorize] beside it.
func NewServer(directory tenants.Directory, options ...Option) *Server {
	if directory == nil {
		panic("gormtenant: grpctenant.NewServer needs a directory of tenants")
	}
	s := &Server{}
	for _, o := range options {
		if o == nil {
			panic("gormtenant: grpctenant.NewServer: an option is nil")
		}
		if err := o.apply(s); err != nil {
			panic(fmt.Sprintf("gormtenant: grpctenant.%v", err))
		}
	}
	if len(s.trusts) > 0 {
		s.sources = append(s.sources, s.forwarded())
	}
	if len(s.sources) == 0 {
		panic("gormtenant: grpctenant.NewServer needs a source of tenants, such as " +
			"grpctenant.Claim")
	}
	s.mustVouch()
	s.resolver = resolve.New(directory, s.rules...)
	return s
}

// mustVouch panics if clients could use any tenant by naming it, and nobody said that they may.
func (s *Server) mustVouch() {
	if s.authorize != nil || s.anyone {
		return
	}
	for i := range s.sources {
		if s.sources[i].vouches {
			return
		}
	}
	panic("gormtenant: grpctenant." + s.sources[0].name + " lets clients name any tenant they " +
		"like, and nothing says which one they belong to: add grpctenant.Claim or Authorize, or " +
		"say grpctenant.AnyoneMayNameTheirTenant() if that is meant")
}

// Unary returns the interceptor of calls of one message.
func (s *Server) Unary() grpc.UnaryServerInterceptor {
	return func(
		ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (any, error) {
		ctx, err := s.enter(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// Stream returns the interceptor of streams.
func (s *Server) Stream() grpc.StreamServerInterceptor {
	return func(
		service any, stream grpc.ServerStream, info *grpc.StreamServerInfo,
		handler grpc.StreamHandler,
	) error {
		ctx, err := s.enter(stream.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		return handler(service, &entered{ServerStream: stream, ctx: ctx})
	}
}

// entered is a stream that runs as a tenant.
type entered struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream asks its stream for it
}

// Context returns a context with the tenant.
func (e *entered) Context() context.Context { return e.ctx }

// enter returns the context of a call with its tenant, or a status.
func (s *Server) enter(ctx context.Context, method string) (context.Context, error) {
	if s.excepted(method) {
		return ctx, nil
	}
	t, err := s.Resolve(ctx)
	if err == nil {
		return tenants.NewContext(ctx, t), nil
	}
	var refused *resolve.Error
	if !errors.As(err, &refused) { // never: Resolve has no other errors
		refused = resolve.Refuse(resolve.Unavailable, err)
	}
	s.log(ctx, method, refused)
	return nil, status.Error(codeOf(refused.Kind), refused.Kind.Detail())
}

// Resolve returns the tenant of the call whose context it is given, which may be served now. The
// tenant is shared: read it only. Otherwise the error is a [*resolve.Error]. It is for programs
// that do without the interceptors; it logs nothing and knows nothing of [Except].
func (s *Server) Resolve(ctx context.Context) (*tenants.Tenant, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	request := resolve.Request{
		Authenticated: len(incoming.Get("authorization")) > 0, Authorize: s.authorize,
	}
	for i := range s.sources {
		said := s.sources[i].ask(ctx)
		request.Candidates = append(request.Candidates, said)
		if said.Err != nil {
			break
		}
	}
	return s.resolver.Tenant(ctx, request)
}

// excepted reports whether a method needs no tenant.
func (s *Server) excepted(method string) bool {
	for _, except := range s.except {
		if method == except || strings.HasSuffix(except, "/") && strings.HasPrefix(method, except) {
			return true
		}
	}
	return false
}

// codeOf returns the code of a refusal.
func codeOf(kind resolve.Kind) codes.Code {
	switch kind {
	case resolve.NoTenantNamed, resolve.Malformed:
		return codes.InvalidArgument
	case resolve.Unauthenticated:
		return codes.Unauthenticated
	case resolve.Unknown:
		return codes.NotFound
	case resolve.NotAuthorized, resolve.Disagree, resolve.Suspended, resolve.Closed,
		resolve.Expired:
		return codes.PermissionDenied
	}
	return codes.Unavailable
}

// log writes the one line of a call that is refused.
func (s *Server) log(ctx context.Context, method string, refused *resolve.Error) {
	logger, level := s.logger, slog.LevelInfo
	if logger == nil {
		logger = slog.Default()
	}
	switch {
	case errors.Is(refused.Err, resolve.ErrUnavailable):
		if level = slog.LevelError; errors.Is(ctx.Err(), context.Canceled) {
			level = slog.LevelInfo // the client went away
		}
	case errors.Is(refused.Err, resolve.ErrDisagree), errors.Is(refused.Err,
		resolve.ErrNotAuthorized):
		level = slog.LevelWarn
	}
	logger.LogAttrs(ctx, level, "gormtenant: call refused",
		slog.String("code", codeOf(refused.Kind).String()), slog.Any("error", refused.Err),
		slog.String("method", method))
}
