package pgtest

import (
	"net"
	"testing"
)

var (
	FastSettings = fastSettings
	FindBinaries = findBinaries
	FreePort     = freePort
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
	return c.dsn, c.stop, nil
}

// NewIn returns a New with a source of its own, which looks for a server in places.
func NewIn(places ...string) func(testing.TB) string {
	s := source{launcher: launcher{places: places, settings: fastSettings, port: freePort}}
	return s.newDatabase
}

// Serve passes on what client and the server say to each other, until both are done.
func (p *Proxy) Serve(client net.Conn) { p.serve(client) }
