package connecttenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"connectrpc.com/connect"

	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// tenantHeader is the header in which the tenant travels between services. What ends in -Bin is
// base64, so that every ID can be sent.
const tenantHeader = "Gormtenant-Tenant-Bin"

// Call is what is known of a call before its first message. It is read only.
type Call struct {
	Spec   connect.Spec // the method
	Peer   connect.Peer // the caller's address and protocol
	Header http.Header  // of the request
}

// source finds the name of a tenant in a call.
type source struct {
	name    string // for errors: the call that made it
	vouches bool
	id      bool // what it finds must be an ID
	find    func(ctx context.Context, call Call) (string, error)
	// trusted says of one call whether what is found vouches, which is not the source's to say.
	trusted func(ctx context.Context, call Call) bool
}

// ask returns what s says of a call.
func (s *source) ask(ctx context.Context, call Call) resolve.Candidate {
	name, err := s.find(ctx, call)
	said := resolve.Candidate{
		Source: s.name, Name: name, Vouches: s.vouches, ID: s.id, Err: err,
	}
	if s.trusted != nil && (name != "" || err != nil) {
		said.Vouches = s.trusted(ctx, call)
	}
	return said
}

var errTwice = errors.New("the header has different tenants, or none")

// forwarded is the source of tenants that another service says the call is for.
func (s *Server) forwarded() source {
	return source{
		name: "the header " + tenantHeader, vouches: true, id: true,
		trusted: func(ctx context.Context, call Call) bool {
			for _, trusts := range s.trusts {
				if trusts(ctx, call) {
					return true
				}
			}
			return false
		},
		find: func(_ context.Context, call Call) (string, error) {
			name := ""
			for i, value := range call.Header[tenantHeader] {
				decoded, err := connect.DecodeBinaryHeader(value)
				if err != nil || len(decoded) == 0 || i > 0 && name != string(decoded) {
					return "", resolve.Refuse(resolve.Malformed, errTwice)
				}
				name = string(decoded)
			}
			return name, nil
		},
	}
}

// addSource is called by options that are sources.
func (s *Server) addSource(
	option, name string, vouches, id bool,
	find func(ctx context.Context, call Call) (string, error),
) error {
	if find == nil {
		return fmt.Errorf("%s needs a function that returns the tenant of a call", option)
	}
	s.sources = append(s.sources, source{name: name, vouches: vouches, id: id, find: find})
	return nil
}
