// Package snippet is the prelude of a server of Connect.
package snippet

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gormtenant/gormtenant/middleware/connecttenant"
)

const path = "/projects.v1.Projects/List"

var (
	mux           *http.ServeMux
	httpClient    *http.Client
	authenticate  connect.Interceptor
	tenantOfToken func(ctx context.Context, call connecttenant.Call) (string, error)
)

func list(
	context.Context, *connect.Request[emptypb.Empty],
) (*connect.Response[wrapperspb.Int64Value], error) {
	return nil, nil
}
