package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
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
func audit(log *slog.Logger) func(ctx context.Context, e tenantplugin.UnscopedEvent) {
	return func(ctx context.Context, e tenantplugin.UnscopedEvent) {
		log.LogAttrs(ctx, slog.LevelWarn, "audit: a statement crosses tenants",
			slog.String("reason", e.Reason), slog.String("operation", e.Operation),
			slog.String("table", e.Table))
	}
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
		s.log.WarnContext(r.Context(), "audit: a tenant was changed", "slug", t.Slug, "request",
			r.Pattern)
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
