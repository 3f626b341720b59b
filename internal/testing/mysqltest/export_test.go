package mysqltest

import (
	"testing"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

var (
	FastSettings = fastSettings
	UsualPlaces  = usualPlaces
	FindBinary   = findBinary
	ErrNoServer  = errNoServer
	EnvDSN       = envDSN
)

// Start starts a private server besides the shared one.
func Start(settings []string, port func() (int, error)) (dsn string, stop func() error, err error) {
	dsn, s, err := launcher{places: usualPlaces, settings: settings, port: port}.start()
	if err != nil {
		return "", nil, err
	}
	return dsn, s.Stop, nil
}

// NewIn returns a New with a source of its own, which looks for a server in places.
func NewIn(places ...string) func(testing.TB) string {
	s := source{launcher: launcher{places: places, settings: fastSettings, port: server.FreePort}}
	return s.newDatabase
}
