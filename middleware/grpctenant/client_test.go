package grpctenant_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/middleware/grpctenant"
	"github.com/gormtenant/gormtenant/tenants"
)

// told is what a server was told, call by call. Calls are made one after the other.
type told struct{ values [][]string }

func (w *told) see(values []string) { w.values = append(w.values, values) }

// A server believes the tenant that a service with a certificate of a trusted name has sent, and
// that of nobody else.
func TestTrustCertificates(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	serving := &tls.Config{
		Certificates: []tls.Certificate{ours.issue(t, "projects.internal")},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: ours.pool,
	}
	s := newServer(claim(), grpctenant.TrustCertificates("billing.internal"))
	target := listen(t, s, serving, nil)
	certified := func(certificates ...tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: ours.pool, Certificates: certificates}
	}
	for _, test := range []struct {
		name   string
		client *tls.Config
		token  string
		tenant any
		want   string
		code   codes.Code
	}{
		{"trusted", certified(ours.issue(t, "billing.internal")), "", "1", "1", codes.OK},
		{
			"trusted_no_ascii", certified(ours.issue(t, "billing.internal")), "", "größe",
			"größe", codes.OK,
		},
		{
			"trusted_and_claim", certified(ours.issue(t, "billing.internal")), "1", "1", "1",
			codes.OK,
		},
		{
			"trusted_with_a_token_of_another", certified(ours.issue(t, "billing.internal")), "2",
			"1", "", codes.PermissionDenied,
		},
		{
			"trusted_with_a_slug", certified(ours.issue(t, "billing.internal")), "", "acme", "",
			codes.NotFound,
		},
		{
			"trusted_suspended", certified(ours.issue(t, "billing.internal")), "", "unpaid", "",
			codes.PermissionDenied,
		},
		{
			"trusted_of_no_tenant", certified(ours.issue(t, "billing.internal")), "", nil, "",
			codes.InvalidArgument,
		},
		{
			"another_service", certified(ours.issue(t, "mail.internal")), "", "1", "",
			codes.Unauthenticated,
		},
		{
			"name_in_front", certified(ours.issue(t, "x.billing.internal")), "", "1", "",
			codes.Unauthenticated,
		},
		{"no_certificate", certified(), "", "1", "", codes.Unauthenticated},
		{
			"no_certificate_beside_a_claim_of_another", certified(), "2", "1", "",
			codes.PermissionDenied,
		},
		{"no_certificate_beside_a_claim", certified(), "1", "1", "1", codes.OK},
		{
			"of_another_authority", certified(theirs.issue(t, "billing.internal")), "", "1", "",
			codes.Unavailable,
		},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				client := grpctenant.NewClient(grpctenant.TrustServers(target))
				connection := dial(t, target, test.client,
					grpc.WithChainUnaryInterceptor(client.Unary()),
					grpc.WithChainStreamInterceptor(client.Stream()))
				ctx := gormtenant.WithTenant(t.Context(), test.tenant)
				if test.token != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "authorization", test.token)
				}
				got, err := c.call(ctx, connection)
				require.Equal(t, test.code, status.Code(err), "%v", err)
				require.Equal(t, test.want, got)
			})
		}
	}
}

// What a client writes itself is two tenants, or none, where it is not one.
func TestTrustCallers(t *testing.T) {
	t.Parallel()
	s := newServer(grpctenant.TrustCallers(func(ctx context.Context) bool {
		return first(ctx, "from") == "billing"
	}))
	connection := dial(t, listen(t, s, nil, nil), nil)
	const key = "gormtenant-tenant-bin"
	for _, test := range []struct {
		name     string
		metadata []string
		want     string
		code     codes.Code
	}{
		{"one", []string{"from", "billing", key, "1"}, "1", codes.OK},
		{"same_twice", []string{"from", "billing", key, "1", key, "1"}, "1", codes.OK},
		{"two", []string{"from", "billing", key, "1", key, "2"}, "", codes.InvalidArgument},
		{"empty", []string{"from", "billing", key, ""}, "", codes.InvalidArgument},
		{"no_text", []string{"from", "billing", key, "1\x00"}, "", codes.InvalidArgument},
		{"stranger", []string{"from", "mail", key, "1"}, "", codes.Unauthenticated},
		{"nothing", []string{"from", "billing"}, "", codes.InvalidArgument},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				ctx := metadata.AppendToOutgoingContext(t.Context(), test.metadata...)
				got, err := c.call(ctx, connection)
				require.Equal(t, test.code, status.Code(err), "%v", err)
				require.Equal(t, test.want, got)
			})
		}
	}
}

// The tenant is told to the servers that are trusted with it, and to no others.
func TestClient_tells_trusted_servers_only(t *testing.T) {
	t.Parallel()
	everyone := grpctenant.Except("/test.Whoami/")
	var ours, theirs told
	our := listen(t, newServer(claim(), everyone), nil, ours.see)
	their := listen(t, newServer(claim(), everyone), nil, theirs.see)
	client := grpctenant.NewClient(grpctenant.TrustServers(our))
	intercept := []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(client.Unary()),
		grpc.WithChainStreamInterceptor(client.Stream()),
	}
	acme := &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}
	const key = "gormtenant-tenant-bin"
	for _, test := range []struct {
		name string
		ctx  context.Context
		want []string // that our server is told
	}{
		{"tenant", tenants.NewContext(t.Context(), acme), []string{"1"}},
		{"by_id", gormtenant.WithTenant(t.Context(), "2"), []string{"2"}},
		{"by_number", gormtenant.WithTenant(t.Context(), 7), []string{"7"}},
		{"none", t.Context(), nil},
		{"no_tenant", gormtenant.WithTenant(t.Context(), ""), nil},
		{"unscoped", gormtenant.Unscoped(tenants.NewContext(t.Context(), acme), "test"), nil},
		{
			"passed_on_by_the_application",
			metadata.AppendToOutgoingContext(t.Context(), key, "2"), nil,
		},
		{
			"passed_on_beside_a_tenant",
			tenants.NewContext(metadata.AppendToOutgoingContext(t.Context(), key, "2"), acme),
			[]string{"1"},
		},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				ours, theirs = told{}, told{}
				ctx := metadata.AppendToOutgoingContext(test.ctx, "other", "kept")
				_, err := c.call(ctx, dial(t, our, nil, intercept...))
				require.NoError(t, err)
				require.Equal(t, [][]string{test.want}, ours.values)
				_, err = c.call(ctx, dial(t, their, nil, intercept...))
				require.NoError(t, err)
				require.Equal(t, [][]string{nil}, theirs.values)
				outgoing, _ := metadata.FromOutgoingContext(ctx)
				require.Equal(t, []string{"kept"}, outgoing.Get("other"))
			})
		}
	}
}
