package service

import (
	"errors"
	"net/http"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/tenants"
)

// demo is the demonstration: a page on which everybody may attack one tenant as the other, and what
// the page needs. No real service has anything like it.
type demo struct {
	s     *Server
	plain *gorm.DB // without the plugin, to see what it may have let through
}

func newDemo(s *Server) (*demo, error) {
	pool := s.db.Config.ConnPool // over the places of all tenants
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: pool}
	if s.db.Name() == "postgres" {
		dialector = postgres.New(postgres.Config{Conn: pool})
	}
	plain, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	return &demo{s, plain}, err
}

func (d *demo) routes(mux *http.ServeMux, open func(pattern string, handler http.Handler)) {
	d.page(open)
	open("GET /demo/session", d.s.serve(d.session))
	open("GET /demo/rows/{slug}", d.s.serve(d.rows))
	open("GET /demo/places", d.s.serve(d.places))
	open("POST /demo/move/{slug}/{level}", d.s.serve(d.move))
	open("POST /demo/suspend", d.s.serve(d.ofGlobex(d.s.suspend)))
	open("POST /demo/resume", d.s.serve(d.ofGlobex(d.s.resume)))
	// This one runs as a tenant, as all of /api does.
	mux.Handle("POST /demo/raw-sql", d.s.serve(d.rawSQL))
}

// allowPage lets the page, which is served on localhost, call acme.localhost and globex.localhost:
// for a browser these are other servers. It is what CORS is for.
func (d *demo) allowPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || origin != pageOrigin(r) {
			next.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", origin)
		header.Add("Vary", "Origin")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			header.Set("Access-Control-Allow-Methods", "GET")
			header.Set("Access-Control-Allow-Headers", "Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type demoTenantJSON struct {
	Slug  string `json:"slug"`
	Name  string `json:"name"`
	Plan  string `json:"plan"`
	ID    string `json:"id"`
	User  string `json:"user"`
	Token string `json:"token"`
}

// session answers with tokens for the tenants of the demonstration, and nobody else's.
func (d *demo) session(r *http.Request) (answer, error) {
	out := struct {
		Database string           `json:"database"`
		Tenants  []demoTenantJSON `json:"tenants"`
	}{Database: d.s.db.Name()}
	for _, slug := range []string{acme, globex} {
		t, err := d.tenant(r, slug)
		if err != nil {
			return answer{}, err
		}
		var user saas.User
		err = d.s.db.WithContext(tenants.NewContext(r.Context(), t)).First(&user).Error
		if err != nil {
			return answer{}, err
		}
		token, err := d.s.issue(identity{t.ID, user.ID})
		if err != nil {
			return answer{}, err
		}
		out.Tenants = append(out.Tenants,
			demoTenantJSON{t.Slug, t.Name, t.Plan, t.ID, user.Name, token.Token})
	}
	return ok(out)
}

// tenant returns one of the tenants of the demonstration. It knows them by their IDs, which no
// tenant that registers can have: another may be called acme.
func (d *demo) tenant(r *http.Request, slug string) (*tenants.Tenant, error) {
	t, err := d.s.store.Lookup(r.Context(), demoID(slug))
	if errors.Is(err, tenants.ErrNotFound) || err == nil &&
		(t.ID != demoID(slug) || slug != acme && slug != globex) {
		return nil, newProblem(http.StatusNotFound,
			"The database had tenants before, so that there is no demonstration.")
	}
	return t, err
}

// rows answers with all rows of a tenant as they are in the database, for the page to compare.
func (d *demo) rows(r *http.Request) (answer, error) {
	t, err := d.tenant(r, r.PathValue("slug"))
	if err != nil {
		return answer{}, err
	}
	rows, err := saas.Rows(d.plain.WithContext(r.Context()), t.ID)
	if err != nil {
		return answer{}, err
	}
	return ok(map[string]string{"rows": rows})
}

// places answers with the levels of isolation that there are, and with where each tenant is.
func (d *demo) places(r *http.Request) (answer, error) {
	out := struct {
		Levels  []tenants.Level          `json:"levels"`
		Tenants map[string]tenants.Level `json:"tenants"`
	}{d.s.database.levels.names, map[string]tenants.Level{}}
	for _, slug := range []string{acme, globex} {
		t, err := d.tenant(r, slug)
		if err != nil {
			return answer{}, err
		}
		out.Tenants[slug] = t.Placement.Normal().Level
	}
	return ok(out)
}

// move is the administration's, without its token and for these two tenants. What they leave is
// removed, so that they can come back.
func (d *demo) move(r *http.Request) (answer, error) {
	t, err := d.tenant(r, r.PathValue("slug"))
	if err != nil {
		return answer{}, err
	}
	moved, err := d.s.moveTo(r.Context(), t, tenants.Level(r.PathValue("level")), true)
	if err != nil {
		return answer{}, err
	}
	return ok(moved)
}

// ofGlobex makes an endpoint of one of the administration's, without its token and for globex only.
func (d *demo) ofGlobex(fn changeOfTenant) endpoint {
	change := d.s.changeTenant(fn)
	return func(r *http.Request) (answer, error) {
		t, err := d.tenant(r, globex)
		if err != nil {
			return answer{}, err
		}
		r.SetPathValue("slug", t.ID)
		return change(r)
	}
}

// rawSQL is what a developer writes without a thought of tenants. On SQLite the plugin adds the
// condition that is missing; on Postgres the server's policies do.
func (d *demo) rawSQL(r *http.Request) (answer, error) {
	var projects []saas.Project
	err := d.s.db.WithContext(r.Context()).Raw("SELECT * FROM projects").Scan(&projects).Error
	if err != nil {
		return answer{}, err
	}
	out := []projectJSON{}
	for _, project := range projects {
		out = append(out, toProject(project))
	}
	return ok(map[string][]projectJSON{"projects": out})
}
