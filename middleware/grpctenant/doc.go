// Package grpctenant finds out whose call it is, for gRPC: interceptors that turn calls into
// tenants, or refuse them, before a statement is run. It has the rules of package middleware, from
// tenants/resolve, and is a module of its own, so that nobody else is given gRPC.
//
//	s := grpctenant.NewServer(directory, // such as tenants.Cached(store)
//		grpctenant.Claim(tenantOfToken),
//		grpctenant.Except("/grpc.health.v1.Health/"))
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(s.Unary()), grpc.ChainStreamInterceptor(s.Stream()))
//
// The methods find the tenant in their context, with [tenants.FromContext], and so do the
// statements of db.WithContext(ctx). What authenticates users is chained in front.
//
// # What is guaranteed
//
// A call reaches its method as tenant T only if every source that names a tenant names T, a
// [Claim], a [VouchingSource] or [Authorize] vouches for it, and the directory knows T, active and
// not expired, at this time. Calls are refused with a status whose text is constant and tells
// nothing of any tenant:
//
//	InvalidArgument   no tenant is named, or in a form that cannot be relied on
//	Unauthenticated   the claim failed, or a tenant is named and there are no credentials
//	PermissionDenied  not authorized, sources disagree, the tenant is suspended, closed or expired
//	NotFound          there is no such tenant (PermissionDenied with HideUnknown)
//	Unavailable       the directory failed
//
// A stream has the tenant with which it began: it goes on when the tenant is suspended.
//
// # Between services
//
// [NewClient] makes interceptors that send the tenant of the call's context on as metadata, but
// only to servers that [TrustServers] names. A server believes that metadata only of callers that
// [TrustCertificates] or [TrustCallers] names; to all others it is a tenant that the client chose,
// which vouches for nothing. Without these options it is neither sent nor read.
//
// # Reading the code
//
// Begin with server.go, then source.go, what a call says; then client.go.
package grpctenant
