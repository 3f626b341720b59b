package connecttenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"connectrpc.com/connect"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Server is an interceptor that turns the calls of a handler into tenants, or refuses them. It is
// made by [NewServer] and safe for concurrent use.
type Server struct {
	resolver  *resolve.Resolver
	rules     []resolve.Option
	sources   []source
	trusts    []func(ctx context.Context, call Call) bool
	authorize func(ctx context.Context, t *tenants.Tenant) error
	anyone    bool
	except    []string
	logger    *slog.Logger
}

var _ connect.Interceptor = (*Server)(nil)

// NewServer returns a Server that finds tenants in directory. The options are at least one source:
// [Claim], [ClaimSlug], [Source], [VouchingSource], or the callers that are trusted; sources are
// asked in the order given.
//
// It panics if the directory is nil, if there is no source, if an option is wrong, and if clients
// could use any tenant by naming it, with neither a claim nor [Authorize] beside it.
func NewServer(directory tenants.Directory, options ...Option) *Server {
	if directory == nil {
		panic("gormtenant: connecttenant.NewServer needs a directory of tenants")
	}
	s := &Server{}
	for _, o := range options {
		if o == nil {
			panic("gormtenant: connecttenant.NewServer: an option is nil")
		}
		if err := o.apply(s); err != nil {
			panic(fmt.Sprintf("gormtenant: connecttenant.%v", err))
		}
	}
	if len(s.trusts) > 0 {
		s.sources = append(s.sources, s.forwarded())
	}
	if len(s.sources) == 0 {
		panic("gormtenant: connecttenant.NewServer needs a source of tenants, such as " +
			"connecttenant.Claim")
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
	panic("gormtenant: connecttenant." + s.sources[0].name + " lets clients name any tenant they " +
		"like, and nothing says which one they belong to: add connecttenant.Claim or Authorize, " +
		"or say connecttenant.AnyoneMayNameTheirTenant() if that is meant")
}

// WrapUnary is called by Connect.
func (s *Server) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if request.Spec().IsClient {
			return next(ctx, request)
		}
		ctx, err := s.enter(ctx, Call{request.Spec(), request.Peer(), request.Header()})
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// WrapStreamingHandler is called by Connect.
func (s *Server) WrapStreamingHandler(
	next connect.StreamingHandlerFunc,
) connect.StreamingHandlerFunc {
	return func(ctx context.Context, stream connect.StreamingHandlerConn) error {
		ctx, err := s.enter(ctx, Call{stream.Spec(), stream.Peer(), stream.RequestHeader()})
		if err != nil {
			return err
		}
		return next(ctx, stream)
	}
}

// WrapStreamingClient is called by Connect. It does nothing.
func (s *Server) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// enter returns the context of a call with its tenant, or an error of Connect.
func (s *Server) enter(ctx context.Context, call Call) (context.Context, error) {
	if s.excepted(call.Spec.Procedure) {
		return ctx, nil
	}
	t, err := s.Resolve(ctx, call)
	if err == nil {
		return tenants.NewContext(ctx, t), nil
	}
	var refused *resolve.Error
	if !errors.As(err, &refused) { // never: Resolve has no other errors
		refused = resolve.Refuse(resolve.Unavailable, err)
	}
	s.log(ctx, call.Spec.Procedure, refused)
	answer := connect.NewError(codeOf(refused.Kind), errors.New(refused.Kind.Detail()))
	if refused.Kind == resolve.Unauthenticated {
		answer.Meta().Set("WWW-Authenticate", "Bearer")
	}
	return nil, answer
}

// Resolve returns the tenant of a call, which may be served now. The tenant is shared: read it
// only. Otherwise the error is a [*resolve.Error]. It is for programs that do without the
// interceptor; it logs nothing and knows nothing of [Except].
func (s *Server) Resolve(ctx context.Context, call Call) (*tenants.Tenant, error) {
	request := resolve.Request{
		Authenticated: len(call.Header["Authorization"]) > 0, Authorize: s.authorize,
	}
	for i := range s.sources {
		said := s.sources[i].ask(ctx, call)
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
func codeOf(kind resolve.Kind) connect.Code {
	switch kind {
	case resolve.NoTenantNamed, resolve.Malformed:
		return connect.CodeInvalidArgument
	case resolve.Unauthenticated:
		return connect.CodeUnauthenticated
	case resolve.Unknown:
		return connect.CodeNotFound
	case resolve.NotAuthorized, resolve.Disagree, resolve.Suspended, resolve.Closed,
		resolve.Expired:
		return connect.CodePermissionDenied
	}
	return connect.CodeUnavailable
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
