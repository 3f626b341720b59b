package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// fastSettings are options for postgres. Nothing of a throwaway cluster has to survive a crash.
// The Unix socket is off because its path, in a deep temporary directory, exceeds the 103 bytes
// that macOS allows.
var fastSettings = []string{
	"-c fsync=off",
	"-c synchronous_commit=off",
	"-c full_page_writes=off",
	"-c autovacuum=off", // the databases do not live long enough for it
	"-c jit=off",
	"-c max_connections=200",
	"-c listen_addresses=127.0.0.1",
	"-c unix_socket_directories=",
}

// bindAttempts is how many ports are tried. Any process may take a port between the moment it is
// found free and the moment postgres binds it, another test binary for one.
const bindAttempts = 10

// logLines is how much of the server's log an error quotes.
const logLines = 20

// launcher starts private clusters.
type launcher struct {
	places   []string            // see findBinaries
	settings []string            // options for postgres, without spaces inside a value
	port     func() (int, error) // returns a port that is likely to be free
}

// start makes a cluster and runs its server. The error quotes the end of the server's log.
func (l launcher) start() (_ *cluster, err error) {
	user, err := findAccount()
	if err != nil {
		return nil, err
	}
	bin, err := findBinaries(l.places)
	if err != nil {
		return nil, err
	}
	c, err := newCluster(bin, user, l.settings)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()

	if !c.answersOK() {
		return nil, fmt.Errorf("%s failed:\n%s", filepath.Join(bin, "initdb"), c.logTail())
	}
	for range bindAttempts {
		port, err := l.port()
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		if c.startServer(port) {
			return c, nil
		}
		if !strings.Contains(c.log(), "could not bind") {
			break
		}
	}
	return nil, fmt.Errorf("%s does not start:\n%s", filepath.Join(bin, "postgres"), c.logTail())
}

// freePort returns a port of 127.0.0.1 that nothing listened on just now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// log returns what initdb or the last attempt to start the server has logged.
func (c *cluster) log() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// logTail returns the last lines of the log.
func (c *cluster) logTail() string {
	lines := strings.Split(strings.TrimSpace(c.log()), "\n")
	return strings.Join(lines[max(0, len(lines)-logLines):], "\n")
}
