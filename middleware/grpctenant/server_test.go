package grpctenant_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/gormtenant/gormtenant/middleware/grpctenant"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestServer(t *testing.T) {
	t.Parallel()
	const token, header = "authorization", "x-tenant"
	connection := dial(t, listen(t, newServer(claim(), chosen()), nil, nil), nil)
	hiding := dial(t, listen(t, newServer(claim(), chosen(), grpctenant.HideUnknown()), nil, nil),
		nil)
	for _, test := range []struct {
		name     string
		metadata []string
		want     string
		code     codes.Code
		hidden   codes.Code
	}{
		{"claim", []string{token, "1"}, "1", codes.OK, codes.OK},
		{"claim_and_header", []string{token, "1", header, "acme"}, "1", codes.OK, codes.OK},

		{"nothing", nil, "", codes.InvalidArgument, codes.InvalidArgument},
		{
			"too_long",
			[]string{token, "1", header, strings.Repeat("a", 256)},
			"",
			codes.InvalidArgument, codes.InvalidArgument,
		},
		{"forged", []string{token, "forged"}, "", codes.Unauthenticated, codes.Unauthenticated},
		{
			"no_credentials",
			[]string{header, "acme"},
			"", codes.Unauthenticated,
			codes.Unauthenticated,
		},
		{
			"credentials_of_no_tenant",
			[]string{token, "personal", header, "acme"},
			"",
			codes.PermissionDenied, codes.PermissionDenied,
		},
		{"slug_as_an_id", []string{token, "acme"}, "", codes.NotFound, codes.PermissionDenied},
		{"unknown", []string{token, "nobody"}, "", codes.NotFound, codes.PermissionDenied},
		{
			"disagree",
			[]string{token, "1", header, "zeta"},
			"", codes.PermissionDenied,
			codes.PermissionDenied,
		},
		{
			"suspended",
			[]string{token, "unpaid"},
			"", codes.PermissionDenied,
			codes.PermissionDenied,
		},
		{"down", []string{token, "down"}, "", codes.Unavailable, codes.Unavailable},
		{
			"sent_by_a_client",
			[]string{"gormtenant-tenant-bin", "1"},
			"", codes.InvalidArgument,
			codes.InvalidArgument,
		},
		{
			"sent_by_a_client_beside_a_claim",
			[]string{token, "1", "gormtenant-tenant-bin", "2"},
			"1", codes.OK, codes.OK,
		},
	} {
		for _, c := range calls {
			t.Run(test.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				ctx := metadata.AppendToOutgoingContext(t.Context(), test.metadata...)
				got, err := c.call(ctx, connection)
				require.Equal(t, test.code, status.Code(err), "%v", err)
				require.Equal(t, test.want, got)
				if err != nil {
					for _, word := range []string{"acme", "token-4711", "password", "zeta"} {
						require.NotContains(t, status.Convert(err).Message(), word)
					}
				}
				_, err = c.call(ctx, hiding)
				require.Equal(t, test.hidden, status.Code(err), "%v", err)
			})
		}
	}
}

func TestServer_authorizes(t *testing.T) {
	t.Parallel()
	s := newServer(chosen(), grpctenant.Authorize(func(_ context.Context, t *tenants.Tenant) error {
		if t.ID != "1" {
			return errors.New("not a member")
		}
		return nil
	}))
	connection := dial(t, listen(t, s, nil, nil), nil)
	for _, c := range calls {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-tenant", "acme")
		got, err := c.call(ctx, connection)
		require.NoError(t, err)
		require.Equal(t, "1", got)
		ctx = metadata.AppendToOutgoingContext(t.Context(), "x-tenant", "zeta")
		_, err = c.call(ctx, connection)
		require.Equal(t, codes.PermissionDenied, status.Code(err))
	}
}

func TestExcept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		except        string
		unary, stream codes.Code
	}{
		{"/test.Whoami/", codes.OK, codes.OK},
		{"/test.Whoami/Unary", codes.OK, codes.InvalidArgument},
		{"/test.Whoami/Un", codes.InvalidArgument, codes.InvalidArgument},
		{"/test.Who/", codes.InvalidArgument, codes.InvalidArgument},
		{"/test.whoami/", codes.InvalidArgument, codes.InvalidArgument},
	} {
		t.Run(test.except, func(t *testing.T) {
			t.Parallel()
			s := newServer(claim(), grpctenant.Except(test.except))
			connection := dial(t, listen(t, s, nil, nil), nil)
			for i, want := range []codes.Code{test.unary, test.stream} {
				got, err := calls[i].call(t.Context(), connection)
				require.Equal(t, want, status.Code(err))
				require.Empty(t, got)
			}
		})
	}
}

// A refusal is logged once, with its reason.
func TestServer_logs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var buffer bytes.Buffer
	s := grpctenant.NewServer(directory{}, claim(), chosen(),
		grpctenant.Logger(slog.New(slog.NewTextHandler(&locked{&mu, &buffer}, nil))))
	connection := dial(t, listen(t, s, nil, nil), nil)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "1", "x-tenant", "zeta")
	_, err := calls[0].call(ctx, connection)
	require.Error(t, err)
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, buffer.String(), "level=WARN")
	require.Contains(t, buffer.String(), "code=PermissionDenied")
	require.Contains(t, buffer.String(), "method=/test.Whoami/Unary")
	require.Equal(t, 1, bytes.Count(buffer.Bytes(), []byte("\n")))
}

type locked struct {
	mu     *sync.Mutex
	buffer *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func TestPanics(t *testing.T) {
	t.Parallel()
	find := func(context.Context) (string, error) { return "", nil }
	for _, test := range []struct {
		name string
		make func()
		want string
	}{
		{"no_directory", func() { grpctenant.NewServer(nil, claim()) }, "needs a directory"},
		{"no_source", func() { grpctenant.NewServer(directory{}) }, "needs a source"},
		{"nil_option", func() { grpctenant.NewServer(directory{}, nil) }, "an option is nil"},
		{"free", func() { grpctenant.NewServer(directory{}, chosen()) }, "lets clients name any"},
		{"no_claim", func() { newServer(grpctenant.Claim(nil)) }, "Claim needs a function"},
		{"no_slug", func() { newServer(grpctenant.ClaimSlug(nil)) }, "ClaimSlug needs a function"},
		{"no_find", func() { newServer(grpctenant.Source("x", nil)) }, "needs a function"},
		{"no_name", func() { newServer(grpctenant.Source("", find)) }, "needs a name"},
		{
			"no_names", func() { newServer(grpctenant.TrustCertificates()) },
			"TrustCertificates needs the names",
		},
		{
			"wildcard", func() { newServer(grpctenant.TrustCertificates("*.internal")) },
			"no wildcard",
		},
		{"no_trust", func() { newServer(grpctenant.TrustCallers(nil)) }, "TrustCallers needs"},
		{"no_authorize", func() { newServer(grpctenant.Authorize(nil)) }, "Authorize needs"},
		{"except_no_slash", func() { newServer(claim(), grpctenant.Except("a/b")) }, "Except("},
		{"except_all", func() { newServer(claim(), grpctenant.Except("/")) }, "Except("},
		{"except_empty", func() { newServer(claim(), grpctenant.Except("")) }, "Except("},
		{"no_clock", func() { newServer(grpctenant.Clock(nil)) }, "Clock needs"},
		{"no_logger", func() { newServer(grpctenant.Logger(nil)) }, "Logger needs"},
		{"no_servers", func() { grpctenant.NewClient() }, "needs the servers"},
		{
			"empty_server", func() { grpctenant.NewClient(grpctenant.TrustServers("")) },
			"name a target",
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
