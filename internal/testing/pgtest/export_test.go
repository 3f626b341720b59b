package pgtest

import (
	"net"
	"testing"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

var (
	FastSettings = fastSettings
	FindBinaries = findBinaries
	FreePort     = server.FreePort
	WithDatabase = withDatabase
	ErrNoServer  = errNoServer
	EnvDSN       = envDSN
)

// Start starts a private cluster besides the shared one.
func Start(settings []string, port func() (int, error)) (dsn string, stop func() error, err error) {
	c, err := launcher{places: usualPlaces, settings: settings, port: port}.start()
	if err != nil {
		return "", nil, err
	}
	return c.dsn, c.Stop, nil
}

// NewIn returns a New with a source of its own, which looks for a server in places.
func NewIn(places ...string) func(testing.TB) string {
	s := source{launcher: launcher{places: places, settings: fastSettings, port: server.FreePort}}
	return s.newDatabase
}

// Serve passes on what client and the server say to each other, until both are done.
func (p *Proxy) Serve(client net.Conn) { p.serve(client) }
