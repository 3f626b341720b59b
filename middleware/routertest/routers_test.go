package routertest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/glebarez/sqlite"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
)

// directory has one tenant.
type directory struct{}

func (directory) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	if identifier != "acme" {
		return nil, tenants.ErrNotFound
	}
	return &tenants.Tenant{ID: "acme", Slug: "acme", Status: tenants.Active}, nil
}

// newMiddleware takes the tenant from a header, as if that was a verified token.
func newMiddleware() *middleware.Middleware {
	claim := middleware.Claim(func(r *http.Request) (string, error) {
		return r.Header.Get("Authorization"), nil
	})
	m := middleware.New(directory{}, claim, middleware.Logger(slog.New(slog.DiscardHandler)))
	m.Except("GET /health")
	return m
}

type project struct {
	ID uint
	models.TenantModel
	Name string
}

// open opens a database in which acme and zeta have a project each.
func open(t *testing.T) *gorm.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := gorm.Open(sqlite.Open(path), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	require.NoError(t, db.Use(tenantplugin.New()))
	require.NoError(t, db.AutoMigrate(&project{}))
	for _, id := range []string{"acme", "zeta"} {
		ctx := gormtenant.WithTenant(t.Context(), id)
		require.NoError(t, db.WithContext(ctx).Create(&project{Name: "of " + id}).Error)
	}
	return db
}

// handlers are those of the application: what they answer is what a statement of theirs finds.
type handlers struct{ db *gorm.DB }

func (h handlers) list(ctx context.Context) string {
	var names []string
	if err := h.db.WithContext(ctx).Model(&project{}).Pluck("name", &names).Error; err != nil {
		return err.Error()
	}
	return strings.Join(names, ", ")
}

func (h handlers) gin(c *gin.Context) { c.String(http.StatusOK, "%s", h.list(c.Request.Context())) }

func (h handlers) echo(c echo.Context) error {
	return c.String(http.StatusOK, h.list(c.Request().Context()))
}

func (h handlers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(h.list(r.Context())))
}

// ginWhole wraps the whole of gin, so that the tenant is known before a route is.
func ginWhole(h handlers) http.Handler {
	g := gin.New()
	g.GET("/projects", h.gin)
	g.GET("/health", h.gin)
	return newMiddleware().Handler(g)
}

// ginGroup wraps the routes of a group.
func ginGroup(h handlers) http.Handler {
	m := newMiddleware()
	g := gin.New()
	g.GET("/health", h.gin)
	group := g.Group("/", func(c *gin.Context) {
		served := false
		m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			served = true
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !served {
			c.Abort()
		}
	})
	group.GET("/projects", h.gin)
	return g
}

func echoUse(h handlers) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(newMiddleware().Handler))
	e.GET("/projects", h.echo)
	e.GET("/health", h.echo)
	return e
}

func chiUse(h handlers) http.Handler {
	r := chi.NewRouter()
	r.Use(newMiddleware().Handler)
	r.Method(http.MethodGet, "/projects", h)
	r.Method(http.MethodGet, "/health", h)
	return r
}

func TestRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	for _, router := range []struct {
		name string
		wrap func(h handlers) http.Handler
	}{
		{"gin_whole", ginWhole},
		{"gin_group", ginGroup},
		{"echo", echoUse},
		{"chi", chiUse},
	} {
		handler := router.wrap(handlers{open(t)})
		for _, test := range []struct {
			name, path, token string
			status            int
			body              string
		}{
			{"tenant_reaches_the_handler", "/projects", "acme", http.StatusOK, "of acme"},
			{"no_tenant_named", "/projects", "", http.StatusBadRequest, ""},
			{"tenant_that_is_not_there", "/projects", "zeta", http.StatusNotFound, ""},
			{"excepted_has_no_tenant", "/health", "", http.StatusOK, "no tenant"},
			{"excepted_has_none_with_a_token", "/health", "acme", http.StatusOK, "no tenant"},
		} {
			t.Run(router.name+"/"+test.name, func(t *testing.T) {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil)
				r.Header.Set("Authorization", test.token)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				require.Equal(t, test.status, w.Code)
				if test.status == http.StatusOK {
					require.Contains(t, w.Body.String(), test.body)
					require.NotContains(t, w.Body.String(), "of zeta")
				} else {
					require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				}
			})
		}
	}
}
