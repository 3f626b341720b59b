package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
)

// admin lets only those in who have the admin token.
func (s *Server) admin(fn endpoint) http.Handler {
	want := sha256.Sum256([]byte(s.AdminToken()))
	return s.serve(func(r *http.Request) (answer, error) {
		token, err := bearer(r)
		got := sha256.Sum256([]byte(token)) // so that not even the length is told
		if err != nil || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return answer{}, newProblem(http.StatusUnauthorized, "This needs the admin token.")
		}
		return fn(r)
	})
}

// audit writes a line for each statement that crosses tenants.
func audit(log *slog.Logger) func(ctx context.Context, e plugin.UnscopedEvent) {
	return func(ctx context.Context, e plugin.UnscopedEvent) {
		log.LogAttrs(ctx, slog.LevelWarn, "audit: a statement crosses tenants",
			slog.String("reason", e.Reason), slog.String("operation", e.Operation), slog.String("table", e.Table))
	}
}

type usageJSON struct {
	Tenant string           `json:"tenant"`
	Name   string           `json:"name"`
	Status tenants.Status   `json:"status"`
	Plan   string           `json:"plan"`
	Rows   map[string]int64 `json:"rows"` // by table
}

// usage answers with how many rows each tenant has. It is the one place that works across tenants.
func (s *Server) usage(r *http.Request) (answer, error) {
	db := s.db.WithContext(gormtenant.Unscoped(r.Context(), "usage report"))
	rows := map[string]map[string]int64{} // by tenant and table
	for _, model := range saas.Models() {
		if err := countRows(db, model, rows); err != nil {
			return answer{}, err
		}
	}
	out := struct {
		Tenants []usageJSON `json:"tenants"`
	}{[]usageJSON{}}
	for t, err := range s.store.List(r.Context(), "") {
		if err != nil {
			return answer{}, err
		}
		out.Tenants = append(out.Tenants, usageJSON{t.Slug, t.Name, t.Status, t.Plan, rows[t.ID]})
	}
	return ok(out)
}

// countRows adds to rows how many of the model each tenant has.
func countRows(db *gorm.DB, model any, rows map[string]map[string]int64) error {
	var counted []struct {
		TenantID string
		N        int64
	}
	tx := db.Model(model).Select("tenant_id, count(*) AS n").Group("tenant_id").Scan(&counted)
	for _, c := range counted {
		if rows[c.TenantID] == nil {
			rows[c.TenantID] = map[string]int64{}
		}
		rows[c.TenantID][tx.Statement.Table] = c.N
	}
	return tx.Error
}

// changeOfTenant changes a tenant in the way that a request asks for.
type changeOfTenant func(ctx context.Context, t *tenants.Tenant, r *http.Request) error

// changeTenant makes an endpoint that changes the tenant whose slug is in the path.
func (s *Server) changeTenant(fn changeOfTenant) endpoint {
	return func(r *http.Request) (answer, error) {
		t, err := s.store.Lookup(r.Context(), r.PathValue("slug"))
		if err == nil {
			err = fn(r.Context(), t, r)
		}
		if err != nil {
			return answer{}, err
		}
		// Other processes hear of it from the database, where that is Postgres.
		s.directory.Invalidate(t.ID)
		s.log.WarnContext(r.Context(), "audit: a tenant was changed", "slug", t.Slug, "request", r.Pattern)
		return done()
	}
}

func (s *Server) suspend(ctx context.Context, t *tenants.Tenant, _ *http.Request) error {
	return s.store.Suspend(ctx, t.ID)
}

func (s *Server) resume(ctx context.Context, t *tenants.Tenant, _ *http.Request) error {
	return s.store.Resume(ctx, t.ID)
}

func (s *Server) closeTenant(ctx context.Context, t *tenants.Tenant, _ *http.Request) error {
	return s.store.Close(ctx, t.ID)
}

func (s *Server) changePlan(ctx context.Context, t *tenants.Tenant, r *http.Request) error {
	var in struct {
		Plan string `json:"plan"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Plan == "" {
		return badRequest(`"plan" must not be empty.`)
	}
	t.Plan = in.Plan
	return s.store.Update(ctx, t)
}
