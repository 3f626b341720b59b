package routertest_test

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"
)

// router is a router in one of the modes in which it reads paths.
type router struct {
	name string
	wrap func(a *application) http.Handler
}

func routers() []router {
	all := []router{{"servemux", serveMux}}
	for _, mode := range []struct {
		name string
		use  []func(http.Handler) http.Handler
	}{
		{"as_it_is", nil},
		{"CleanPath", []func(http.Handler) http.Handler{chimiddleware.CleanPath}},
		{"StripSlashes", []func(http.Handler) http.Handler{chimiddleware.StripSlashes}},
	} {
		all = append(all,
			router{"chi/" + mode.name + "/in_front", chiMode(true, mode.use...)},
			router{"chi/" + mode.name + "/behind", chiMode(false, mode.use...)})
	}
	for _, mode := range []struct {
		name string
		pre  []echo.MiddlewareFunc
	}{
		{"as_it_is", nil},
		{"RemoveTrailingSlash", []echo.MiddlewareFunc{echomiddleware.RemoveTrailingSlash()}},
	} {
		all = append(all, router{"echo/" + mode.name, echoMode(mode.pre...)})
	}
	for _, mode := range []struct {
		name string
		set  func(g *gin.Engine)
	}{
		{"as_it_is", func(*gin.Engine) {}},
		{"UseRawPath", func(g *gin.Engine) { g.UseRawPath = true }},
		{"UseRawPath_encoded_values", func(g *gin.Engine) {
			g.UseRawPath, g.UnescapePathValues = true, false
		}},
		{"RemoveExtraSlash", func(g *gin.Engine) { g.RemoveExtraSlash = true }},
		{"UseRawPath_RemoveExtraSlash", func(g *gin.Engine) {
			g.UseRawPath, g.RemoveExtraSlash = true, true
		}},
	} {
		all = append(all, router{"gin/" + mode.name, ginMode(mode.set)})
	}
	for _, mode := range []struct {
		name string
		set  func(r *mux.Router)
	}{
		{"as_it_is", func(*mux.Router) {}},
		{"SkipClean", func(r *mux.Router) { r.SkipClean(true) }},
		{"UseEncodedPath", func(r *mux.Router) { r.UseEncodedPath() }},
		{"UseEncodedPath_SkipClean", func(r *mux.Router) { r.UseEncodedPath().SkipClean(true) }},
		{"StrictSlash", func(r *mux.Router) { r.StrictSlash(true) }},
	} {
		all = append(all,
			router{"gorilla/" + mode.name + "/inside", gorillaMode(mode.set, true)},
			router{"gorilla/" + mode.name + "/outside", gorillaMode(mode.set, false)})
	}
	return all
}

func serveMux(a *application) http.Handler {
	m := http.NewServeMux()
	for _, open := range []string{
		"GET /health", "POST /auth/login", "GET /assets/", "POST /hooks/{provider}",
	} {
		m.HandleFunc(open, a.serveOpen)
	}
	m.HandleFunc("/", a.servePrivate)
	return a.middleware().Handler(m)
}

// chiMode has what changes the path in front of the tenant, or behind it.
func chiMode(
	inFront bool, use ...func(http.Handler) http.Handler,
) func(a *application) http.Handler {
	return func(a *application) http.Handler {
		r := chi.NewRouter()
		if inFront {
			r.Use(use...)
		}
		r.Use(a.middleware().Handler)
		if !inFront {
			r.Use(use...)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r.MethodFunc(method, "/health", a.serveOpen)
			r.MethodFunc(method, "/assets/*", a.serveOpen)
		}
		r.Post("/auth/login", a.serveOpen)
		r.Post("/hooks/{provider}", a.serveOpen)
		r.HandleFunc("/*", a.servePrivate)
		r.HandleFunc("/{page}", a.servePrivate)
		r.NotFound(a.servePrivate)
		r.MethodNotAllowed(a.servePrivate)
		return r
	}
}

func echoMode(pre ...echo.MiddlewareFunc) func(a *application) http.Handler {
	return func(a *application) http.Handler {
		e := echo.New()
		e.Pre(pre...)
		e.Use(echo.WrapMiddleware(a.middleware().Handler))
		open := echo.WrapHandler(http.HandlerFunc(a.serveOpen))
		private := echo.WrapHandler(http.HandlerFunc(a.servePrivate))
		e.Match([]string{http.MethodGet, http.MethodHead}, "/health", open)
		e.Match([]string{http.MethodGet, http.MethodHead}, "/assets/*", open)
		e.POST("/auth/login", open)
		e.POST("/hooks/:provider", open)
		e.Any("/:page", private)
		e.Any("/*", private)
		return e
	}
}

func ginMode(set func(g *gin.Engine)) func(a *application) http.Handler {
	return func(a *application) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		g := gin.New()
		set(g)
		open, private := gin.WrapF(a.serveOpen), gin.WrapF(a.servePrivate)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			g.Handle(method, "/health", open)
			g.Handle(method, "/assets/*file", open)
			g.Handle(method, "/:page", private)
		}
		g.POST("/auth/login", open)
		g.POST("/hooks/:provider", open)
		g.POST("/:page", private)
		g.NoRoute(private)
		g.NoMethod(private)
		return a.middleware().Handler(g)
	}
}

// gorillaMode has the tenant among the router's own middleware, or around the router.
func gorillaMode(set func(r *mux.Router), inside bool) func(a *application) http.Handler {
	return func(a *application) http.Handler {
		r := mux.NewRouter()
		set(r)
		if inside {
			r.Use(a.middleware().Handler)
		}
		r.HandleFunc("/health", a.serveOpen).Methods(http.MethodGet, http.MethodHead)
		r.HandleFunc("/auth/login", a.serveOpen).Methods(http.MethodPost)
		r.PathPrefix("/assets/").HandlerFunc(a.serveOpen).Methods(http.MethodGet, http.MethodHead)
		r.HandleFunc("/hooks/{provider}", a.serveOpen).Methods(http.MethodPost)
		r.HandleFunc("/{page}", a.servePrivate)
		r.PathPrefix("/").HandlerFunc(a.servePrivate)
		if inside {
			return r
		}
		return a.middleware().Handler(r)
	}
}
