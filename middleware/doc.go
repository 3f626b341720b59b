// Package middleware finds out whose request it is, for net/http: it turns requests into tenants,
// or refuses them, before a statement is run.
//
//	m := middleware.New(directory, // such as tenants.Cached(store)
//		middleware.Claim(tenantOfToken),
//		middleware.Subdomain("example.com"))
//	m.Except("GET /health", "POST /auth/login")
//	http.ListenAndServe(addr, m.Handler(mux))
//
// The handlers of mux find the tenant in the request's context, with [tenants.FromContext], and so
// do the statements of db.WithContext(r.Context()).
//
// # What is guaranteed
//
// A request reaches the handler as tenant T only if
//   - every source that names a tenant names T. Sources are a [Claim] of a verified token,
//     [Subdomain], [Domain], [Header], [Path], [Query], and a [Source] of the application's own.
//     What can be read in two ways, such as two values of one header, is refused;
//   - a claim named T, by its ID, or [Middleware.Authorize] said yes. Naming a tenant is not
//     belonging to it:
//     where only sources that the client chooses are configured [Middleware.Handler] panics, and
//     where the claim has nothing to say of a request they do not suffice.
//     [AnyoneMayNameTheirTenant] lifts this;
//   - the directory knows T at this time, and T is active and has not expired. This is asked for
//     each request; a request that runs goes on when its tenant is suspended, and so does a
//     WebSocket.
//
// All others are refused with application/problem+json (RFC 9457), which tells nothing of any
// tenant, and logged once:
//
//	400  no tenant is named, or in a form that cannot be relied on
//	401  the claim failed, or a tenant is named without credentials; with WWW-Authenticate
//	403  not authorized, sources disagree, the tenant is suspended, closed or expired
//	404  there is no such tenant (403 with HideUnknown)
//	503  the directory failed; with Retry-After
//
// # Order
//
// What authenticates users comes in front of Middleware, so that a claim can read its result. So
// does CORS: a browser's preflight (OPTIONS) carries no token, and would be refused; where the
// handler answers preflights itself, let them through with m.Except("OPTIONS /"). What changes the
// path or the host, such as http.StripPrefix, changes what the sources see if it is in front. What
// takes the client's address from a header must come after, if [TrustProxy] is used.
//
// # Routers
//
// [Middleware.Handler] is a func(http.Handler) http.Handler:
//
//	r.Use(m.Handler)                         // chi, gorilla/mux
//	e.Use(echo.WrapMiddleware(m.Handler))    // echo
//	http.ListenAndServe(addr, m.Handler(g))  // gin, and any other http.Handler, from outside
//
// Middleware that a router runs after matching, as gorilla's does, is not asked for paths that
// match nothing.
//
// # What is not
//
// It verifies no token and knows no user: a [Claim] returns what the application has verified. It
// limits no rates, and how long an answer takes may tell whether a tenant exists. Which routes are
// public is the application's word, by [Middleware.Except]. The rules without HTTP, for queues,
// WebSockets and other protocols, are in package tenants/resolve, on which this one stands.
//
// # Reading the code
//
// Begin with middleware.go, what the application calls; then source.go, which each source builds
// on; then resolve.go, which asks them. Package resolve decides.
package middleware
