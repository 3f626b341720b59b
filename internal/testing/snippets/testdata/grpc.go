// Package snippet is the prelude of a server of gRPC.
package snippet

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

var (
	authenticate  grpc.UnaryServerInterceptor
	tenantOfToken func(ctx context.Context) (string, error)
	tls           credentials.TransportCredentials
)
