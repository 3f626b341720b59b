package connecttenant_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/middleware/connecttenant"
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

// claim takes the header Authorization's word for it; tests only.
func claim() connecttenant.Option {
	return connecttenant.Claim(func(_ context.Context, call connecttenant.Call) (string, error) {
		switch token := call.Header.Get("Authorization"); token {
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
func chosen() connecttenant.Option {
	return connecttenant.Source("X-Tenant",
		func(_ context.Context, call connecttenant.Call) (string, error) {
			return call.Header.Get("X-Tenant"), nil
		})
}

// fromBilling trusts who says that it is billing; tests only.
func fromBilling() connecttenant.Option {
	return connecttenant.TrustCallers(func(_ context.Context, call connecttenant.Call) bool {
		return call.Header.Get("From") == "billing"
	})
}

func newServer(options ...connecttenant.Option) *connecttenant.Server {
	return connecttenant.NewServer(directory{},
		append(options, connecttenant.Logger(slog.New(slog.DiscardHandler)))...)
}

type (
	text    = wrapperspb.StringValue
	request = connect.Request[text]
)

// listen serves methods that answer with the ID of the tenant that they run as, "" for none. told,
// if it is not nil, is given the header that the tenant travels in.
func listen(t *testing.T, s *connecttenant.Server, told *[][]string) *httptest.Server {
	t.Helper()
	answer := func(ctx context.Context, header http.Header) *text {
		if told != nil {
			*told = append(*told, header.Values("Gormtenant-Tenant-Bin"))
		}
		if t, ok := tenants.FromContext(ctx); ok {
			return wrapperspb.String(t.ID)
		}
		return wrapperspb.String("")
	}
	mux := http.NewServeMux()
	mux.Handle("/test.Whoami/Unary", connect.NewUnaryHandler("/test.Whoami/Unary",
		func(ctx context.Context, r *request) (*connect.Response[text], error) {
			return connect.NewResponse(answer(ctx, r.Header())), nil
		}, connect.WithInterceptors(s)))
	mux.Handle("/test.Whoami/Stream", connect.NewServerStreamHandler("/test.Whoami/Stream",
		func(ctx context.Context, r *request, stream *connect.ServerStream[text]) error {
			return stream.Send(answer(ctx, r.Header()))
		}, connect.WithInterceptors(s)))
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// calls are the kinds of calls: each returns whom the method ran as.
var calls = []struct {
	name string
	call func(
		ctx context.Context, server *httptest.Server, header http.Header,
		options ...connect.ClientOption,
	) (string, error)
}{
	{"unary", unary},
	{"stream", stream},
	{"unary_grpc", func(
		ctx context.Context, server *httptest.Server, header http.Header,
		options ...connect.ClientOption,
	) (string, error) {
		return unary(ctx, server, header, append(options, connect.WithGRPC())...)
	}},
	{"stream_grpcweb", func(
		ctx context.Context, server *httptest.Server, header http.Header,
		options ...connect.ClientOption,
	) (string, error) {
		return stream(ctx, server, header, append(options, connect.WithGRPCWeb())...)
	}},
}

func newRequest(header http.Header) *request {
	r := connect.NewRequest(wrapperspb.String(""))
	for key, values := range header {
		r.Header()[key] = values
	}
	return r
}

func unary(
	ctx context.Context, server *httptest.Server, header http.Header,
	options ...connect.ClientOption,
) (string, error) {
	client := connect.NewClient[text, text](server.Client(), server.URL+"/test.Whoami/Unary",
		options...)
	response, err := client.CallUnary(ctx, newRequest(header))
	if err != nil {
		return "", err
	}
	return response.Msg.GetValue(), nil
}

func stream(
	ctx context.Context, server *httptest.Server, header http.Header,
	options ...connect.ClientOption,
) (string, error) {
	client := connect.NewClient[text, text](server.Client(), server.URL+"/test.Whoami/Stream",
		options...)
	responses, err := client.CallServerStream(ctx, newRequest(header))
	if err != nil {
		return "", err
	}
	defer func() { _ = responses.Close() }()
	if !responses.Receive() {
		return "", responses.Err()
	}
	return responses.Msg().GetValue(), nil
}

// headers are given as name, value, name, value.
func headers(pairs ...string) http.Header {
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return header
}

// sent is a tenant as it travels.
func sent(id string) string { return connect.EncodeBinaryHeader([]byte(id)) }

func TestServer(t *testing.T) {
	t.Parallel()
	const (
		token, header, travels = "Authorization", "X-Tenant", "Gormtenant-Tenant-Bin"
		ok                     = connect.Code(0)
	)
	plain := listen(t, newServer(claim(), chosen()), nil)
	trusting := listen(t, newServer(claim(), chosen(), fromBilling()), nil)
	for _, test := range []struct {
		name   string
		server *httptest.Server
		header http.Header
		want   string
		code   connect.Code
	}{
		{"claim", plain, headers(token, "1"), "1", ok},
		{"claim_and_header", plain, headers(token, "1", header, "acme"), "1", ok},
		{"nothing", plain, nil, "", connect.CodeInvalidArgument},
		{
			"too_long", plain, headers(token, "1", header, strings.Repeat("a", 256)), "",
			connect.CodeInvalidArgument,
		},
		{"forged", plain, headers(token, "forged"), "", connect.CodeUnauthenticated},
		{"no_credentials", plain, headers(header, "acme"), "", connect.CodeUnauthenticated},
		{
			"credentials_of_no_tenant", plain, headers(token, "personal", header, "acme"), "",
			connect.CodePermissionDenied,
		},
		{"slug_as_an_id", plain, headers(token, "acme"), "", connect.CodeNotFound},
		{"unknown", plain, headers(token, "nobody"), "", connect.CodeNotFound},
		{
			"disagree", plain, headers(token, "1", header, "zeta"), "",
			connect.CodePermissionDenied,
		},
		{"suspended", plain, headers(token, "unpaid"), "", connect.CodePermissionDenied},
		{"down", plain, headers(token, "down"), "", connect.CodeUnavailable},
		{"sent_by_a_client", plain, headers(travels, sent("1")), "", connect.CodeInvalidArgument},

		{"trusted", trusting, headers("From", "billing", travels, sent("1")), "1", ok},
		{
			"trusted_no_ascii", trusting, headers("From", "billing", travels, sent("größe")),
			"größe", ok,
		},
		{
			"trusted_twice", trusting,
			headers("From", "billing", travels, sent("1"), travels, sent("1")), "1", ok,
		},
		{
			"trusted_two", trusting,
			headers("From", "billing", travels, sent("1"), travels, sent("2")), "",
			connect.CodeInvalidArgument,
		},
		{
			"trusted_empty", trusting, headers("From", "billing", travels, ""), "",
			connect.CodeInvalidArgument,
		},
		{
			"trusted_no_base64", trusting, headers("From", "billing", travels, "!"), "",
			connect.CodeInvalidArgument,
		},
		{
			"trusted_with_a_slug", trusting, headers("From", "billing", travels, sent("acme")), "",
			connect.CodeNotFound,
		},
		{
			"trusted_with_a_token_of_another", trusting,
			headers("From", "billing", travels, sent("1"), token, "2"), "",
			connect.CodePermissionDenied,
		},
		{"stranger", trusting, headers(travels, sent("1")), "", connect.CodeUnauthenticated},
		{
			"stranger_beside_a_claim_of_another", trusting,
			headers(travels, sent("1"), token, "2"), "", connect.CodePermissionDenied,
		},
		{"stranger_beside_a_claim", trusting, headers(travels, sent("1"), token, "1"), "1", ok},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				got, err := c.call(t.Context(), test.server, test.header)
				if test.code == ok {
					require.NoError(t, err)
					require.Equal(t, test.want, got)
					return
				}
				require.Equal(t, test.code, connect.CodeOf(err), "%v", err)
				for _, word := range []string{"acme", "token-4711", "password", "zeta"} {
					require.NotContains(t, err.Error(), word)
				}
			})
		}
	}
}

func TestExcept(t *testing.T) {
	t.Parallel()
	server := listen(t, newServer(claim(), connecttenant.Except("/test.Whoami/Unary")), nil)
	got, err := unary(t.Context(), server, nil)
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = stream(t.Context(), server, nil)
	require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
}

func TestUnauthenticated_says_how(t *testing.T) {
	t.Parallel()
	server := listen(t, newServer(claim()), nil)
	_, err := unary(t.Context(), server, headers("Authorization", "forged"))
	var refused *connect.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "Bearer", refused.Meta().Get("WWW-Authenticate"))
}

// The tenant is told to the servers that are trusted with it, and to no others.
func TestClient_tells_trusted_servers_only(t *testing.T) {
	t.Parallel()
	const travels = "Gormtenant-Tenant-Bin"
	var ours, theirs [][]string
	everyone := connecttenant.Except("/test.Whoami/")
	our := listen(t, newServer(claim(), everyone), &ours)
	their := listen(t, newServer(claim(), everyone), &theirs)
	client := connect.WithInterceptors(connecttenant.NewClient(
		connecttenant.TrustServers(strings.TrimPrefix(our.URL, "https://"))))
	acme := &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}
	for _, test := range []struct {
		name   string
		ctx    context.Context
		header http.Header
		want   []string // that our server is told
	}{
		{"tenant", tenants.NewContext(t.Context(), acme), nil, []string{sent("1")}},
		{"by_number", gormtenant.WithTenant(t.Context(), 7), nil, []string{sent("7")}},
		{"none", t.Context(), nil, nil},
		{
			"unscoped", gormtenant.Unscoped(tenants.NewContext(t.Context(), acme), "test"), nil,
			nil,
		},
		{"passed_on_by_the_application", t.Context(), headers(travels, sent("2")), nil},
		{
			"passed_on_beside_a_tenant", tenants.NewContext(t.Context(), acme),
			headers(travels, sent("2")),
			[]string{sent("1")},
		},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				ours, theirs = nil, nil
				_, err := c.call(test.ctx, our, test.header, client)
				require.NoError(t, err)
				require.Equal(t, [][]string{test.want}, ours)
				_, err = c.call(test.ctx, their, test.header, client)
				require.NoError(t, err)
				require.Equal(t, [][]string{nil}, theirs)
			})
		}
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func()
		want string
	}{
		{"no_directory", func() { connecttenant.NewServer(nil, claim()) }, "needs a directory"},
		{"no_source", func() { newServer() }, "needs a source"},
		{"free", func() { newServer(chosen()) }, "lets clients name any"},
		{"no_claim", func() { newServer(connecttenant.Claim(nil)) }, "Claim needs a function"},
		{"no_trust", func() { newServer(connecttenant.TrustCallers(nil)) }, "TrustCallers needs"},
		{"except", func() { newServer(claim(), connecttenant.Except("/")) }, "Except("},
		{"no_servers", func() { connecttenant.NewClient() }, "needs the servers"},
		{
			"url", func() { connecttenant.NewClient(connecttenant.TrustServers("https://x")) },
			"name the host",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				text, _ := recover().(string)
				require.Contains(t, text, "gormtenant: ")
				require.Contains(t, text, test.want)
			}()
			test.make()
		})
	}
}
