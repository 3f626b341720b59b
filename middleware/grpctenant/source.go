package grpctenant

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// metadataKey is the key of the metadata in which the tenant travels between services. What ends in
// -bin is sent as base64, so that every ID can be.
const metadataKey = "gormtenant-tenant-bin"

// source finds the name of a tenant in the context of a call.
type source struct {
	name    string // for errors: the call that made it
	vouches bool
	id      bool // what it finds must be an ID
	find    func(ctx context.Context) (string, error)
	// trusted says of one call that what is found vouches, where the source in itself does not.
	trusted func(ctx context.Context) bool
}

// ask returns what s says of a call.
func (s *source) ask(ctx context.Context) resolve.Candidate {
	name, err := s.find(ctx)
	said := resolve.Candidate{
		Source: s.name, Name: name, Vouches: s.vouches, ID: s.id, Err: err,
	}
	if s.trusted != nil && (name != "" || err != nil) {
		said.Vouches = s.trusted(ctx)
	}
	return said
}

var errTwice = errors.New("the metadata has different tenants, or none")

// forwarded is the source of tenants that another service says the call is for.
func (s *Server) forwarded() source {
	return source{
		name: "the metadata " + metadataKey, vouches: true, id: true,
		trusted: func(ctx context.Context) bool {
			for _, trusts := range s.trusts {
				if trusts(ctx) {
					return true
				}
			}
			return false
		},
		find: func(ctx context.Context) (string, error) {
			incoming, _ := metadata.FromIncomingContext(ctx)
			values := incoming.Get(metadataKey)
			if len(values) == 0 {
				return "", nil
			}
			for _, value := range values {
				if value == "" || value != values[0] {
					return "", resolve.Refuse(resolve.Malformed, errTwice)
				}
			}
			return values[0], nil
		},
	}
}

// certified reports whether the caller has a certificate, which the server has verified, for one of
// the names.
func certified(ctx context.Context, names map[string]struct{}) bool {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	info, ok := caller.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return false
	}
	certificate := info.State.VerifiedChains[0][0]
	for _, name := range certificate.DNSNames {
		if _, ok := names[name]; ok {
			return true
		}
	}
	for _, uri := range certificate.URIs {
		if _, ok := names[uri.String()]; ok {
			return true
		}
	}
	return false
}

// addSource is called by options that are sources.
func (s *Server) addSource(
	option, name string, vouches, id bool, find func(ctx context.Context) (string, error),
) error {
	if find == nil {
		return fmt.Errorf("%s needs a function that returns the tenant of a call", option)
	}
	s.sources = append(s.sources, source{name: name, vouches: vouches, id: id, find: find})
	return nil
}
