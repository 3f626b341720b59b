package connecttenant

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"connectrpc.com/connect"

	"github.com/gormtenant/gormtenant"
)

// Client is an interceptor that sends the tenant of a call's context on to other services. It is
// made by [NewClient] and safe for concurrent use.
type Client struct{ servers map[string]struct{} }

var _ connect.Interceptor = (*Client)(nil)

// ClientOption is what [NewClient] takes.
type ClientOption interface {
	apply(c *Client) error
}

type clientOptionFunc func(c *Client) error

func (o clientOptionFunc) apply(c *Client) error { return o(c) }

// TrustServers sends the tenant on to these servers: hosts of the URLs that clients are given, with
// their ports if they have any, such as "billing.internal:8443", compared byte for byte. Their
// certificates are what proves that they are these servers: use https, and an http.Client that
// follows no redirects, because it would take the header along.
func TrustServers(hosts ...string) ClientOption {
	return clientOptionFunc(func(c *Client) error {
		for _, host := range hosts {
			if host == "" || strings.ContainsAny(host, "/*") {
				return fmt.Errorf("TrustServers(%q): name the host of a URL, such as "+
					"\"billing.internal:8443\"", host)
			}
			c.servers[host] = struct{}{}
		}
		return nil
	})
}

// NewClient returns a Client for the servers of [TrustServers]. Calls of other servers are sent
// without the tenant, also where the application passes on the headers that it was called with. So
// are calls whose context has no tenant, or is gormtenant.Unscoped.
//
//	projectsconnect.NewProjectsClient(httpClient, "https://projects.internal",
//		connect.WithInterceptors(connecttenant.NewClient(
//			connecttenant.TrustServers("projects.internal"))))
//
// It panics if it is given no server.
func NewClient(options ...ClientOption) *Client {
	c := &Client{servers: map[string]struct{}{}}
	for _, o := range options {
		if o == nil {
			panic("gormtenant: connecttenant.NewClient: an option is nil")
		}
		if err := o.apply(c); err != nil {
			panic(fmt.Sprintf("gormtenant: connecttenant.%v", err))
		}
	}
	if len(c.servers) == 0 {
		panic("gormtenant: connecttenant.NewClient needs the servers that may be told the " +
			"tenant: connecttenant.TrustServers")
	}
	return c
}

// WrapUnary is called by Connect.
func (c *Client) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if request.Spec().IsClient {
			c.set(ctx, request.Peer().Addr, request.Header())
		}
		return next(ctx, request)
	}
}

// WrapStreamingClient is called by Connect.
func (c *Client) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		stream := next(ctx, spec)
		return &outgoing{StreamingClientConn: stream, set: func() {
			c.set(ctx, stream.Peer().Addr, stream.RequestHeader())
		}}
	}
}

// WrapStreamingHandler is called by Connect. It does nothing.
func (c *Client) WrapStreamingHandler(
	next connect.StreamingHandlerFunc,
) connect.StreamingHandlerFunc {
	return next
}

// outgoing is a stream whose header is completed by the first message, which takes it along: what
// the application sets, it sets after the stream was made.
type outgoing struct {
	connect.StreamingClientConn
	once sync.Once
	set  func()
}

// Send sends a message, or the header alone for nil.
func (o *outgoing) Send(message any) error {
	o.once.Do(o.set)
	return o.StreamingClientConn.Send(message)
}

// CloseRequest sends the header too, if no message has.
func (o *outgoing) CloseRequest() error {
	o.once.Do(o.set)
	return o.StreamingClientConn.CloseRequest()
}

// set puts the tenant of ctx into header, or takes out what is there.
func (c *Client) set(ctx context.Context, server string, header http.Header) {
	_, trusted := c.servers[server]
	id, ok := gormtenant.FromContext(ctx)
	if !ok || !trusted {
		header.Del(tenantHeader)
		return
	}
	header.Set(tenantHeader, connect.EncodeBinaryHeader([]byte(fmt.Sprint(id))))
}
