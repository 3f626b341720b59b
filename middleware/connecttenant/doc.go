// Package connecttenant finds out whose call it is, for Connect: interceptors that turn calls into
// tenants, or refuse them, before a statement is run. It has the rules of package middleware, from
// tenants/resolve, and is a module of its own, so that nobody else is given Connect.
//
//	s := connecttenant.NewServer(directory, // such as tenants.Cached(store)
//		connecttenant.Claim(tenantOfToken),
//		connecttenant.Except("/grpc.health.v1.Health/"))
//	path, handler := projectsconnect.NewProjectsHandler(service, connect.WithInterceptors(s))
//
// The methods find the tenant in their context, with [tenants.FromContext], and so do the
// statements of db.WithContext(ctx). What authenticates users comes in front.
//
// # What is guaranteed
//
// A call reaches its method as tenant T only if every source that names a tenant names T, a
// [Claim], a [VouchingSource] or [Authorize] vouches for it, and the directory knows T, active and
// not expired, at this time. Calls are refused with an error whose text is constant and tells
// nothing of any tenant:
//
//	invalid_argument   no tenant is named, or in a form that cannot be relied on
//	unauthenticated    the claim failed, or a tenant is named and there are no credentials
//	permission_denied  not authorized, sources disagree, the tenant is suspended, closed or expired
//	not_found          there is no such tenant (permission_denied with HideUnknown)
//	unavailable        the directory failed
//
// A stream has the tenant with which it began: it goes on when the tenant is suspended. Connect
// reads the message of a unary call before it asks interceptors: bound it with
// connect.WithReadMaxBytes.
//
// # Between services
//
// [NewClient] makes an interceptor that sends the tenant of the call's context on as a header, but
// only to servers that [TrustServers] names. A server believes that header only of callers that
// [TrustCallers] names; to all others it is a tenant that the client chose, which vouches for
// nothing. Without these options it is neither sent nor read. The header is that of package
// grpctenant: services of both kinds understand each other.
//
// # Reading the code
//
// Begin with server.go, then source.go, what a call says; then client.go.
package connecttenant
