package grpctenant

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/gormtenant/gormtenant"
)

// Client sends the tenant of a call's context on to other services. It is made by [NewClient] and
// safe for concurrent use.
type Client struct{ servers map[string]struct{} }

// ClientOption is what [NewClient] takes.
type ClientOption interface {
	apply(c *Client) error
}

type clientOptionFunc func(c *Client) error

func (o clientOptionFunc) apply(c *Client) error { return o(c) }

// TrustServers sends the tenant on to these servers: targets as grpc.NewClient is given them, such
// as "dns:///billing.internal:443", compared byte for byte. Their certificates are what proves that
// they are these servers: use TLS.
func TrustServers(targets ...string) ClientOption {
	return clientOptionFunc(func(c *Client) error {
		for _, target := range targets {
			if target == "" {
				return fmt.Errorf("TrustServers(%q): name a target, as grpc.NewClient is given it",
					target)
			}
			c.servers[target] = struct{}{}
		}
		return nil
	})
}

// NewClient returns a Client for the servers of [TrustServers]. Calls of other servers are sent
// without the tenant, also where the application passes on the metadata that it was called with. So
// are calls whose context has no tenant, or is gormtenant.Unscoped.
//
//	client := grpctenant.NewClient(grpctenant.TrustServers(target))
//	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(tls),
//		grpc.WithChainUnaryInterceptor(client.Unary()),
//		grpc.WithChainStreamInterceptor(client.Stream()))
//
// It panics if it is given no server.
func NewClient(options ...ClientOption) *Client {
	c := &Client{servers: map[string]struct{}{}}
	for _, o := range options {
		if o == nil {
			panic("gormtenant: grpctenant.NewClient: an option is nil")
		}
		if err := o.apply(c); err != nil {
			panic(fmt.Sprintf("gormtenant: grpctenant.%v", err))
		}
	}
	if len(c.servers) == 0 {
		panic("gormtenant: grpctenant.NewClient needs the servers that may be told the tenant: " +
			"grpctenant.TrustServers")
	}
	return c
}

// Unary returns the interceptor of calls of one message.
func (c *Client) Unary() grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		return invoke(c.outgoing(ctx, connection), method, request, reply, connection, options...)
	}
}

// Stream returns the interceptor of streams.
func (c *Client) Stream() grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
		method string, open grpc.Streamer, options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		return open(c.outgoing(ctx, connection), description, connection, method, options...)
	}
}

// outgoing returns ctx with the tenant in its metadata, or with none.
func (c *Client) outgoing(ctx context.Context, connection *grpc.ClientConn) context.Context {
	outgoing, _ := metadata.FromOutgoingContext(ctx) // a copy
	_, trusted := c.servers[connection.Target()]
	id, ok := gormtenant.FromContext(ctx)
	if !ok || !trusted {
		if len(outgoing.Get(metadataKey)) == 0 {
			return ctx
		}
		outgoing.Delete(metadataKey)
		return metadata.NewOutgoingContext(ctx, outgoing)
	}
	if outgoing == nil {
		outgoing = metadata.MD{}
	}
	outgoing.Set(metadataKey, fmt.Sprint(id))
	return metadata.NewOutgoingContext(ctx, outgoing)
}
