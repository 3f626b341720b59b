package service

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// Server is the service. It is made by [New] and safe for concurrent use.
type Server struct {
	config    Config
	log       *slog.Logger
	database  *database
	db        *gorm.DB
	store     *store.Store    // the directory as it is
	directory *tenants.Cache  // the directory as requests see it
	listener  *store.Listener // nil on SQLite
	tokens    tokens
	passwords *passwords
	attempts  *attempts
	demo      *demo // nil without
	handler   http.Handler
}

// baseDomain is what tenants have their subdomains of: acme.localhost. Browsers take it to this
// machine.
const baseDomain = "localhost"

// New opens the database and returns a server on it. Close it.
func New(ctx context.Context, config Config) (_ *Server, err error) {
	config, err = config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, log: config.Log, tokens: tokens{config.Secret, config.TokenLifetime},
		attempts: newAttempts(config.Logins),
	}
	s.passwords, err = newPasswords(ctx, config.PasswordIterations, config.Logins.Queue)
	if err != nil {
		return nil, err
	}
	s.database, err = open(ctx, config,
		func(d *database) error { return s.use(ctx, d) })
	if err != nil {
		return nil, err
	}
	if s.database.listen != nil {
		// The listener lives as long as the server, which may have requests to finish after ctx.
		s.listener, err = store.Listen(context.WithoutCancel(ctx), s.database.listen, s.directory,
			store.OnError(func(err error) {
				s.log.Error("listening for changes of tenants", "error", err)
			}))
		if err != nil {
			return nil, errors.Join(err, s.database.close())
		}
	}
	s.handler = s.routes()
	return s, nil
}

// use takes the database, and makes the demonstration's rows if it has none.
func (s *Server) use(ctx context.Context, d *database) (err error) {
	s.database, s.db, s.store, s.directory = d, d.db, d.store, d.directory
	s.database.levels.migrate(ctx, s.store, s.log)
	if !s.config.Demo {
		return nil
	}
	if s.demo, err = newDemo(s); err != nil {
		return err
	}
	if err := s.demo.seed(ctx); err != nil {
		return err
	}
	return s.demo.place(ctx, s.config.Place)
}

// Close closes the database. Call it when no request runs any more.
func (s *Server) Close() error {
	if s.listener != nil {
		return errors.Join(s.listener.Close(), s.database.close())
	}
	return s.database.close()
}

// AdminToken is what opens /admin.
func (s *Server) AdminToken() string { return s.config.AdminToken }

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes are all that the server answers, and who may ask.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	m := middleware.New(s.directory,
		middleware.Claim(claimedTenant),
		middleware.Subdomain(baseDomain),
		middleware.Logger(s.log))
	m.Authorize(s.authorize)

	// Nobody's in particular.
	open := func(pattern string, handler http.Handler) {
		mux.Handle(pattern, handler)
		m.Except(pattern)
	}
	open("GET /health", s.serve(s.health))
	open("POST /auth/register", s.serve(s.register))
	open("POST /auth/login", s.serve(s.login))
	open("GET /admin/usage", s.admin(s.usage))
	open("POST /admin/tenants/{slug}/suspend", s.admin(s.changeTenant(s.suspend)))
	open("POST /admin/tenants/{slug}/resume", s.admin(s.changeTenant(s.resume)))
	open("POST /admin/tenants/{slug}/close", s.admin(s.changeTenant(s.closeTenant)))
	open("PUT /admin/tenants/{slug}/plan", s.admin(s.changeTenant(s.changePlan)))
	open("POST /admin/tenants/{slug}/move", s.admin(s.move))
	open("POST /admin/tenants/{slug}/remove", s.admin(s.changeTenant(s.removeOld)))

	// Of the tenant in the request's context.
	for pattern, fn := range map[string]endpoint{
		"GET /api/me":                            s.me,
		"GET /api/users":                         s.listUsers,
		"POST /api/users":                        s.createUser,
		"GET /api/projects":                      s.listProjects,
		"POST /api/projects":                     s.createProject,
		"GET /api/projects/{id}":                 s.getProject,
		"PATCH /api/projects/{id}":               s.changeProject,
		"DELETE /api/projects/{id}":              s.deleteProject,
		"GET /api/projects/{id}/tasks":           s.listTasks,
		"POST /api/projects/{id}/tasks":          s.createTask,
		"PATCH /api/tasks/{id}":                  s.changeTask,
		"DELETE /api/tasks/{id}":                 s.deleteTask,
		"PUT /api/projects/{id}/tags/{label}":    s.addTag,
		"DELETE /api/projects/{id}/tags/{label}": s.removeTag,
	} {
		mux.Handle(pattern, s.serve(fn))
	}

	if s.demo != nil {
		s.demo.routes(mux, open)
	}
	handler := limitBody(s.authenticate(m.Handler(s.unrouted(mux))))
	if s.demo != nil {
		handler = s.demo.allowPage(handler)
	}
	// No cookies are used, but the demonstration has POSTs that need no token.
	return http.NewCrossOriginProtection().Handler(handler)
}

// unrouted answers what mux has no handler for, as everything else is answered.
func (s *Server) unrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		s.serve(func(*http.Request) (answer, error) {
			said := unwritten{header: http.Header{}}
			handler.ServeHTTP(&said, r)
			p := newProblem(said.status, "")
			p.allow = said.header.Get("Allow")
			return answer{}, p
		}).ServeHTTP(w, r)
	})
}

// unwritten is an answer whose body nobody gets.
type unwritten struct {
	header http.Header
	status int
}

func (u *unwritten) Header() http.Header         { return u.header }
func (u *unwritten) WriteHeader(status int)      { u.status = status }
func (u *unwritten) Write(p []byte) (int, error) { return len(p), nil }

// health reports whether the database answers.
func (s *Server) health(r *http.Request) (answer, error) {
	if err := s.database.rows.PingContext(r.Context()); err != nil {
		return answer{}, newProblem(http.StatusServiceUnavailable, "The database does not answer.")
	}
	return ok(map[string]string{"status": "ok"})
}
