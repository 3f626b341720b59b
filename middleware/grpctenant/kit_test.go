package grpctenant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gormtenant/gormtenant/middleware/grpctenant"
	"github.com/gormtenant/gormtenant/tenants"
)

// directory knows acme and zeta, and others who are not served.
type directory struct{}

func (directory) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	switch identifier {
	case "1", "acme":
		return &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}, nil
	case "2", "zeta":
		return &tenants.Tenant{ID: "2", Slug: "zeta", Status: tenants.Active}, nil
	case "größe":
		return &tenants.Tenant{ID: "größe", Status: tenants.Active}, nil
	case "unpaid":
		return &tenants.Tenant{ID: "unpaid", Status: tenants.Suspended}, nil
	case "down":
		return nil, errors.New("password authentication failed for user acme")
	}
	return nil, tenants.ErrNotFound
}

// claim takes the word of the metadata "authorization" for it; tests only.
func claim() grpctenant.Option {
	return grpctenant.Claim(func(ctx context.Context) (string, error) {
		switch token := first(ctx, "authorization"); token {
		case "forged":
			return "", errors.New("signature of token-4711 does not match")
		case "personal":
			return "", nil
		default:
			return token, nil
		}
	})
}

// chosen is a source that the client chooses.
func chosen() grpctenant.Option {
	return grpctenant.Source("x-tenant", func(ctx context.Context) (string, error) {
		return first(ctx, "x-tenant"), nil
	})
}

func first(ctx context.Context, key string) string {
	incoming, _ := metadata.FromIncomingContext(ctx)
	if values := incoming.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func newServer(options ...grpctenant.Option) *grpctenant.Server {
	return grpctenant.NewServer(directory{},
		append(options, grpctenant.Logger(slog.New(slog.DiscardHandler)))...)
}

// whoami answers with the ID of the tenant that it runs as, "" for none, in both kinds of calls.
// seen, if it is not nil, is told the metadata that the tenant travels in.
func whoami(seen func(values []string)) *grpc.ServiceDesc {
	answer := func(ctx context.Context) *wrapperspb.StringValue {
		if incoming, _ := metadata.FromIncomingContext(ctx); seen != nil {
			seen(incoming.Get("gormtenant-tenant-bin"))
		}
		if t, ok := tenants.FromContext(ctx); ok {
			return wrapperspb.String(t.ID)
		}
		return wrapperspb.String("")
	}
	return &grpc.ServiceDesc{
		ServiceName: "test.Whoami", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(
			server any, ctx context.Context, decode func(any) error,
			interceptor grpc.UnaryServerInterceptor,
		) (any, error) {
			request := new(wrapperspb.StringValue)
			if err := decode(request); err != nil {
				return nil, err
			}
			info := &grpc.UnaryServerInfo{Server: server, FullMethod: "/test.Whoami/Unary"}
			return interceptor(ctx, request, info, func(ctx context.Context, _ any) (any, error) {
				return answer(ctx), nil
			})
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, Handler: func(
			_ any, stream grpc.ServerStream,
		) error {
			return stream.SendMsg(answer(stream.Context()))
		}}},
	}
}

// listen serves whoami on a port of its own, and returns the target. certificates is nil for a
// server without TLS.
func listen(
	t *testing.T, s *grpctenant.Server, certificates *tls.Config, seen func([]string),
) string {
	t.Helper()
	transport := insecure.NewCredentials()
	if certificates != nil {
		transport = credentials.NewTLS(certificates)
	}
	server := grpc.NewServer(grpc.Creds(transport),
		grpc.ChainUnaryInterceptor(s.Unary()), grpc.ChainStreamInterceptor(s.Stream()))
	server.RegisterService(whoami(seen), nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

// dial connects to target.
func dial(
	t *testing.T, target string, certificates *tls.Config, options ...grpc.DialOption,
) *grpc.ClientConn {
	t.Helper()
	transport := insecure.NewCredentials()
	if certificates != nil {
		transport = credentials.NewTLS(certificates)
	}
	connection, err := grpc.NewClient(target,
		append(options, grpc.WithTransportCredentials(transport))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	return connection
}

// calls are the kinds of calls: each returns whom the method ran as.
var calls = []struct {
	name string
	call func(ctx context.Context, connection *grpc.ClientConn) (string, error)
}{
	{"unary", func(ctx context.Context, connection *grpc.ClientConn) (string, error) {
		reply := new(wrapperspb.StringValue)
		err := connection.Invoke(ctx, "/test.Whoami/Unary", wrapperspb.String(""), reply)
		return reply.GetValue(), err
	}},
	{"stream", func(ctx context.Context, connection *grpc.ClientConn) (string, error) {
		reply := new(wrapperspb.StringValue)
		stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true},
			"/test.Whoami/Stream")
		if err != nil {
			return "", err
		}
		if err := stream.CloseSend(); err != nil {
			return "", err
		}
		err = stream.RecvMsg(reply)
		return reply.GetValue(), err
	}},
}

// authority makes certificates that are verified by its pool.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true,
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &authority{certificate, key, pool}
}

// issue returns a certificate for a DNS name, and for 127.0.0.1.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:    time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
