package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// Middleware turns requests into tenants, or refuses them. It is made by [New] and safe for
// concurrent use.
type Middleware struct {
	resolver *resolve.Resolver
	sources  []source
	// A source that the client chooses and nothing vouches for; "" if there is none.
	free     string
	vary     []string // of Header
	bases    []string // of Subdomain
	ownHosts map[string]struct{}
	proxies  []netip.Prefix
	// What comes through a unix socket comes from a proxy.
	unixSocket bool

	anyone   bool
	rules    []resolve.Option
	logger   *slog.Logger
	annotate func(ctx context.Context, t *tenants.Tenant)

	authorize atomic.Pointer[func(r *http.Request, t *tenants.Tenant) error]
	onError   atomic.Pointer[func(w http.ResponseWriter, r *http.Request, err error)]

	excepting  sync.Mutex // for Except
	exceptions atomic.Pointer[[]exception]
}

// New returns a Middleware that finds tenants in directory. The options are at least one source:
// [Claim], [Subdomain], [Domain], [Header], [Path], [Query] or a [Source] of the application's own;
// they are asked in the order given.
//
// Requests wait for the directory for as long as their contexts last, so it should be a quick one
// whose lookups end by themselves, such as tenants.Cached.
//
// New panics if the directory is nil, if there is no source, and if an option is wrong.
func New(directory tenants.Directory, options ...Option) *Middleware {
	if directory == nil {
		panic("gormtenant: middleware.New needs a directory of tenants")
	}
	m := &Middleware{}
	err := option.Apply("middleware.New", options, func(o Option) error {
		if err := o.apply(m); err != nil { // begins with the option's name
			return fmt.Errorf("gormtenant: middleware.%w", err)
		}
		return nil
	})
	if err != nil {
		panic(err.Error())
	}
	if len(m.sources) == 0 {
		panic("gormtenant: middleware.New needs a source of tenants, such as middleware.Claim " +
			"or middleware.Subdomain")
	}
	m.resolver = resolve.New(directory, m.rules...)
	m.free = m.freeSource()
	m.vary = slices.Clip(m.vary)
	return m
}

// addSource is called by options that are sources.
func (m *Middleware) addSource(s source) error {
	m.sources = append(m.sources, s)
	return nil
}

// freeSource returns a source that needs Authorize: what the client chooses, with no claim beside
// it.
func (m *Middleware) freeSource() string {
	free := ""
	for _, s := range m.sources {
		if !s.free || m.anyone {
			return ""
		}
		free = s.name
	}
	return free
}

// mustVouch panics if clients could use any tenant by naming it, and nobody said that they may. It
// cannot be asked in New, which Authorize comes after.
func (m *Middleware) mustVouch() {
	if m.free != "" && m.authorize.Load() == nil {
		panic("gormtenant: middleware." + m.free + " lets clients name any tenant they like, and " +
			"nothing says which one they belong to: add middleware.Claim or call Authorize, or " +
			"say middleware.AnyoneMayNameTheirTenant() if that is meant")
	}
}

// Authorize sets the function that reports whether a request may use the tenant that it names:
// whether its user is a member. It is asked for each request, by several goroutines at once, also
// where a [Claim] has named the tenant, and before the tenant's status is: only members learn that
// a tenant is suspended.
//
// An error refuses the request with [ErrNotAuthorized], or with [ErrUnavailable] if that or the
// error of a context is what it wraps: the members could not be looked up. t is shared: read it
// only. Authorize panics if it is called twice, or with nil; call it before serving.
func (m *Middleware) Authorize(authorize func(r *http.Request, t *tenants.Tenant) error) {
	if authorize == nil {
		panic("gormtenant: Authorize needs a function; to let everybody use every tenant " +
			"say middleware.AnyoneMayNameTheirTenant()")
	}
	if !m.authorize.CompareAndSwap(nil, &authorize) {
		panic("gormtenant: Authorize is called twice: ask all that is to be asked in one function")
	}
}

// SetErrorHandler sets the function that answers requests which are refused, in place of
// problem+json. Its err is an [*Error], whose Problem may be shown to the client and whose Err may
// not:
//
//	m.SetErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
//		var refused *middleware.Error
//		errors.As(err, &refused)
//		http.Error(w, refused.Problem.Detail, refused.Problem.Status)
//	})
//
// The refusal is logged before. nil brings the default back.
func (m *Middleware) SetErrorHandler(
	handle func(w http.ResponseWriter, r *http.Request, err error),
) {
	if handle == nil {
		m.onError.Store(nil)
		return
	}
	m.onError.Store(&handle)
}

// Handler returns a handler that calls next for requests whose tenant may be served, with the
// tenant in their context (see [tenants.NewContext]), and for those of [Middleware.Except], as they
// are. It answers all others itself.
//
// Handler panics if the client chooses the tenant and neither a [Claim] nor Authorize vouches for
// it. What the directory, a claim or Authorize panic with is left to the server: net/http logs it
// and closes the connection, and next is not called.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("gormtenant: Handler needs the handler that it is in front of")
	}
	m.mustVouch()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.excepted(r) {
			next.ServeHTTP(w, r)
			return
		}
		m.setVary(w.Header())
		t, refused := m.resolve(r)
		if refused != nil {
			m.refuse(w, r, refused)
			return
		}
		ctx := tenants.NewContext(r.Context(), t)
		if m.annotate != nil {
			m.annotate(ctx, t)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// setVary says that responses depend on the headers that name tenants.
func (m *Middleware) setVary(header http.Header) {
	switch {
	case len(m.vary) == 0:
	case len(header["Vary"]) == 0:
		// Without an allocation. It is full, so that whoever adds to it gets a copy.
		header["Vary"] = m.vary
	default:
		header["Vary"] = append(header["Vary"], m.vary...)
	}
}

// refuse logs the refusal and answers.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, refused *Error) {
	m.log(r, refused)
	if handle := m.onError.Load(); handle != nil {
		(*handle)(w, r, refused)
		return
	}
	refused.Problem.write(w)
}
