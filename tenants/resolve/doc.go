// Package resolve decides whose work it is, without HTTP: it takes what a request, a message or a
// connection says about its tenant, and returns the tenant or the reason why there is none. It is
// what package middleware is made of, and the interceptors of gRPC and Connect; a consumer of a
// queue and a handler of WebSockets get the same rules from it.
//
//	resolver := resolve.New(directory) // such as tenants.Cached(store)
//	t, err := resolver.Tenant(ctx, resolve.Request{
//		Candidates: []resolve.Candidate{
//			resolve.Claim("the token", token.TenantID), // it vouches
//			resolve.Named("the topic", topic.Tenant),   // it only names
//		},
//		Authenticated: true,
//	})
//	if err != nil {
//		return err // an [*Error]: its Kind may be told to the client, its Err may not
//	}
//	ctx = tenants.NewContext(ctx, t)
//
// # What is guaranteed
//
// The answer is tenant T only if
//   - every candidate that names a tenant names T;
//   - one of them vouches for T, or [Request.Authorize] said yes, or [AnyoneMayNameTheirTenant]
//     was given. Naming a tenant is not belonging to it;
//   - a candidate of [Claim] named T by its ID, which never changes hands;
//   - the directory knows T at this time, and T is active and has not expired.
//
// Nothing is remembered between two calls: ask for each request or message.
//
// # Reading the code
//
// Begin with candidate.go, what goes in; then resolver.go, the one place where a tenant is decided;
// then errors.go, what comes out.
package resolve
